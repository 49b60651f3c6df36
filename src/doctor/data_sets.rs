//! Test sets: whether they are there and complete.

use super::{Check, State, Subject};
use crate::causes::with_causes;
use crate::datasets::{Compression, TestSet};
use std::path::Path;

const TEST_SETS: [TestSet; 6] =
    [TestSet::Ff(None), TestSet::Dfd, TestSet::Dfdc, TestSet::Dfdcp, TestSet::Ffiw, TestSet::Cdf];

pub fn checks(root: &Path) -> Vec<Check> {
    if !root.is_dir() {
        let detail = format!("{}: no such folder", root.display());
        return vec![Check::new(Subject::DataRoot, State::Missing, &detail)];
    }
    TEST_SETS.map(|set| check(set, root)).into()
}

/// A set is listed at the first compression level for which it is there.
fn check(set: TestSet, root: &Path) -> Check {
    let subject = Subject::TestSet(set);
    let mut first_error = None;
    for compression in Compression::ALL {
        match set.list(root, compression, false) {
            Ok(list) => {
                let level = match compression {
                    Compression::Raw => String::new(),
                    level => format!(" ({level})"),
                };
                let notes: String = list.notes.iter().map(|note| format!("; {note}")).collect();
                let detail = format!("{} videos{level}{notes}", list.videos.len());
                return Check::new(subject, State::Ok, &detail);
            }
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    let detail = first_error.map(|error| with_causes(&error)).unwrap_or_default();
    Check::new(subject, State::Missing, &detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_that_is_not_there_is_one_line_and_an_empty_one_lacks_every_set() {
        let root = tempfile::tempdir().unwrap();
        let absent = checks(&root.path().join("absent"));
        assert_eq!(
            (absent.len(), absent[0].subject, absent[0].state),
            (1, Subject::DataRoot, State::Missing)
        );
        let empty = checks(root.path());
        assert_eq!(empty.len(), TEST_SETS.len());
        assert!(empty.iter().all(|check| check.state == State::Missing && !check.detail.contains('\n')));
    }
}
