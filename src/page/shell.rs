//! The page itself: head, style, policy, footer.

use super::Html;
use crate::atomic_file;
use askama::Template;
use askama::filters::Safe;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::Path;

/// The style of all pages: light and dark as the reader's system is, narrow and wide screens, paper.
pub const STYLE: &str = include_str!("templates/style.css");
/// Sorts tables. A page can be read without it.
const SORT: &str = include_str!("templates/sort.js");

/// A page. Without anything else it is a report: one file that makes no request, whoever opens it.
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    body: Html,
    script: &'static str,
    requests: &'static str,
}

impl Page {
    /// An empty page.
    pub fn new(title: &str) -> Page {
        Page { title: title.to_owned(), body: Html::default(), script: SORT, requests: "" }
    }

    /// A page that is served: with another script, which may ask the server that it came from. Both are part of the
    /// program; nothing from outside belongs into them.
    pub fn served(self, script: &'static str) -> Page {
        let requests = " connect-src 'self';";
        Page { script, requests, ..self }
    }

    /// With another piece.
    pub fn with(mut self, piece: Html) -> Page {
        self.body.push(piece);
        self
    }

    /// What the file says that it may do: the policy of its `<meta>`, also fit for a header.
    pub fn policy(&self) -> String {
        let sum = STANDARD.encode(Sha256::digest(self.script.as_bytes()));
        format!(
            "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{sum}';{} base-uri 'none'; \
             form-action 'none'",
            self.requests
        )
    }

    /// The whole file.
    pub fn render(&self) -> String {
        Html::of(&Shell { page: self }).to_string()
    }

    /// Writes the whole file at once, so that nobody reads half a page.
    ///
    /// Fails when the file cannot be written; one that is there stays as it is.
    pub fn write(&self, path: &Path) -> Result<(), atomic_file::Error> {
        let text = self.render();
        atomic_file::write(path, |file| file.write_all(text.as_bytes()))
    }
}

#[derive(Template)]
#[template(path = "page/templates/shell.html")]
struct Shell<'a> {
    page: &'a Page,
}

impl Shell<'_> {
    fn style(&self) -> Safe<&str> {
        Safe(STYLE)
    }

    fn script(&self) -> Safe<&str> {
        Safe(self.page.script)
    }

    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::testing::{assert_offline, assert_sound};
    use crate::page::{Figure, Picture, Table};
    use crate::types::RgbImage;

    #[test]
    fn a_page_is_sound_offline_and_escaped() {
        let hostile = "<script>alert(1)</script>\"'\u{202E}\u{0}";
        let picture = Picture::of(&RgbImage::filled(4, 4, [1; 3])).unwrap();
        let page = Page::new(hostile)
            .with(Html::paragraph(hostile))
            .with(Figure::of_pictures([(&picture, hostile)], hostile).html())
            .with(Table::new(hostile).text(hostile).row([hostile.into()]).sortable("t").html());
        let text = page.render();
        assert_sound(&text);
        assert_offline(&text);
        assert_eq!(text.matches("alert(1)").count(), text.matches("&#60;script&#62;alert(1)").count());
        assert!(text.contains("<html lang=\"en\""));
    }

    #[test]
    fn the_policy_names_the_script_that_is_there() {
        let page = Page::new("t");
        let text = page.render();
        let script = text.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
        let sum = STANDARD.encode(Sha256::digest(script.as_bytes()));
        assert!(page.policy().contains(&format!("'sha256-{sum}'")));
        assert!(text.contains(&sum) && !page.policy().contains("connect-src"));
        assert!(page.served("1").policy().contains("connect-src 'self'"));
    }

    #[test]
    fn templates_place_nothing_but_pieces() {
        // `|safe` would place text as it is; pieces have `placed()`.
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut folders = vec![root];
        let mut seen = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "html") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    assert!(!text.contains("|safe") && !text.contains("| safe"), "{}", path.display());
                    seen += 1;
                }
            }
        }
        assert!(seen >= 3, "{seen}");
    }
}
