//! Where a detector errs most on a labelled set, and of what it could say nothing.

use super::gallery::{ShownFace, error};
use super::test_set::label;
use super::{Material, name, words};
use crate::infer::{InferSummary, NEUTRAL_SCORE, VideoResult};
use crate::page::{Cell, Figure, Html, Section, Table};
use crate::types::Label;

/// Errors of each class in a table.
const ROWS: usize = 20;
/// Videos without an answer that are listed.
const UNANSWERED: usize = 500;

/// Real videos with the highest and fakes with the lowest scores, with their faces.
pub(super) fn section(material: &Material) -> Html {
    let videos = &material.summary.videos;
    let of = |label: Label| {
        let scored =
            |number: &usize| videos[*number].label == Some(label) && !videos[*number].frame_scores.is_empty();
        let mut numbers: Vec<usize> = (0..videos.len()).filter(scored).collect();
        numbers.sort_by(|&a, &b| error(&videos[b]).total_cmp(&error(&videos[a])));
        numbers
    };
    let part = |label: Label, title: &str, caption: &str| {
        let numbers = of(label);
        let faces = numbers.iter().flat_map(|&number| {
            material.gallery.faces(number).iter().take(1).map(move |face| (&videos[number], face))
        });
        let table = Table::new(caption)
            .text("video")
            .text("kind")
            .number("score")
            .text("verdict")
            .number("faces")
            .rows(numbers.iter().take(ROWS).map(|&number| row(&videos[number])));
        match numbers.is_empty() {
            true => Html::default(),
            false => Html::heading(3, title).with(Html::grid(faces.map(figure))).with(table.html()),
        }
    };
    let border = material.summary.decision.map_or(NEUTRAL_SCORE, |judge| judge.threshold);
    let wrong = |label: Label| {
        let scored =
            videos.iter().filter(|video| video.label == Some(label) && !video.frame_scores.is_empty());
        let is_over = |video: &&VideoResult| video.score.is_some_and(|score| score >= border);
        scored.filter(|video| is_over(video) != label.is_fake()).count()
    };
    let told = format!(
        "{} over the border of {border:.3} and {} under it. The faces are those with the highest score of each video, with \
         their heat maps: red speaks for a forgery, blue against one.",
        words::count(wrong(Label::Real), "real video"),
        words::count(wrong(Label::Fake), "fake one"),
    );
    Section::new("errors", "The worst errors")
        .with(Html::paragraph(&told))
        .with(part(
            Label::Real,
            "Real videos with the highest scores",
            "Real videos, the highest score first",
        ))
        .with(part(Label::Fake, "Fakes with the lowest scores", "Fakes, the lowest score first"))
        .html()
}

fn row(video: &VideoResult) -> Vec<Cell> {
    vec![
        Cell::text(video.path.as_str()),
        Cell::text(video.group.as_deref().unwrap_or("")),
        Cell::number(video.score, 4),
        Cell::text(video.verdict().map_or("", |verdict| verdict.words()))
            .class(words::class(video.verdict())),
        Cell::count(video.faces),
    ]
}

fn figure((video, face): (&VideoResult, &ShownFace)) -> Html {
    let kind = video.group.as_deref().map_or(String::new(), |kind| format!(", {kind}"));
    let score = video.score.map_or(String::new(), |score| format!(", score {score:.3}"));
    let caption =
        format!("{} ({}{kind}){score}; frame {}: {:.3}", name(video), label(video), face.frame, face.score);
    let texts = [format!("Face of {}", name(video)), "The same face with its heat map".to_owned()];
    let pictures = [(&face.face, texts[0].as_str()), (&face.map, texts[1].as_str())];
    Figure::of_pictures(pictures, &caption).html()
}

/// Videos that gave no face or could not be read.
pub(super) fn without_answer(summary: &InferSummary) -> Html {
    let unanswered: Vec<&VideoResult> =
        summary.videos.iter().filter(|video| video.frame_scores.is_empty() || !video.is_ok()).collect();
    if unanswered.is_empty() {
        return Html::default();
    }
    let row = |video: &&VideoResult| {
        vec![
            Cell::text(video.path.as_str()),
            Cell::text(label(video)),
            Cell::text(video.status.to_string()),
            Cell::number(video.score, 4),
            Cell::text(video.note.as_deref().unwrap_or("")),
        ]
    };
    let more = match unanswered.len().saturating_sub(UNANSWERED) {
        0 => Html::default(),
        more => Html::remark(&format!("… and {more} more, which the JSON has")),
    };
    Section::new("unanswered", "Videos without a face, or with something wrong")
        .with(
            Table::new("What went wrong, and the score that counted")
                .text("video")
                .text("label")
                .text("status")
                .number("score")
                .text("why")
                .rows(unanswered.iter().take(UNANSWERED).map(row))
                .html(),
        )
        .with(more)
        .html()
}
