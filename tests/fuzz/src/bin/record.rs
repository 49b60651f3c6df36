//! Records of prepared sets, from which preprocessing goes on.

#![no_main]

use sbi::prepared_frames::PreparedRecord;
use sbi_fuzz::{file, fuzz_target, plant};

const VIDEO: &str = r#"{"video": "videos/000.mp4", "status": "ok", "frames_wanted": 32, "frames_decoded": 9, "with_landmarks": 8, "with_boxes": 9, "usable": 8, "without_landmarks": [3], "without_boxes": [], "problems": [{"frame": 2, "problem": "x"}], "note": null}"#;
const STEPS: [&str; 2] = [
    r#"{"model": "a.dat", "fingerprint": "90", "points": 81, "estimated_forehead": true}"#,
    r#"{"detector": "retinaface-r50", "weights": "90", "max_size": 2048}"#,
];

fn seeds() -> Vec<Vec<u8>> {
    let record = |landmarks: &str, boxes: &str, videos: &str| {
        format!(
            r#"{{"tool": "sbi", "version": "0.1.0", "set": "mine", "settings": {{"frames": 32, "landmarks": {landmarks}, "boxes": {boxes}}}, "totals": {{"videos": 1, "frames_wanted": 1, "frames_decoded": 1, "with_landmarks": 1, "with_boxes": 1, "usable": 1}}, "videos": [{videos}]}}"#
        )
    };
    let two = format!("{VIDEO}, {}", VIDEO.replace("000", "001").replace("ok", "truncated"));
    let records =
        [record("null", "null", ""), record(STEPS[0], "null", VIDEO), record(STEPS[0], STEPS[1], &two)];
    records.into_iter().map(String::into_bytes).collect()
}

fuzz_target!(
    init: plant(seeds()),
    |bytes: &[u8]| {
        let path = file("preprocess_mine.json", bytes);
        if let Ok(Some(mut record)) = PreparedRecord::read(&path) {
            let _ = record.settings.first_difference(&record.settings.clone().joined(&record.settings));
            for video in &record.videos {
                let _ = video.is_complete(true, true);
            }
            record.write(&path).expect("what was read can be written");
            assert!(PreparedRecord::read(&path).expect("what is written can be read").is_some());
        }
    }
);
