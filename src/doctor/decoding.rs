//! What decodes videos and photographs, and what it is kept from.

use super::{Check, State, Subject};
use crate::media::{Walls, probe_walls};

pub(super) fn checks() -> [Check; 3] {
    let heif = match crate::imaging::preload() {
        true => Check::new(Subject::Libheif, State::Ok, "HEIC and AVIF photographs can be read"),
        false => Check::new(
            Subject::Libheif,
            State::Missing,
            "not installed: HEIC and AVIF photographs cannot be read",
        ),
    };
    let walls = match probe_walls() {
        Ok(walls) => check(walls),
        Err(error) => Check::new(Subject::Walls, State::Bad, &format!("the decoder does not start: {error}")),
    };
    [Check::tried(Subject::Ffmpeg, crate::native::libav::version()), heif, walls]
}

/// Which walls stand.
fn check(walls: Walls) -> Check {
    let all = [
        (walls.no_files, "opens no files (Landlock)"),
        (walls.no_calls, "calls nothing else of the kernel (seccomp)"),
        (walls.no_new_rights, "gains no rights"),
        (walls.memory, "its memory is bounded"),
        (walls.time, "its time is bounded"),
    ];
    let list = |standing: bool| {
        let told: Vec<&str> =
            all.iter().filter(|(stands, _)| *stands == standing).map(|(_, told)| *told).collect();
        told.join(", ")
    };
    let missing = list(false);
    if missing.is_empty() {
        return Check::new(Subject::Walls, State::Ok, &format!("the decoder {}", list(true)));
    }
    let detail =
        format!("this kernel does not offer: {missing}. The decoder is a process of its own all the same");
    Check::new(Subject::Walls, State::Missing, &detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let all = Walls { no_new_rights: true, no_files: true, no_calls: true, memory: true, time: true };
        assert_eq!(check(all).state, State::Ok);
        let open = check(Walls { no_files: false, ..all });
        assert_eq!(open.state, State::Missing);
        assert!(open.detail.contains("Landlock") && !open.detail.contains("seccomp"), "{}", open.detail);
    }
}
