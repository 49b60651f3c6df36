//! Entries of several parts of a list, put in the list's order.

use super::MergeError;
use crate::infer::{Missing, Part};
use crate::types::Shard;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Inputs named one by one before they are only counted.
const NAMED: usize = 5;

/// What may be joined although something is wrong with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Inputs of the list that no record has.
    pub missing: bool,
    /// Inputs that several records have: then the first record counts.
    pub double: bool,
}

/// A record's entries, and where in the list they belong.
pub struct Entries<T> {
    /// The record's file.
    pub file: PathBuf,
    /// Its part; `None` for a record of a whole list.
    pub part: Option<Part>,
    /// Its entries, in the order of their places.
    pub entries: Vec<T>,
}

/// The entries of all records.
pub struct Joined<T> {
    /// In the order of the list.
    pub entries: Vec<T>,
    /// Of a list of which something is missing: what.
    pub part: Option<Part>,
    /// What should be known about them.
    pub notes: Vec<String>,
}

/// Joins the entries of all records. Records of whole lists are put one behind the other, and `shift` tells each of their
/// entries how many came before.
///
/// Fails where parts of two lists meet, and for missing and double inputs that are not allowed.
pub fn join<T>(
    records: Vec<Entries<T>>,
    path_of: impl Fn(&T) -> String,
    shift: impl Fn(&mut T, usize),
    allowed: Allowed,
) -> Result<Joined<T>, MergeError> {
    let Some(first) = records.first() else { return Err(MergeError::NothingToMerge) };
    let (first_file, first_part) = (first.file.clone(), first.part.clone());
    let Some(first_part) = first_part else {
        return one_behind_the_other(records, first_file, path_of, shift, allowed);
    };
    let (of, list) = (first_part.of, first_part.list);
    let mut joined: BTreeMap<usize, T> = BTreeMap::new();
    let mut shards: Vec<Shard> = Vec::new();
    let mut known: BTreeMap<usize, String> = BTreeMap::new();
    let mut double = Vec::new();
    for Entries { file, part, entries } in records {
        let Some(part) = part else { return Err(MergeError::WholeAndPart { whole: file, part: first_file }) };
        if (part.of, &part.list) != (of, &list) {
            return Err(MergeError::OtherList { file, first: first_file });
        }
        if part.places.len() != entries.len() || part.places.iter().any(|&place| place >= of) {
            return Err(MergeError::Places { file });
        }
        for (place, entry) in part.places.into_iter().zip(entries) {
            match joined.entry(place) {
                std::collections::btree_map::Entry::Occupied(_) => double.push(path_of(&entry)),
                std::collections::btree_map::Entry::Vacant(free) => _ = free.insert(entry),
            }
        }
        shards.extend(part.shards);
        known.extend(part.missing.into_iter().filter_map(|missing| Some((missing.place, missing.path?))));
    }
    shards.sort();
    shards.dedup();
    let mut notes = Vec::new();
    tell_double(&double, allowed, &mut notes)?;
    let missing: Vec<Missing> = (0..of)
        .filter(|place| !joined.contains_key(place))
        .map(|place| Missing { place, path: known.get(&place).cloned() })
        .collect();
    if !missing.is_empty() {
        let told = told_missing(&missing, &shards);
        if !allowed.missing {
            return Err(MergeError::Missing { missing: missing.len(), of, told });
        }
        notes.push(format!("{} of {of} inputs are missing: {told}", missing.len()));
    }
    let (places, entries): (Vec<usize>, Vec<T>) = joined.into_iter().unzip();
    let part = (!missing.is_empty()).then_some(Part { shards, of, list, places, missing });
    Ok(Joined { entries, part, notes })
}

fn one_behind_the_other<T>(
    records: Vec<Entries<T>>,
    first_file: PathBuf,
    path_of: impl Fn(&T) -> String,
    shift: impl Fn(&mut T, usize),
    allowed: Allowed,
) -> Result<Joined<T>, MergeError> {
    let mut entries: Vec<T> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut double = Vec::new();
    for record in records {
        if record.part.is_some() {
            return Err(MergeError::WholeAndPart { whole: first_file, part: record.file });
        }
        let before = entries.len();
        let mut of_earlier = Vec::new();
        for mut entry in record.entries {
            let path = path_of(&entry);
            shift(&mut entry, before);
            if seen.contains(&path) {
                double.push(path);
                // Places behind it would no longer be right.
                if !allowed.double {
                    continue;
                }
            } else {
                of_earlier.push(path);
            }
            entries.push(entry);
        }
        seen.extend(of_earlier);
    }
    let mut notes = Vec::new();
    tell_double(&double, allowed, &mut notes)?;
    Ok(Joined { entries, part: None, notes })
}

fn tell_double(double: &[String], allowed: Allowed, notes: &mut Vec<String>) -> Result<(), MergeError> {
    if double.is_empty() {
        return Ok(());
    }
    let told = named(double.iter().map(String::as_str), double.len());
    if !allowed.double {
        return Err(MergeError::Double { double: double.len(), told });
    }
    notes.push(format!("{} inputs are in several records: {told}", double.len()));
    Ok(())
}

/// Shards of which there is no record at all, and then inputs by their paths, or by their places in the list.
fn told_missing(missing: &[Missing], shards: &[Shard]) -> String {
    let count = shards.first().map(|shard| shard.count()).filter(|count| {
        // With shards of several numbers none of them is missing for sure.
        shards.iter().all(|shard| shard.count() == *count)
    });
    let absent: Vec<Shard> = (1..=count.unwrap_or(0))
        .filter_map(|index| Shard::new(index, count?))
        .filter(|shard| !shards.contains(shard) && missing.iter().any(|missing| shard.has(missing.place)))
        .collect();
    let mut told = Vec::new();
    if !absent.is_empty() {
        let names: Vec<String> = absent.iter().map(Shard::to_string).collect();
        told.push(format!("all of shard {}", named(names.iter().map(String::as_str), names.len())));
    }
    let others: Vec<String> = missing
        .iter()
        .filter(|missing| !absent.iter().any(|shard| shard.has(missing.place)))
        .map(|missing| missing.path.clone().unwrap_or_else(|| format!("number {}", missing.place + 1)))
        .collect();
    if !others.is_empty() {
        told.push(named(others.iter().map(String::as_str), others.len()));
    }
    told.join("; ")
}

fn named<'a>(names: impl Iterator<Item = &'a str>, count: usize) -> String {
    let mut told: Vec<String> = names.take(NAMED).map(str::to_owned).collect();
    if count > NAMED {
        told.push(format!("… and {} more", count - NAMED));
    }
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A record of a shard of the list 0, 1, 2, …, of which `done` says what has a result.
    fn record(index: usize, count: usize, of: usize, done: impl Fn(usize) -> bool) -> Entries<usize> {
        let shard = Shard::new(index, count).unwrap();
        let (places, missing): (Vec<usize>, Vec<usize>) = shard.places(of).partition(|&place| done(place));
        let missing =
            missing.into_iter().map(|place| Missing { place, path: Some(format!("{place}.mp4")) }).collect();
        let entries = places.clone();
        let part = Part { shards: vec![shard], of, list: "sum".into(), places, missing };
        Entries { file: format!("{index}.json").into(), part: Some(part), entries }
    }

    fn joined(
        records: Vec<Entries<usize>>,
        missing: bool,
        double: bool,
    ) -> Result<Joined<usize>, MergeError> {
        let path = |entry: &usize| format!("{entry}.mp4");
        join(records, path, |entry, by| *entry += by, Allowed { missing, double })
    }

    proptest! {
        #[test]
        fn parts_in_any_order_give_the_list(of in 1_usize..60, count in 1_usize..12, turn in 0_usize..12) {
            let mut records: Vec<_> = (1..=count).map(|index| record(index, count, of, |_| true)).collect();
            records.rotate_left(turn % count);
            let joined = joined(records, false, false).unwrap();
            prop_assert_eq!(joined.entries, (0..of).collect::<Vec<_>>());
            prop_assert!(joined.part.is_none() && joined.notes.is_empty());
        }
    }

    #[test]
    fn what_is_missing_is_named_and_can_be_joined_later() {
        let parts = || vec![record(1, 3, 8, |place| place != 3), record(3, 3, 8, |_| true)];
        let error = joined(parts(), false, false).map(|_| ()).unwrap_err().to_string();
        assert_eq!(error, "4 of 8 inputs are missing: all of shard 2/3; 3.mp4");
        let some = joined(parts(), true, false).unwrap();
        assert_eq!((some.entries.clone(), some.notes.len()), (vec![0, 2, 5, 6], 1));
        let rest = record(2, 3, 8, |_| true);
        let again = Entries { file: "some.json".into(), part: some.part, entries: some.entries };
        // A retry of one input: the whole list as one shard, of which only this is done.
        let retry = record(1, 1, 8, |place| place == 3);
        let all = joined(vec![again, rest, retry], false, false).unwrap();
        assert_eq!((all.entries, all.part), ((0..8).collect(), None));
    }

    #[test]
    fn doubles_and_other_lists_are_refused() {
        let twice = || vec![record(1, 2, 4, |_| true), record(1, 1, 4, |_| true)];
        let error = joined(twice(), false, false).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("2 inputs are in several records: 0.mp4, 2.mp4"), "{error}");
        assert_eq!(joined(twice(), false, true).unwrap().entries, [0, 1, 2, 3]);
        let longer = joined(vec![record(1, 2, 4, |_| true), record(2, 2, 5, |_| true)], true, true);
        assert!(matches!(longer, Err(MergeError::OtherList { .. })));
        let whole = Entries { file: "w.json".into(), part: None, entries: vec![0] };
        let mixed = joined(vec![record(1, 2, 4, |_| true), whole], true, true);
        assert!(matches!(mixed, Err(MergeError::WholeAndPart { .. })));
        assert!(matches!(joined(Vec::new(), true, true), Err(MergeError::NothingToMerge)));
    }

    #[test]
    fn whole_records_follow_one_another() {
        let whole = |entries: Vec<usize>| Entries { file: "w.json".into(), part: None, entries };
        let all = joined(vec![whole(vec![0, 1]), whole(vec![5, 6])], false, false).unwrap();
        assert_eq!(all.entries, [0, 1, 7, 8]);
        let twice = joined(vec![whole(vec![0, 1]), whole(vec![1])], false, false);
        assert!(matches!(twice, Err(MergeError::Double { double: 1, .. })));
    }
}
