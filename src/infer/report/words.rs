//! Sentences for people who are not of the field.

use crate::infer::{InferSummary, LIMITS, PersonResult, Verdict, VideoResult, clock};
use crate::page::Paint;
use crate::types::VideoStatus;

/// The colour of a verdict.
pub(super) fn paint(verdict: Option<Verdict>) -> Paint {
    match verdict {
        Some(Verdict::LikelyFake) => Paint::Fake,
        Some(Verdict::NoTraceFound) => Paint::Real,
        Some(Verdict::Undecided) => Paint::Doubt,
        None => Paint::Plain,
    }
}

/// The class of a verdict in tables.
pub(super) fn class(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::LikelyFake) => "fake",
        Some(Verdict::NoTraceFound) => "real",
        Some(Verdict::Undecided) => "doubt",
        None => "",
    }
}

/// The verdict in a few words, with a capital.
pub(super) fn headline(video: &VideoResult) -> String {
    match (video.verdict(), video.score) {
        (Some(_), _) => capital(&video.verdict_in_words()),
        (None, Some(score)) => format!("Score {score:.3}, no verdict"),
        (None, None) => "Not scored".to_owned(),
    }
}

/// A sentence with a capital and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let text = capital(text);
    if text.ends_with(['.', '!', '?']) { text } else { text + "." }
}

/// A text with a capital.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What the verdict means, for whom it is.
pub(super) fn meaning(video: &VideoResult) -> String {
    let several = video.counting_persons().count() > 1;
    let whose = match video.deciding_person.filter(|_| several) {
        Some(person) => format!("the face of person {person}"),
        None => "the face".to_owned(),
    };
    match (video.verdict(), video.status) {
        (Some(Verdict::LikelyFake), _) => format!(
            "In {whose} the detector sees what faces that were swapped or pasted in leave behind, more clearly than its \
             border asks for."
        ),
        (Some(Verdict::NoTraceFound), _) => format!(
            "In {whose} the detector does not see what faces that were swapped or pasted in leave behind."
        ),
        (Some(Verdict::Undecided), VideoStatus::Unreadable) => "The file could not be read, so nothing can be said of it.".to_owned(),
        (Some(Verdict::Undecided), _) if video.faces == 0 => {
            "No face was found that could be examined, so nothing can be said of the file.".to_owned()
        }
        (Some(Verdict::Undecided), _) => {
            "The detector cannot tell. Nothing follows from this, neither that the file is forged nor that it is real."
                .to_owned()
        }
        (None, _) if video.score.is_some() => "These weights are not calibrated and no border was given, so that there is a \
                      score and no verdict: the higher it is, the more a face looks like a forged one."
            .to_owned(),
        (None, _) => "No face was scored.".to_owned(),
    }
}

/// What it rests on.
pub(super) fn grounds(video: &VideoResult, summary: &InferSummary) -> Option<String> {
    let score = video.score?;
    let deciding = deciding(video);
    let frames = match (deciding, video.frame_scores.len()) {
        (Some(person), _) => person.frames,
        (None, frames) => frames,
    };
    let frames = if frames == 1 { "one frame".to_owned() } else { format!("{frames} frames") };
    let own = deciding.map_or(score, |person| person.score);
    let border = summary.decision.map(|judge| judge.border(video.counting_persons().count()));
    let border =
        border.map_or(String::new(), |border| format!("; from {border:.3} on a face counts as suspicious"));
    let probability = video.probability().map_or(String::new(), |probability| {
        format!(
            ". If as many forged as real files were examined, a file with such a score would be forged in {} of 100 cases",
            (100.0 * probability).round()
        )
    });
    Some(format!(
        "This rests on {frames} with this face. Their score is {own:.3} on a scale from 0 to 1{border}{probability}."
    ))
}

/// What it does not say.
pub(super) fn limits(verdict: Option<Verdict>) -> Option<String> {
    Some(match verdict? {
        Verdict::LikelyFake => "It is a reason to look closely, not a proof: real faces are called so too, above all where \
             videos are compressed or blurred. It does not say who made the forgery, or how, or whether anything besides \
             the face was changed."
            .to_owned(),
        Verdict::NoTraceFound => format!("It does not say that the file is real: {LIMITS}."),
        Verdict::Undecided => "A longer, larger or less compressed copy may tell more.".to_owned(),
    })
}

/// The person whose verdict is that of the file.
pub(super) fn deciding(video: &VideoResult) -> Option<&PersonResult> {
    video.counting_persons().find(|person| Some(person.person) == video.deciding_person)
}

/// The persons of a file, the most suspicious first and strays last.
pub(super) fn by_suspicion(video: &VideoResult) -> Vec<&PersonResult> {
    let mut persons: Vec<&PersonResult> = video.persons.iter().flatten().collect();
    let decides = |person: &PersonResult| Some(person.person) == video.deciding_person;
    persons.sort_by(|a, b| {
        (a.stray, !decides(a)).cmp(&(b.stray, !decides(b))).then(b.score.total_cmp(&a.score))
    });
    persons
}

/// When a person is seen: `from 0:02 to 0:41`.
pub(super) fn times(person: &PersonResult) -> String {
    match person.from_seconds < person.to_seconds {
        true => format!("from {} to {}", clock(person.from_seconds), clock(person.to_seconds)),
        false => format!("at {}", clock(person.from_seconds)),
    }
}

/// A count with its noun: `1 file`, `3 files`.
pub(super) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_begin_with_capitals_and_end() {
        assert_eq!(sentence("score 0.7, the border is at 0.1"), "Score 0.7, the border is at 0.1.");
        assert_eq!(sentence("éa!"), "Éa!");
        assert_eq!((count(1, "file"), count(2, "file")), ("1 file".to_owned(), "2 files".to_owned()));
    }
}
