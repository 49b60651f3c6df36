//! Groups that turn out to be one person.

use super::grouping::{Draft, SAME_LOOKS};

/// For each group its person. Groups are joined, the most alike first, as long as their mean looks are those of one person
/// and no frame shows both.
pub(super) fn merged(mut drafts: Vec<Draft>) -> Vec<usize> {
    let mut person: Vec<usize> = (0..drafts.len()).collect();
    let mut standing: Vec<usize> = person.clone();
    while let Some((_, one, other)) = closest(&drafts, &standing) {
        let joined = std::mem::take(&mut drafts[other].frames);
        let looks = std::mem::take(&mut drafts[other].looks);
        drafts[one].frames.extend(joined);
        drafts[one].frames.sort_unstable();
        drafts[one].looks.join(&looks);
        standing.retain(|&draft| draft != other);
        person.iter_mut().filter(|person| **person == other).for_each(|person| *person = one);
    }
    person
}

/// The two standing groups that are most alike and may be joined.
fn closest(drafts: &[Draft], standing: &[usize]) -> Option<(f64, usize, usize)> {
    let mut best: Option<(f64, usize, usize)> = None;
    for (at, &one) in standing.iter().enumerate() {
        for &other in &standing[at + 1..] {
            let apart = drafts[one].looks.distance_to(&drafts[other].looks);
            let Some(apart) = apart.filter(|apart| *apart <= SAME_LOOKS) else { continue };
            if best.is_none_or(|best| apart < best.0) && !meet(&drafts[one].frames, &drafts[other].frames) {
                best = Some((apart, one, other));
            }
        }
    }
    best
}

/// Whether two ascending lists have a frame in common.
fn meet(a: &[usize], b: &[usize]) -> bool {
    let (few, many) = if a.len() < b.len() { (a, b) } else { (b, a) };
    few.iter().any(|frame| many.binary_search(frame).is_ok())
}
