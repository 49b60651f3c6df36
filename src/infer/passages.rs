//! Passages: parts of a video in which a person's frames are far over the border while the others are not.
//!
//! A forged passage of seconds vanishes in the mean over minutes. A passage is a run of a person's frames in which every
//! five successive ones score far over the border on average. Among hundreds of frames some are high by chance, so it must
//! also be too long for that: with the share of frames over the border that the rest of the video has, so many in a row
//! would come about once in a thousand videos of this length.

use super::persons::PersonFace;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Successive frames whose mean counts.
const WINDOW: usize = 5;
/// How often a run may come about by chance, in videos.
const CHANCE: f64 = 1e-3;
/// Seconds that must lie between frames on average: nearer ones look alike, and several high ones in a row are one chance.
const APART: f64 = 0.5;
/// A run of more than this share of all frames is no passage: then the mean says it.
const MOST: f64 = 0.75;

/// A part of a video in which one person is likely to be forged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// Number of the person, from 1.
    pub person: usize,
    /// Time of its first frame, in seconds from the start.
    pub from_seconds: f64,
    /// Time of its last frame.
    pub to_seconds: f64,
    /// Index of its first frame.
    pub from_frame: usize,
    /// Index of its last frame.
    pub to_frame: usize,
    /// Frames that were looked at in it.
    pub frames: usize,
    /// Their mean score.
    pub score: f64,
    /// The mean score of the person's frames that are in no passage.
    pub score_elsewhere: f64,
}

impl Passage {
    /// Its times, such as `0:42 to 0:51`.
    pub fn times(&self) -> String {
        format!("{} to {}", clock(self.from_seconds), clock(self.to_seconds))
    }
}

/// Minutes and seconds, and hours where there are any.
pub fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// The passages of a person, whose faces come by frame. `over` is the border, `far` what the mean of a passage must reach.
pub(super) fn passages(person: usize, faces: &[PersonFace], over: f64, far: f64) -> Vec<Passage> {
    let (first, last) = (faces.first(), faces.last());
    let lasts = last.map_or(0.0, |face| face.seconds) - first.map_or(0.0, |face| face.seconds);
    if lasts < APART * faces.len() as f64 {
        return Vec::new();
    }
    let runs = runs(faces, over, far);
    let inside: usize = runs.iter().map(Range::len).sum();
    let outside = faces.len() - inside;
    if outside < WINDOW || inside as f64 > MOST * faces.len() as f64 {
        return Vec::new();
    }
    let high = scores_outside(faces, &runs).filter(|score| *score >= over).count();
    let usual = (high + 1) as f64 / (outside + 2) as f64;
    let too_long = |run: &Range<usize>| {
        let high = faces[run.clone()].iter().filter(|face| face.score >= over).count();
        faces.len() as f64 * usual.powi(high as i32) <= CHANCE
    };
    // Only then: frames around a run must not make it long enough.
    let runs = joined(runs.into_iter().filter(too_long).map(|run| extended(run, faces, over)));
    let score_elsewhere = mean(scores_outside(faces, &runs));
    let passage = |run: &Range<usize>| {
        let (first, last) = (&faces[run.start], &faces[run.end - 1]);
        Passage {
            person,
            from_seconds: first.seconds,
            to_seconds: last.seconds,
            from_frame: first.frame,
            to_frame: last.frame,
            frames: run.len(),
            score: mean(faces[run.clone()].iter().map(|face| face.score)),
            score_elsewhere,
        }
    };
    runs.iter().map(passage).collect()
}

/// The scores of frames that are in no run.
fn scores_outside<'f>(faces: &'f [PersonFace], runs: &'f [Range<usize>]) -> impl Iterator<Item = f64> + 'f {
    let is_outside = move |at: &usize| !runs.iter().any(|run| run.contains(at));
    (0..faces.len()).filter(is_outside).map(move |at| faces[at].score)
}

/// Stretches that are covered by windows far over the border: without the frames at their ends that are not over it.
fn runs(faces: &[PersonFace], over: f64, far: f64) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (start, window) in faces.windows(WINDOW).enumerate() {
        if mean(window.iter().map(|face| face.score)) < far {
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.end >= start => run.end = start + WINDOW,
            _ => runs.push(start..start + WINDOW),
        }
    }
    for run in &mut runs {
        while run.len() > 1 && faces[run.start].score < over {
            run.start += 1;
        }
        while run.len() > 1 && faces[run.end - 1].score < over {
            run.end -= 1;
        }
    }
    runs
}

/// With the frames around it that are over the border, of which one after the other may be missing.
fn extended(mut run: Range<usize>, faces: &[PersonFace], over: f64) -> Range<usize> {
    let high = |at: Option<usize>| at.and_then(|at| faces.get(at)).is_some_and(|face| face.score >= over);
    while let Some(gap) = (0..=1).find(|gap| high(run.start.checked_sub(gap + 1))) {
        run.start -= gap + 1;
    }
    while let Some(gap) = (0..=1).find(|gap| high(Some(run.end + gap))) {
        run.end += gap + 1;
    }
    run
}

/// Stretches that come to overlap are one.
fn joined(runs: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut joined: Vec<Range<usize>> = Vec::new();
    for run in runs {
        match joined.last_mut() {
            Some(last) if last.end >= run.start => last.end = last.end.max(run.end),
            _ => joined.push(run),
        }
    }
    joined
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    sum / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, generator};
    use rand::Rng;

    fn faces(scores: impl Iterator<Item = f64>) -> Vec<PersonFace> {
        let face = |(at, score): (usize, f64)| PersonFace {
            frame: 25 * at,
            seconds: at as f64,
            bbox: [0.0, 0.0, 100.0, 100.0],
            score,
            confidence: 0.99,
        };
        scores.enumerate().map(face).collect()
    }

    #[test]
    fn ten_forged_seconds_in_ten_minutes_are_found_and_named() {
        let mut rng = generator(1, 0, 0, Purpose::Sample);
        let scores: Vec<f64> = (0..600)
            .map(|at| {
                let forged = (252..262).contains(&at);
                if forged { rng.random_range(0.85..1.0) } else { rng.random_range(0.0..0.65) }
            })
            .collect();
        assert!(mean(scores.iter().copied()) < 0.5);
        let found = passages(2, &faces(scores.into_iter()), 0.7, 0.85);
        assert_eq!(found.len(), 1, "{found:?}");
        let Passage { person, from_seconds, to_seconds, frames, score, score_elsewhere, .. } = found[0];
        assert_eq!((person, from_seconds, to_seconds, frames), (2, 252.0, 261.0, 10));
        assert!(score > 0.9 && score_elsewhere < 0.5);
        assert_eq!(found[0].times(), "4:12 to 4:21");
    }

    #[test]
    fn a_passage_reaches_to_its_last_high_frame_over_a_gap_of_one() {
        let mut scores = vec![0.1; 60];
        scores[20..28].fill(0.97);
        scores[28..31].copy_from_slice(&[0.3, 0.8, 0.8]);
        scores[32] = 0.2;
        let found = passages(1, &faces(scores.into_iter()), 0.7, 0.9);
        let told: Vec<(f64, f64)> = found.iter().map(|p| (p.from_seconds, p.to_seconds)).collect();
        assert_eq!(told, [(20.0, 30.0)]);
    }

    #[test]
    fn high_frames_by_chance_and_forgeries_from_end_to_end_are_no_passages() {
        let mut rng = generator(2, 0, 0, Purpose::Sample);
        for _ in 0..200 {
            let scores = (0..600).map(|_| rng.random_range(0.0..1.0f64)).collect::<Vec<_>>();
            assert_eq!(passages(1, &faces(scores.into_iter()), 0.7, 0.85), []);
        }
        assert_eq!(passages(1, &faces((0..40).map(|at| if at < 2 { 0.1 } else { 0.99 })), 0.7, 0.85), []);
        assert_eq!(passages(1, &faces(std::iter::repeat_n(0.99, 4)), 0.7, 0.85), []);
    }

    #[test]
    fn times_have_hours_where_they_need_them() {
        assert_eq!([0.0, 59.9, 61.0, 3725.0].map(clock), ["0:00", "0:59", "1:01", "1:02:05"]);
    }
}
