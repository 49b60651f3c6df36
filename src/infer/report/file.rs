//! The report of one file.

use super::gallery::ShownFace;
use super::{Material, doubts, evidence, name, numbers, person, warnings, words};
use crate::infer::{PersonResult, VideoResult};
use crate::page::{Banner, Cell, Figure, Html, Page, Section, Table};

/// Persons that are shown with their charts and faces; the others are in a table.
const PERSONS: usize = 8;
/// Persons in a table.
const ROWS: usize = 200;

/// The page of the only file of a run.
pub(super) fn page(material: &Material, video: &VideoResult) -> Page {
    let faces = material.gallery.faces(0);
    let mut page = Page::new(&format!("Examination of {}", name(video)))
        .with(warnings(material.summary))
        .with(banner(material, video, faces))
        .with(note(video));
    if video.faces > 0 {
        page = page.with(
            Section::new("findings", "What was found")
                .with(findings(material, video, faces, "f", PERSONS))
                .html(),
        );
    }
    page.with(doubts::section(material, video, "doubts")).with(
        Section::new("file", "The file")
            .with(evidence::file(video))
            .with(numbers::of_file(video, numbers::ROWS))
            .html(),
    )
}

/// The verdict in a sentence, with what it rests on and what it does not say, and the face that it is about.
pub(super) fn banner(material: &Material, video: &VideoResult, faces: &[ShownFace]) -> Html {
    let banner =
        Banner::new(words::paint(video.verdict()), &words::headline(video)).with(words::meaning(video));
    let sentences =
        [words::grounds(video, material.summary), likelihood(video), words::limits(video.verdict())];
    let banner = sentences.into_iter().flatten().fold(banner, Banner::with);
    // The face of the person that decides; the highest comes first.
    let shown = faces.iter().find(|face| face.person == video.deciding_person).or(faces.first());
    let Some(shown) = shown else { return banner.html() };
    let caption = match shown.place(video.frames) {
        place if place.is_empty() => "The face in question".to_owned(),
        place => format!("The face in question, {place}"),
    };
    banner.figure(&Figure::of_pictures([(&shown.face, caption.as_str())], &caption)).html()
}

/// The likelihood ratio in words.
fn likelihood(video: &VideoResult) -> Option<String> {
    let lr = video.lr?;
    let bound = if lr.at_bound { ", the most that the calibration's size allows to say" } else { "" };
    Some(match lr.value {
        value if value >= 1.0 => format!(
            "Likelihood ratio: such a score is {value:.2} times as likely if the face is forged as if it is real{bound}."
        ),
        value => format!(
            "Likelihood ratio: such a score is {:.2} times as likely if the face is real as if it is forged{bound}.",
            1.0 / value
        ),
    })
}

/// What went wrong with the file.
fn note(video: &VideoResult) -> Html {
    video.note.as_deref().map_or_else(Html::default, |note| Html::warning(&words::sentence(note)))
}

/// The persons of a file, of which `most` with charts and faces.
pub(super) fn findings(
    material: &Material,
    video: &VideoResult,
    faces: &[ShownFace],
    id: &str,
    most: usize,
) -> Html {
    let judge = material.summary.decision;
    let persons = words::by_suspicion(video);
    if persons.is_empty() {
        let reasons = video.judgement.iter().flat_map(|judgement| &judgement.reasons);
        let shown: Vec<&ShownFace> = faces.iter().collect();
        return Html::list(reasons.map(|reason| words::sentence(reason)))
            .with(person::grid(&shown, video.frames));
    }
    // Stray faces decide nothing: the table has them.
    let detailed = persons.iter().filter(|person| !person.stray).take(most);
    let mut html = Html::default();
    if persons.len() > 1 {
        html.push(table(&persons));
    }
    html.with(detailed.map(|one| person::person(one, video, judge, faces, id)).collect())
}

fn table(persons: &[&PersonResult]) -> Html {
    let row = |person: &&PersonResult| {
        let words = if person.stray {
            "stray, decides nothing"
        } else {
            person.verdict().map_or("", |verdict| verdict.words())
        };
        vec![
            Cell::text(person.person.to_string()),
            Cell::text(words).class(if person.stray { "" } else { words::class(person.verdict()) }),
            Cell::number(person.judgement.as_ref().and_then(|judgement| judgement.probability), 2),
            Cell::number(Some(person.score), 4),
            Cell::count(person.frames),
            Cell::number(Some(person.side), 0),
            Cell::text(words::times(person)),
        ]
    };
    let more = match persons.len().saturating_sub(ROWS) {
        0 => Html::default(),
        more => Html::remark(&format!("… and {more} more, which the JSON has")),
    };
    Table::new("All persons, the most suspicious first")
        .text("person")
        .text("verdict")
        .number("p(fake)")
        .number("score")
        .number("frames")
        .number("face, px")
        .text("seen")
        .rows(persons.iter().take(ROWS).map(row))
        .html()
        .with(more)
}
