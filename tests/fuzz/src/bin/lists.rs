//! Lists of data sets. The first byte chooses the set, and whether videos may be missing; the rest is its list.

#![no_main]

use sbi::datasets::{Compression, TestSet, split_ids};
use sbi_fuzz::{file, folder, fuzz_target, plant};

const SETS: [(TestSet, &str); 4] = [
    (TestSet::Dfdc, "DFDC/labels.csv"),
    (TestSet::Dfdcp, "DFDCP/dataset.json"),
    (TestSet::Cdf, "Celeb-DF-v2/List_of_testing_videos.txt"),
    (TestSet::Ff(None), "FaceForensics++/test.json"),
];

fn seeds() -> Vec<Vec<u8>> {
    let lists: [&[u8]; 4] = [
        b"filename,label\na.mp4,0\nb.mp4,1\n",
        br#"{"method_A/videos/1/a.mp4": {"label": "fake", "set": "test"}, "original_videos/1/b.mp4": {"label": "real", "set": "train"}}"#,
        b"1 YouTube-real/a.mp4\n0 Celeb-synthesis/b.mp4\n1 Celeb-real/c.mp4\n",
        br#"[["071", "054"], ["087", "081"]]"#,
    ];
    let missing = lists.iter().enumerate().map(|(set, list)| [&[4 + set as u8][..], list].concat());
    let strict = lists.iter().enumerate().map(|(set, list)| [&[set as u8][..], list].concat());
    missing.chain(strict).collect()
}

/// A video of each set.
fn prepare() {
    for video in [
        "DFDC/videos/a.mp4",
        "DFDCP/method_A/videos/1/a.mp4",
        "DFDCP/original_videos/videos/b.mp4",
        "Celeb-DF-v2/YouTube-real/videos/a.mp4",
        "Celeb-DF-v2/YouTube-real/a.mp4",
        "FaceForensics++/original_sequences/youtube/c23/videos/071.mp4",
        "FaceForensics++/manipulated_sequences/Deepfakes/c23/videos/071_054.mp4",
    ] {
        file(video, b"");
    }
}

fuzz_target!(
    init: {
        prepare();
        plant(seeds());
    },
    |bytes: &[u8]| {
        let Some((&choice, list)) = bytes.split_first() else { return };
        let (set, name) = SETS[usize::from(choice) % SETS.len()];
        let path = file(name, list);
        if let Ok(list) = set.list(folder(), Compression::C23, choice & 4 != 0) {
            assert!(!list.videos.is_empty());
            assert!(list.videos.iter().all(|video| video.path.starts_with(folder())), "a list led elsewhere");
            let _ = list.remarks();
        }
        let _ = split_ids(&path);
    }
);
