//! Manifests of packed faces: `manifest.json`, and after a zero byte the lines of `manifest.jsonl`.

#![no_main]

use ndarray::Array4;
use sbi::npy::{write_array, write_i64_vec};
use sbi::packed_faces::{Manifest, PackedSet};
use sbi_fuzz::{file, folder, fuzz_target, parts, plant};

const ENTRY: &str = r#"{"number": 1, "path": "a/000.mp4", "label": 0, "group": null, "status": "ok", "frames_wanted": 32, "frames_decoded": 32, "frames_with_face": 1, "faces": 1, "note": null}"#;

fn seeds() -> Vec<Vec<u8>> {
    let manifest = |count: usize, videos: &str| {
        format!(
            r#"{{"version": 1, "program": "sbi 0.1.0", "settings": {{"dataset": "FF", "compression": "raw", "detector": "retinaface-mnet", "detector_weights": "90", "max_size": 0, "frames": 32, "face_size": 380}}, "video_count": {count}, "complete": true, "videos": [{videos}]}}"#
        )
    };
    let second = ENTRY.replace("\"number\": 1", "\"number\": 2").replace("\"label\": 0", "\"label\": 1");
    let texts = [
        manifest(2, ENTRY),
        manifest(2, &format!("{ENTRY}, {second}")),
        format!("{}\0{ENTRY}\n{second}\n", manifest(2, "")),
        format!("{}\0{}", manifest(2, ENTRY), second.replace("ok", "truncated")),
    ];
    texts.into_iter().map(String::into_bytes).collect()
}

/// A folder of two videos with a face each, but for the manifest.
fn prepare() {
    let face = Array4::<u8>::zeros((1, 3, 380, 380));
    for number in [1, 2] {
        let failed = "arrays can be written";
        write_array(&folder().join(format!("{number}.npy")), face.view()).expect(failed);
        write_i64_vec(&folder().join(format!("{number}_idx.npy")), &[4]).expect(failed);
    }
    write_i64_vec(&folder().join("target_list.npy"), &[0, 1]).expect("a list can be written");
}

fuzz_target!(
    init: {
        prepare();
        plant(seeds());
    },
    |bytes: &[u8]| {
        let mut parts = parts(bytes);
        file("manifest.json", parts.next().unwrap_or_default());
        file("manifest.jsonl", parts.next().unwrap_or_default());
        let manifest = Manifest::read(folder());
        if let Ok(set) = PackedSet::open(folder()) {
            assert!(manifest.is_ok(), "a set was opened with a manifest that cannot be read");
            for video in set.videos {
                let _ = (video.name(), video.open());
            }
        }
    }
);
