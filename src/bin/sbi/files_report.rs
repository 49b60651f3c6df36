//! What is printed of files: who is in them, what was found, and what to do with it.

use crate::report::{interrupted, likelihood};
use sbi::infer::{InferSummary, LIMITS, PersonResult, Sampling, Verdict, VideoResult, clock};
use std::io::{self, Write};

/// Persons of a file that are shown one by one before they are only counted.
const SHOWN_PERSONS: usize = 8;

/// The table, the most suspicious first, and what can be said of all of it; of a single file everything.
pub fn files(out: &mut impl Write, summary: &InferSummary) -> io::Result<()> {
    let judged = summary.decision.is_some();
    let head = if judged { "verdict         p(fake)  " } else { "" };
    writeln!(out, "fakeness  {head}frames  faces  persons  status      file")?;
    let mut videos: Vec<&VideoResult> = summary.videos.iter().collect();
    videos.sort_by(|a, b| b.suspicion(a));
    for video in &videos {
        row(out, video, judged)?;
        if videos.len() > 1 {
            persons(out, video)?;
            passages(out, video)?;
        }
    }
    interrupted(out, summary)?;
    match videos.as_slice() {
        [] => {}
        [only] => one(out, only, summary)?,
        all => totals(out, all, judged)?,
    }
    Ok(())
}

fn row(out: &mut impl Write, video: &VideoResult, judged: bool) -> io::Result<()> {
    let score = video.score.map_or("-".to_owned(), |score| format!("{score:.4}"));
    let sure = video.probability().map_or("-".to_owned(), |probability| format!("{probability:.2}"));
    let words = video.verdict().map_or("", Verdict::words);
    let verdict = if judged { format!("{words:<14}  {sure:<7}  ") } else { String::new() };
    let VideoResult { frames, faces, path, .. } = video;
    let persons = video.counting_persons().count();
    let status = video.status.to_string();
    writeln!(out, "{score:<8}  {verdict}{frames:>6}  {faces:>5}  {persons:>7}  {status:<10}  {path}")
}

/// A line for each person of a file with several.
fn persons(out: &mut impl Write, video: &VideoResult) -> io::Result<()> {
    if video.counting_persons().count() > 1 {
        for person in video.counting_persons().take(SHOWN_PERSONS) {
            let (score, verdict) = (person.score, person.verdict().map_or("", Verdict::words));
            let sure = person.judgement.as_ref().and_then(|judgement| judgement.probability);
            let sure = sure.map_or(String::new(), |sure| format!("p(fake) {sure:.2}, "));
            let times = match person.from_seconds < person.to_seconds {
                true => format!(", {} to {}", clock(person.from_seconds), clock(person.to_seconds)),
                false => String::new(),
            };
            let PersonResult { person, frames, side, .. } = person;
            let frames = if *frames == 1 { "1 frame".to_owned() } else { format!("{frames} frames") };
            writeln!(
                out,
                "  person {person:<3} {score:.4}  {verdict:<14}  {sure}{frames}, face of {side:.0} px{times}"
            )?;
        }
        let more = video.counting_persons().count().saturating_sub(SHOWN_PERSONS);
        if more > 0 {
            writeln!(out, "  … and {more} more persons, see --json")?;
        }
    }
    Ok(())
}

/// A line for each passage.
fn passages(out: &mut impl Write, video: &VideoResult) -> io::Result<()> {
    for passage in video.passages.iter().flatten() {
        writeln!(out, "  person {} is likely fake in {}", passage.person, passage.times())?;
    }
    Ok(())
}

/// Everything about a single file.
fn one(out: &mut impl Write, video: &VideoResult, summary: &InferSummary) -> io::Result<()> {
    persons(out, video)?;
    if let Some(judgement) = &video.judgement {
        writeln!(out, "{}:", video.verdict_in_words())?;
        judgement.reasons.iter().try_for_each(|reason| writeln!(out, "  {reason}"))?;
    }
    if let Some(sampling) = &video.sampling {
        sampled(out, sampling, video.frames)?;
    }
    if let Some(verdict) = video.verdict() {
        writeln!(out, "next: {}", next(verdict, video))?;
    }
    likelihood::of_file(out, video, summary)?;
    if let Some(score) = video.score {
        writeln!(out, "fakeness: {score:.4}")?;
    }
    Ok(())
}

/// Which frames a verdict about a long video stands on, and how to have it sooner or later.
fn sampled(out: &mut impl Write, sampling: &Sampling, looked_at: usize) -> io::Result<()> {
    let Sampling { seconds, scenes, added_for_scenes, .. } = *sampling;
    // Frames of a short video are the published ones; there is nothing to be said of them.
    if looked_at <= 32 || seconds <= 0.0 {
        return Ok(());
    }
    let every = seconds / looked_at as f64;
    let scenes = if scenes == 1 { "one scene".to_owned() } else { format!("{scenes} scenes") };
    writeln!(
        out,
        "  looked at {looked_at} frames of {}, one every {every:.1} s ({added_for_scenes} of them because a scene began); {scenes}. \
         A forgery that is shorter than five of them may be missed; -n N chooses another number",
        clock(seconds)
    )
}

/// What to do with a verdict.
fn next(verdict: Verdict, video: &VideoResult) -> String {
    let frame = || {
        let person = video.counting_persons().find(|person| Some(person.person) == video.deciding_person)?;
        let top = person.faces.iter().max_by(|a, b| a.score.total_cmp(&b.score))?;
        Some((person.person, top))
    };
    match verdict {
        Verdict::LikelyFake => {
            let at = frame().map_or(String::new(), |(person, face)| match video.frames {
                1 => format!(" at person {person}"),
                _ => format!(" at person {person} around {} (frame {})", clock(face.seconds), face.frame),
            });
            format!(
                "look{at}: --heatmaps DIR shows where the score comes from, --annotate DIR marks persons. A score is a reason \
                 to look, not a proof; find where the file comes from before you act on it"
            )
        }
        Verdict::NoTraceFound => "treat the file as unchecked for all other kinds of forgery, and look at its source".to_owned(),
        Verdict::Undecided => {
            "nothing follows from this, neither real nor fake; a longer, larger or less compressed copy may tell more".to_owned()
        }
    }
}

/// How many files got which verdict, and what that leaves open.
fn totals(out: &mut impl Write, videos: &[&VideoResult], judged: bool) -> io::Result<()> {
    if !judged {
        return Ok(());
    }
    let count = |verdict| videos.iter().filter(|video| video.verdict() == Some(verdict)).count();
    let [fake, undecided, nothing] =
        [Verdict::LikelyFake, Verdict::Undecided, Verdict::NoTraceFound].map(count);
    writeln!(
        out,
        "{} files, the most suspicious first: {fake} likely fake, {undecided} undecided, {nothing} no trace found",
        videos.len()
    )?;
    if nothing > 0 {
        writeln!(out, "no trace found: {LIMITS}")?;
    }
    if fake > 0 {
        writeln!(
            out,
            "next: give sbi infer one of the files for its reasons; --heatmaps DIR and --annotate DIR show where"
        )?;
    }
    Ok(())
}
