//! Videos, demuxed and decoded behind the walls, as every file of a stranger is: what damaged ones do to FFmpeg's libraries
//! must stay in the process that decodes them, and that process must not fail for a reason of ours.

#![no_main]

use sbi::media::{Error, MediaFile, MediaLimits, Reading};
use sbi_fuzz::{file, fixtures, folder, fuzz_target, plant};
use std::ops::ControlFlow;

/// Small enough that no input takes long.
const LIMITS: MediaLimits = MediaLimits { pixels: 1 << 20, seconds: 5, memory: 1 << 30 };

fn check(error: &Error) {
    if let Error::Decoder { reason, .. } = error {
        // A limit is a right answer.
        assert!(reason.contains("limit"), "{reason}");
    }
}

fuzz_target!(
    init: {
        let _ = folder();
        plant(fixtures("tests/fixtures/videos", 20_000));
    },
    |bytes: &[u8]| {
        // The first byte says how it is read, so that all of it is reached.
        let Some((&how, bytes)) = bytes.split_first() else { return };
        let reading = if how & 1 == 0 { Reading::as_is(LIMITS) } else { Reading::as_published(LIMITS) };
        let extension = ["mp4", "avi", "mkv", "ts"][usize::from(how >> 1 & 3)];
        let path = file(&format!("a.{extension}"), bytes);
        let opened = MediaFile::open(&path, reading, 1).inspect_err(check);
        let Ok(opened) = opened else { return };
        let frames = opened.frame_count();
        let mut wanted = vec![0, frames / 2, frames.saturating_sub(1)];
        wanted.dedup();
        let mut before = None;
        let read = opened.read(&wanted.into(), |frame| {
            assert!(before.is_none_or(|before| before < frame.index), "frames come in order");
            before = Some(frame.index);
            ControlFlow::Continue(())
        });
        if let Ok(report) = read.inspect_err(check) {
            assert!(report.decoded <= report.wanted, "{report:?}");
        }
    }
);
