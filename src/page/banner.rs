//! What a reader has to know first.

use super::chart::Paint;
use super::{Figure, Html};
use askama::Template;

/// The answer of a page in a few words, with what it rests on and a picture.
#[derive(Clone, Debug)]
pub struct Banner {
    paint: Paint,
    word: String,
    sentences: Vec<String>,
    figure: Html,
}

impl Banner {
    /// `word` is the answer; its colour only repeats what it says.
    pub fn new(paint: Paint, word: &str) -> Banner {
        Banner { paint, word: word.to_owned(), sentences: Vec::new(), figure: Html::default() }
    }

    /// Adds a paragraph.
    pub fn with(mut self, sentence: impl Into<String>) -> Banner {
        self.sentences.push(sentence.into());
        self
    }

    /// With a picture beside it.
    pub fn figure(self, figure: &Figure) -> Banner {
        Banner { figure: figure.html(), ..self }
    }

    /// The piece.
    pub fn html(&self) -> Html {
        Html::of(&BannerTemplate { banner: self, class: &self.paint.class() })
    }
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<div class="verdict {{ class }}">
<div><p class="word">{{ banner.word }}</p>
{% for sentence in banner.sentences %}<p>{{ sentence }}</p>
{% endfor %}</div>
{{ banner.figure.placed() }}</div>
"#
)]
struct BannerTemplate<'a> {
    banner: &'a Banner,
    class: &'a str,
}
