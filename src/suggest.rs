//! The known name that a misspelt one was probably meant to be.

use strsim::osa_distance;

/// The entry of `known` nearest to `name`, if it is near enough to be a slip of the keyboard.
///
/// Upper and lower case count as equal. A third of the name's letters (at least one) may be
/// inserted, deleted, replaced or swapped with a neighbour. Among equally near entries the first
/// wins.
pub fn suggest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let typed = name.to_lowercase();
    let tolerated = (typed.chars().count() / 3).max(1);
    known
        .iter()
        .map(|&candidate| (osa_distance(&typed, &candidate.to_lowercase()), candidate))
        .filter(|&(distance, _)| distance <= tolerated)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["FF", "DFDC", "DFDCP", "CDF", "FFIW"];
        assert_eq!(suggest("cfd", &known), Some("CDF"));
        assert_eq!(suggest("FFWI", &known), Some("FFIW"));
        assert_eq!(suggest("DFDCPP", &known), Some("DFDCP"));
        assert_eq!(suggest("imagenet", &known), None);
        assert_eq!(suggest("batchsize", &["epochs", "batch_size"]), Some("batch_size"));
        assert_eq!(suggest("", &[]), None);
    }
}
