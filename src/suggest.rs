//! The known name that a misspelt one was probably meant to be.

/// The entry of `known` nearest to `name`, if it is near enough to be a slip of the keyboard.
///
/// Upper and lower case count as equal. A third of the name's letters (at least one) may be
/// inserted, deleted, replaced or swapped with a neighbour. Among equally near entries the first
/// wins.
///
/// ```
/// use sbi::suggest::suggest;
/// assert_eq!(suggest("batchsize", &["epochs", "batch_size"]), Some("batch_size"));
/// assert_eq!(suggest("colour", &["epochs", "batch_size"]), None);
/// ```
pub fn suggest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let typed: Vec<char> = name.to_lowercase().chars().collect();
    let tolerated = (typed.len() / 3).max(1);
    known
        .iter()
        .map(|&candidate| {
            let letters: Vec<char> = candidate.to_lowercase().chars().collect();
            (edit_distance(&typed, &letters), candidate)
        })
        .filter(|&(distance, _)| distance <= tolerated)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Optimal string alignment distance: Levenshtein, and a swap of two neighbours counts once.
fn edit_distance(a: &[char], b: &[char]) -> usize {
    // Three rows of the usual table are enough: a swap looks two rows back.
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn distance(a: &str, b: &str) -> usize {
        let letters = |s: &str| s.chars().collect::<Vec<_>>();
        edit_distance(&letters(a), &letters(b))
    }

    #[test]
    fn hand_checked_distances() {
        assert_eq!(distance("", ""), 0);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("FFWI", "FFIW"), 1);
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["FF", "DFDC", "DFDCP", "CDF"];
        assert_eq!(suggest("cfd", &known), Some("CDF"));
        assert_eq!(suggest("DFDCPP", &known), Some("DFDCP"));
        assert_eq!(suggest("imagenet", &known), None);
        assert_eq!(suggest("", &[]), None);
    }

    proptest! {
        #[test]
        fn distance_is_symmetric_and_zero_only_for_equals(a in "[abc]{0,6}", b in "[abc]{0,6}") {
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert_eq!(distance(&a, &b) == 0, a == b);
        }
    }
}
