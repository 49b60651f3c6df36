//! Pieces of a page.

use askama::Template;
use askama::filters::Safe;
use std::fmt;

/// A piece of HTML that may be placed as it is. Only templates of this project make it; text goes through [`Visible`].
///
/// [`Visible`]: super::Visible
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// What a template gives.
    ///
    /// # Panics
    /// When a template fails, which those without fallible parts do not.
    pub fn of(template: &impl Template) -> Html {
        Html(template.render().expect("writing to a string does not fail"))
    }

    /// A paragraph of text.
    pub fn paragraph(text: &str) -> Html {
        Html::of(&Paragraph { class: "", text })
    }

    /// A paragraph in smaller letters: remarks, sources, limits.
    pub fn remark(text: &str) -> Html {
        Html::of(&Paragraph { class: "remark", text })
    }

    /// A paragraph that must not be missed.
    pub fn warning(text: &str) -> Html {
        Html::of(&Paragraph { class: "warning", text })
    }

    /// A list of sentences; nothing where there is none.
    pub fn list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> Html {
        let items: Vec<String> = items.into_iter().map(|item| item.as_ref().to_owned()).collect();
        if items.is_empty() { Html::default() } else { Html::of(&List { items: &items }) }
    }

    /// Text to be copied letter by letter: commands, sums.
    pub fn code(text: &str) -> Html {
        Html::of(&Code { text })
    }

    /// A heading within a section, of level 3 or 4.
    pub fn heading(level: u8, text: &str) -> Html {
        Html::of(&Heading { level: level.clamp(3, 4), text })
    }

    /// Pieces side by side where there is room, else below one another.
    pub fn side_by_side(pieces: impl IntoIterator<Item = Html>) -> Html {
        Html::of(&SideBySide { pieces: &pieces.into_iter().collect::<Vec<_>>() })
    }

    /// Figures in a grid, as many side by side as there is room for.
    pub fn grid(pieces: impl IntoIterator<Item = Html>) -> Html {
        let pieces: Html = pieces.into_iter().collect();
        if pieces.is_empty() { pieces } else { Html::of(&Grid { pieces: &pieces }) }
    }

    /// Puts another piece after this one.
    pub fn push(&mut self, piece: Html) {
        self.0.push_str(&piece.0);
    }

    /// This piece and another one after it.
    pub fn with(mut self, piece: Html) -> Html {
        self.push(piece);
        self
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of the piece.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// For templates: to be placed as it is.
    pub fn placed(&self) -> Safe<&str> {
        Safe(&self.0)
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromIterator<Html> for Html {
    fn from_iter<I: IntoIterator<Item = Html>>(pieces: I) -> Html {
        pieces.into_iter().fold(Html::default(), Html::with)
    }
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<p{% if !class.is_empty() %} class="{{ class }}"{% endif %}>{{ text }}</p>
"#
)]
struct Paragraph<'a> {
    class: &'static str,
    text: &'a str,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = "<ul>
{% for item in items %}<li>{{ item }}</li>
{% endfor %}</ul>
"
)]
struct List<'a> {
    items: &'a [String],
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<pre tabindex="0"><code>{{ text }}</code></pre>
"#
)]
struct Code<'a> {
    text: &'a str,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = "<h{{ level }}>{{ text }}</h{{ level }}>
"
)]
struct Heading<'a> {
    level: u8,
    text: &'a str,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<div class="beside">
{% for piece in pieces %}<div>{{ piece.placed() }}</div>
{% endfor %}</div>
"#
)]
struct SideBySide<'a> {
    pieces: &'a [Html],
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<div class="faces">
{{ pieces.placed() }}</div>
"#
)]
struct Grid<'a> {
    pieces: &'a Html,
}

/// Names with what they stand for, such as settings: a `<dl>`.
#[derive(Clone, Debug, Default)]
pub struct Facts(Vec<(String, String, bool)>);

impl Facts {
    /// Without any.
    pub fn new() -> Facts {
        Facts::default()
    }

    /// Adds a fact.
    pub fn fact(mut self, name: &str, value: impl Into<String>) -> Facts {
        self.0.push((name.to_owned(), value.into(), false));
        self
    }

    /// Adds a fact whose value is copied letter by letter, such as a hash.
    pub fn code(mut self, name: &str, value: impl Into<String>) -> Facts {
        self.0.push((name.to_owned(), value.into(), true));
        self
    }

    /// Adds a fact where it is known.
    pub fn known(self, name: &str, value: Option<String>) -> Facts {
        match value {
            Some(value) => self.fact(name, value),
            None => self,
        }
    }

    /// The piece; nothing where there is no fact.
    pub fn html(&self) -> Html {
        if self.0.is_empty() { Html::default() } else { Html::of(&FactsTemplate { facts: &self.0 }) }
    }
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<dl>
{% for (name, value, is_code) in facts %}<div><dt>{{ name }}</dt><dd>{% if *is_code %}<code>{{ value }}</code>{% else %}{{ value }}{% endif %}</dd></div>
{% endfor %}</dl>
"#
)]
struct FactsTemplate<'a> {
    facts: &'a [(String, String, bool)],
}

/// A part of a page with a heading that links lead to.
#[derive(Clone, Debug)]
pub struct Section {
    id: String,
    title: String,
    body: Html,
}

impl Section {
    /// A section; `id` is one word of ASCII letters, digits and hyphens, used once on a page.
    pub fn new(id: &str, title: &str) -> Section {
        Section { id: id.to_owned(), title: title.to_owned(), body: Html::default() }
    }

    /// Adds a piece.
    pub fn with(mut self, piece: Html) -> Section {
        self.body.push(piece);
        self
    }

    /// The piece.
    pub fn html(&self) -> Html {
        Html::of(&SectionTemplate { section: self })
    }
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<section id="{{ section.id }}" aria-labelledby="{{ section.id }}-title">
<h2 id="{{ section.id }}-title">{{ section.title }}</h2>
{{ section.body.placed() }}</section>
"#
)]
struct SectionTemplate<'a> {
    section: &'a Section,
}

/// What is unfolded on demand, by mouse or keyboard, without a script; on paper it is unfolded.
#[derive(Clone, Debug)]
pub struct Details {
    summary: String,
    body: Html,
    open: bool,
}

impl Details {
    /// Folded; `summary` is what is seen.
    pub fn new(summary: &str) -> Details {
        Details { summary: summary.to_owned(), body: Html::default(), open: false }
    }

    /// Unfolded from the start, where `open` is true.
    pub fn open(self, open: bool) -> Details {
        Details { open, ..self }
    }

    /// Adds a piece.
    pub fn with(mut self, piece: Html) -> Details {
        self.body.push(piece);
        self
    }

    /// The piece.
    pub fn html(&self) -> Html {
        Html::of(&DetailsTemplate { details: self })
    }
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<details{% if details.open %} open="open"{% endif %}>
<summary>{{ details.summary }}</summary>
{{ details.body.placed() }}</details>
"#
)]
struct DetailsTemplate<'a> {
    details: &'a Details,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_pieces_are_not() {
        let list = Html::list(["<i>", "b"]);
        assert_eq!(list.to_string(), "<ul>\n<li>&#60;i&#62;</li>\n<li>b</li>\n</ul>\n");
        let section = Section::new("one", "A & B").with(list).html().to_string();
        assert!(section.contains("<li>&#60;i&#62;</li>") && section.contains(">A &#38; B</h2>"), "{section}");
        let facts = Facts::new().fact("a", "<").code("b", "c").known("d", None).html().to_string();
        assert!(
            facts.contains("<dd>&#60;</dd>") && facts.contains("<code>c</code>") && !facts.contains(">d<")
        );
        assert!(Facts::new().html().is_empty() && Html::list::<&str>([]).is_empty());
    }
}
