//! All numbers, to be copied: as exact as in the JSON.

use crate::infer::evidence::sealed;
use crate::infer::{InferSummary, VideoResult};
use crate::page::{Cell, Details, Facts, Html, Section, Table};

/// Rows of a table; what is more is in the JSON.
pub(super) const ROWS: usize = 4000;

/// The scores of a file frame by frame, folded; at most so many.
pub(super) fn of_file(video: &VideoResult, most: usize) -> Html {
    let (table, rows) = match &video.persons {
        Some(persons) => {
            let faces = persons.iter().flat_map(|person| person.faces.iter().map(move |face| (person, face)));
            let table =
                ["person", "frame", "seconds", "score", "left", "top", "right", "bottom", "confidence"];
            let table = table.into_iter().fold(Table::new("Faces that were scored"), Table::number);
            let row = |(person, face): (&crate::infer::PersonResult, &crate::infer::PersonFace)| {
                let [x0, y0, x1, y1] = face.bbox;
                let numbers = [face.seconds, face.score, x0, y0, x1, y1];
                let whole = [person.person, face.frame].map(Cell::count);
                let confidence = Cell::text(face.confidence.to_string());
                whole.into_iter().chain(numbers.map(exact)).chain([confidence]).collect()
            };
            let count = faces.clone().count();
            (table.rows(faces.take(most).map(row)), count)
        }
        None => {
            let table = Table::new("Frames that were scored").number("frame").number("score");
            let row = |frame: &crate::metrics::FrameScore| {
                vec![Cell::text(frame.frame.to_string()), exact(frame.score)]
            };
            (table.rows(video.frame_scores.iter().take(most).map(row)), video.frame_scores.len())
        }
    };
    if rows == 0 {
        return Html::default();
    }
    let more = match rows.saturating_sub(most) {
        0 => Html::default(),
        more => Html::remark(&format!("… and {more} more, which the JSON has")),
    };
    Details::new("Scores of all frames").with(table.html()).with(more).html()
}

/// A number as the JSON has it.
pub(super) fn exact(value: f64) -> Cell {
    Cell::text(value.to_string()).sorted_by(value)
}

/// What is said of the result's JSON, by which report and JSON are known to belong together.
pub(super) fn checksum(summary: &InferSummary) -> Html {
    let sum = sealed(summary)
        .ok()
        .and_then(|value| Some(value.get("checksum")?.get("sha256")?.as_str()?.to_owned()));
    let Some(sum) = sum else { return Html::default() };
    Section::new("checksum", "Which result this is")
        .with(Html::paragraph(
            "A JSON file that sbi writes in the same run has this checksum. It tells whether report and JSON belong together; it is \
             no signature.",
        ))
        .with(Facts::new().code("Checksum of the JSON", sum).html())
        .html()
}
