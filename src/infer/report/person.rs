//! What is shown of one person: score over time, faces with heat maps, numbers.

use super::gallery::ShownFace;
use super::words;
use crate::infer::{Judge, Passage, PersonFace, PersonResult, VideoResult, clock};
use crate::page::{Axis, Chart, Dot, Facts, Figure, Html, Layer, Paint, Range};

/// Frames further apart than so many times the usual distance are not joined by a line.
const GAP: f64 = 3.0;

/// Everything about a person; `id` is the beginning of the names of its charts.
pub(super) fn person(
    person: &PersonResult,
    video: &VideoResult,
    judge: Option<Judge>,
    faces: &[ShownFace],
    id: &str,
) -> Html {
    let persons = video.counting_persons().count();
    let own: Vec<&ShownFace> = faces.iter().filter(|face| face.person == Some(person.person)).collect();
    let mut html = Html::heading(3, &title(person, persons));
    if let Some(judgement) = &person.judgement {
        html.push(Html::list(judgement.reasons.iter().map(|reason| words::sentence(reason))));
    }
    let passages = video.passages.as_deref().unwrap_or_default();
    let view = View { judge, persons, passages, id };
    html.push(view.chart(person, &own));
    html.push(grid(&own, video.frames));
    html.with(facts(person).html())
}

fn title(person: &PersonResult, persons: usize) -> String {
    let verdict = person.verdict().map_or(String::new(), |verdict| format!(": {verdict}"));
    match (person.stray, persons) {
        (true, _) => format!("Stray face {}, which decides nothing", person.person),
        (false, 0 | 1) => format!("The person{verdict}"),
        (false, _) => format!("Person {}{verdict}", person.person),
    }
}

/// Faces with their heat maps, in their order, of a file of which so many frames were looked at.
pub(super) fn grid(faces: &[&ShownFace], frames: usize) -> Html {
    let figure = |face: &&ShownFace| {
        let place = face.place(frames);
        let size = face.size.map_or(String::new(), |(width, height)| format!("{width:.0} x {height:.0} px"));
        let score = format!("score {:.3}", face.score);
        let told = [place.as_str(), &score, &size].into_iter().filter(|part| !part.is_empty());
        let told = told.collect::<Vec<_>>().join(", ");
        let texts = [
            format!("A face: {told}"),
            format!("Its heat map, red where it speaks for a forgery, blue where against: {told}"),
        ];
        let pictures = [(&face.face, texts[0].as_str()), (&face.map, texts[1].as_str())];
        Figure::of_pictures(pictures, &words::capital(&told)).html()
    };
    let shown = Html::grid(faces.iter().map(figure));
    if shown.is_empty() {
        return shown;
    }
    let remark = "The faces with the highest scores. The right half of each shows where in the face the score comes from: red \
                  speaks for a forgery, blue against one, grey says nothing. Such maps are coarse; they show where to look \
                  and prove nothing.";
    Html::remark(remark).with(shown)
}

fn facts(person: &PersonResult) -> Facts {
    let sides =
        || person.faces.iter().map(|PersonFace { bbox: [x0, y0, x1, y1], .. }| (x1 - x0).min(y1 - y0));
    let (least, most) = (sides().fold(f64::INFINITY, f64::min), sides().fold(0.0, f64::max));
    let size = match person.frames {
        1 => format!("{:.0} px, the shorter side", person.side),
        _ => format!("{:.0} px in the middle, {least:.0} to {most:.0} px; the shorter side", person.side),
    };
    let probability = person.judgement.as_ref().and_then(|judgement| judgement.probability);
    Facts::new()
        .fact("Score of all frames", format!("{:.4}", person.score))
        .known(
            "Probability of a fake",
            probability.map(|probability| format!("{probability:.2}, if half of all files were forged")),
        )
        .fact(
            "Seen in",
            format!("{} of {} frames that could show it", person.frames, person.frames_that_could),
        )
        .known("Seen", (person.frames > 1).then(|| words::times(person)))
        .fact("Size of the face", size)
        .known("Brightness", person.measured.brightness.map(|value| format!("{value:.0} of 255")))
        .known(
            "Sharpness",
            person.measured.sharpness.map(|value| {
                format!("{value:.0} (variance of the Laplacian; low where blurred, small or enlarged)")
            }),
        )
}

/// How charts of a file are drawn.
struct View<'a> {
    judge: Option<Judge>,
    persons: usize,
    passages: &'a [Passage],
    id: &'a str,
}

impl View<'_> {
    /// The score over time; of a single frame on a scale.
    fn chart(&self, person: &PersonResult, shown: &[&ShownFace]) -> Html {
        let border = self.judge.map(|judge| judge.border(self.persons));
        let undecided = self.judge.and_then(|judge| judge.undecided(self.persons));
        let id = format!("{}-p{}", self.id, person.person);
        let [only] = person.faces.as_slice() else {
            return self.over_time(&id, person, shown, (border, undecided));
        };
        let told = border.map_or(String::new(), |border| format!(" The border is at {border:.3}."));
        let text = format!("The face scores {:.3} on a scale from 0 (real) to 1 (fake).{told}", only.score);
        let value = Range {
            label: "this face".to_owned(),
            value: Some(only.score),
            interval: None,
            paint: Paint::Series(0),
        };
        Chart::new(&id, "Score", &text)
            .with_all(undecided.map(|(low, high)| Layer::span("undecided", Paint::Doubt, low, high)))
            .with_all(border.map(|border| Layer::upright("border", Paint::Plain, border)))
            .ranges(Axis::shares("score, 0 (real) to 1 (fake)"), vec![value])
            .html()
    }

    fn over_time(
        &self,
        id: &str,
        person: &PersonResult,
        shown: &[&ShownFace],
        (border, undecided): (Option<f64>, Option<(f64, f64)>),
    ) -> Html {
        let over = border.map(|border| person.faces.iter().filter(|face| face.score >= border).count());
        let over = over.map_or(String::new(), |over| format!(", {over} of them over the border"));
        let text = format!(
            "Score of each of {} frames{over}; the mean is {:.3}. 0 is real, 1 is fake.",
            person.faces.len(),
            person.score
        );
        let lines = segments(&person.faces).into_iter().enumerate().map(|(at, points)| {
            Layer::line(if at == 0 { "score of a frame" } else { "" }, Paint::Series(0), points)
        });
        let dots = |faces: &[PersonFace]| -> Vec<Dot> {
            let dot = |face: &PersonFace| Dot {
                x: face.seconds,
                y: face.score,
                text: format!("frame {} at {}: {:.3}", face.frame, clock(face.seconds), face.score),
            };
            faces.iter().map(dot).collect()
        };
        let pictured: Vec<PersonFace> = person
            .faces
            .iter()
            .filter(|face| shown.iter().any(|shown| shown.frame == face.frame))
            .cloned()
            .collect();
        let own = self.passages.iter().filter(|passage| passage.person == person.person);
        let passages = own.enumerate().map(|(at, passage)| {
            let name = if at == 0 { "passage, far over the border" } else { "" };
            Layer::span(name, Paint::Fake, passage.from_seconds, passage.to_seconds)
        });
        Chart::new(id, "Score over time", &text)
            .axes(
                Axis::times("time in the video", person.from_seconds, person.to_seconds),
                Axis::shares("score"),
            )
            .with_all(undecided.map(|(low, high)| Layer::across("undecided", Paint::Doubt, low, high)))
            .with_all(passages)
            .with_all(border.map(|border| Layer::level("border", Paint::Plain, border)))
            .with_all(lines)
            .with_all(
                (!pictured.is_empty()).then(|| Layer::dots("shown below", Paint::Fake, dots(&pictured))),
            )
            .html()
    }
}

/// The scores as lines, which end where the person is not seen for long.
fn segments(faces: &[PersonFace]) -> Vec<Vec<(f64, f64)>> {
    let mut steps: Vec<f64> = faces.windows(2).map(|pair| pair[1].seconds - pair[0].seconds).collect();
    steps.sort_by(f64::total_cmp);
    let usual = steps.get(steps.len() / 2).copied().unwrap_or_default();
    let joined = |a: &PersonFace, b: &PersonFace| b.seconds - a.seconds <= GAP * usual;
    let line = |faces: &[PersonFace]| faces.iter().map(|face| (face.seconds, face.score)).collect();
    faces.chunk_by(joined).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_nobody_was_seen() {
        let face = |seconds: f64| PersonFace {
            frame: seconds as usize,
            seconds,
            bbox: [0.0, 0.0, 9.0, 9.0],
            score: 0.5,
            confidence: 0.9,
        };
        let faces: Vec<PersonFace> = [0.0, 1.0, 2.0, 9.0, 10.0].map(face).to_vec();
        let lengths: Vec<usize> = segments(&faces).iter().map(Vec::len).collect();
        assert_eq!(lengths, [3, 2]);
        assert_eq!(segments(&[]).len(), 0);
    }
}
