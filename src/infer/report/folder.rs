//! The report of several files: a table that leads to a section for each.

use super::{Material, detector, doubts, evidence, file, name, numbers, warnings, words};
use crate::infer::{LIMITS, Verdict, VideoResult};
use crate::page::{Banner, Cell, Details, Html, Page, Paint, Section, Table};

/// Files with charts and faces, files with a section at all, and files in the table: the most suspicious.
const DETAILED: usize = 40;
const SECTIONS: usize = 500;
const ROWS: usize = 5000;
/// Frames of a file whose scores are listed.
const FRAMES: usize = 120;
/// Persons of a file that are shown.
const PERSONS: usize = 2;

/// The page of a run over several files.
pub(super) fn page(material: &Material, videos: &[VideoResult]) -> Page {
    let mut order: Vec<usize> = (0..videos.len()).collect();
    order.sort_by(|&a, &b| videos[b].suspicion(&videos[a]));
    let section = |(rank, &number): (usize, &usize)| of_file(material, number, rank);
    let sections: Html = order.iter().take(SECTIONS).enumerate().map(section).collect();
    Page::new(&format!("Examination of {}", words::count(videos.len(), "file")))
        .with(warnings(material.summary))
        .with(banner(videos))
        .with(Section::new("files", "All files").with(table(material, &order)).html())
        .with(sections)
        .with(Section::new("detector", "The detector").with(detector::known(material)).html())
}

fn banner(videos: &[VideoResult]) -> Html {
    let count = |verdict| videos.iter().filter(|video| video.verdict() == Some(verdict)).count();
    let [fake, undecided, nothing] =
        [Verdict::LikelyFake, Verdict::Undecided, Verdict::NoTraceFound].map(count);
    let failed = videos.iter().filter(|video| !video.is_ok()).count();
    let judged = fake + undecided + nothing > 0;
    let (paint, word) = match judged {
        true if fake > 0 => {
            (Paint::Fake, format!("{fake} of {} likely fake", words::count(videos.len(), "file")))
        }
        true if undecided > 0 => {
            (Paint::Doubt, format!("None of {} likely fake", words::count(videos.len(), "file")))
        }
        true => (Paint::Real, format!("No trace found in {}", words::count(videos.len(), "file"))),
        false => (Paint::Plain, format!("{} scored", words::count(videos.len(), "file"))),
    };
    let mut banner = Banner::new(paint, &word);
    if judged {
        banner = banner.with(format!("{fake} likely fake, {undecided} undecided, {nothing} without a trace.")).with(
            "Each verdict stands for itself. Where many files are examined, some real ones are called likely fake by chance: \
             each has to be looked at before anything follows from it.",
        );
    }
    if nothing > 0 {
        banner = banner.with(format!("No trace found does not mean real: {LIMITS}."));
    }
    if failed > 0 {
        banner = banner.with(format!(
            "With {} something went wrong; the table says what.",
            words::count(failed, "file")
        ));
    }
    banner.html()
}

fn id(rank: usize) -> String {
    format!("file-{}", rank + 1)
}

fn table(material: &Material, order: &[usize]) -> Html {
    let summary = material.summary;
    let row = |(rank, &number): (usize, &usize)| {
        let video = &summary.videos[number];
        let face = material.gallery.faces(number).first();
        let picture = face.map(|face| face.small.html("the most suspicious face"));
        let path = Cell::text(video.path.as_str());
        vec![
            picture.map_or_else(Cell::default, Cell::html),
            if rank < SECTIONS { path.link(&id(rank)) } else { path },
            Cell::text(video.verdict_in_words()).class(words::class(video.verdict())),
            Cell::number(video.probability(), 2),
            Cell::number(video.score, 4),
            Cell::count(video.counting_persons().count()),
            Cell::count(video.frames),
            Cell::text(match &video.note {
                Some(note) => format!("{}: {note}", video.status),
                None => video.status.to_string(),
            }),
        ]
    };
    let more = match order.len().saturating_sub(ROWS) {
        0 => Html::default(),
        more => Html::remark(&format!("… and {more} less suspicious ones, which the JSON has")),
    };
    Table::new("Files, the most suspicious first")
        .text("face")
        .text("file")
        .text("verdict")
        .number("p(fake)")
        .number("score")
        .number("persons")
        .number("frames")
        .text("status")
        .rows(order.iter().take(ROWS).enumerate().map(row))
        .sortable("order")
        .html()
        .with(more)
}

/// The section of a file; those of the most suspicious have charts and faces.
fn of_file(material: &Material, number: usize, rank: usize) -> Html {
    let video = &material.summary.videos[number];
    let faces = material.gallery.faces(number);
    let id = id(rank);
    let section =
        Section::new(&id, &format!("{}. {}", rank + 1, name(video))).with(file::banner(material, video, &[]));
    let section = match rank < DETAILED {
        true => section
            .with(file::findings(material, video, faces, &id, PERSONS))
            .with(
                Details::new("What the file is like, and why the verdict may be wrong")
                    .with(doubts::list(material, video))
                    .html(),
            )
            .with(evidence::file(video))
            .with(numbers::of_file(video, FRAMES)),
        false => {
            let reasons = video.judgement.iter().flat_map(|judgement| &judgement.reasons);
            section
                .with(Html::list(reasons.map(|reason| words::sentence(reason))))
                .with(evidence::file(video))
        }
    };
    section.html()
}
