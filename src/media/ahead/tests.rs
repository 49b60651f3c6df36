use super::super::MediaLimits;
use super::*;
use crate::imaging::write_image;
use crate::types::RgbImage;
use crate::video::VideoWriter;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A folder of photographs that differ in width.
fn photographs(count: usize) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = (0..count).map(|number| folder.path().join(format!("{number:02}.png"))).collect::<Vec<_>>();
    for (number, path) in paths.iter().enumerate() {
        write_image(path, &RgbImage::filled(10 + number, 8, [9; 3])).unwrap();
    }
    (folder, paths)
}

fn as_is() -> Reading {
    Reading::as_is(MediaLimits::default())
}

#[test]
fn videos_come_in_order_each_with_its_frames_and_an_end() {
    let (_folder, paths) = photographs(12);
    std::fs::write(&paths[3], "no image").unwrap();
    for (threads, frames) in [(0, 0), (1, 1), (2, 5), (3, 40)] {
        let mut decodings = Decodings::start(paths.clone(), |_, _| vec![0], as_is(), threads);
        decodings.fill_batches_of(frames);
        let told: Vec<_> = decodings.into_events(&Cancel::new()).collect();
        let mut expected = Vec::new();
        for number in 0..12 {
            if number != 3 {
                expected.push((number, 10 + number));
            }
            expected.push((number, 0));
        }
        let widths = told.iter().map(|(number, event)| match event {
            DecodeEvent::Frame(frame, kind) => {
                assert_eq!(*kind, MediaKind::Photograph);
                (*number, frame.image.width())
            }
            DecodeEvent::End(end) => {
                let reason = end.as_ref().err().map(String::as_str);
                let unknown = reason.is_some_and(|reason| reason.starts_with("in no format that is known"));
                assert_eq!(unknown, *number == 3, "{reason:?}");
                (*number, 0)
            }
        });
        assert_eq!(widths.collect::<Vec<_>>(), expected);
    }
}

/// A choice of the first frame that counts how many videos were begun.
fn counting(begun: &Arc<AtomicUsize>) -> impl Fn(usize, usize) -> Vec<usize> + use<> {
    let begun = Arc::clone(begun);
    move |_, _| {
        begun.fetch_add(1, Ordering::Relaxed);
        vec![0]
    }
}

#[test]
fn decoding_begins_at_once_and_only_so_far_ahead() {
    let (_folder, paths) = photographs(20);
    let begun = Arc::new(AtomicUsize::new(0));
    let wait_for = |expected: usize| {
        let end = Instant::now() + Duration::from_secs(20);
        while begun.load(Ordering::Relaxed) < expected && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(begun.load(Ordering::Relaxed), expected);
    };
    let mut decodings = Decodings::start(paths, counting(&begun), as_is(), 2);
    // What is decoded waits while the consumer makes itself ready.
    wait_for(2);
    decodings.fill_batches_of(4);
    wait_for(5);
    // The next one is begun when a video is taken.
    for more in 0..3 {
        assert_eq!(decodings.next().unwrap().0, more);
        wait_for(5 + more);
    }
}

#[test]
fn what_nobody_wants_any_more_is_not_begun() {
    let (_folder, paths) = photographs(9);
    let begun = Arc::new(AtomicUsize::new(0));
    let count = counting(&begun);
    let slowly = move |position, frames| {
        std::thread::sleep(Duration::from_millis(100));
        count(position, frames)
    };
    let mut decodings = Decodings::start(paths, slowly, as_is(), 1);
    decodings.fill_batches_of(8);
    drop(decodings);
    assert!(begun.load(Ordering::Relaxed) <= 1);
}

#[test]
fn dropping_ends_decoders_although_a_full_queue_of_theirs_is_still_held() {
    let folder = tempfile::tempdir().unwrap();
    let path = made_video(folder.path(), 3 * QUEUE);
    let mut decodings = Decodings::start(vec![path], |_, count| (0..count).collect(), as_is(), 1);
    let (_, mut decoding) = decodings.next().unwrap();
    drop(decodings);
    let never = Cancel::new();
    let events = std::iter::from_fn(|| decoding.next_unless(&never));
    let frames = events.filter(|event| matches!(event, DecodeEvent::Frame(_, MediaKind::Video))).count();
    assert!(frames <= QUEUE, "{frames}");
}

#[test]
fn a_decoder_that_dies_ends_its_video_and_is_not_kept_quiet() {
    let (_folder, paths) = photographs(5);
    let mut decodings = Decodings::start(paths, |_, _| panic!("a bug"), as_is(), 1);
    let never = Cancel::new();
    let ends = decodings.by_ref().filter_map(|(_, mut decoding)| decoding.next_unless(&never));
    let told = ends.map(|event| match event {
        DecodeEvent::End(Err(reason)) => reason,
        other => panic!("{other:?}"),
    });
    assert!(told.collect::<Vec<_>>().iter().all(|reason| reason.contains("without a word")));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(decodings))).is_err());
}

fn made_video(folder: &Path, frames: usize) -> PathBuf {
    let path = folder.join("a.avi");
    let mut writer = VideoWriter::create(&path, 64, 48, 25.0).unwrap();
    (0..frames).for_each(|_| writer.write(&RgbImage::filled(64, 48, [50; 3])).unwrap());
    writer.finish().unwrap();
    path
}

#[test]
fn nobody_waits_for_a_frame_that_is_not_wanted_any_more() {
    let (_folder, paths) = photographs(3);
    let slowly = |_, _| {
        std::thread::sleep(Duration::from_secs(3));
        vec![0]
    };
    let cancel = Cancel::new();
    cancel.request();
    let begun = Instant::now();
    let mut decodings = Decodings::start(paths, slowly, as_is(), 1);
    assert!(decodings.next().unwrap().1.next_unless(&cancel).is_none());
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn opening_and_reading_are_left_when_nobody_wants_the_frames() {
    let folder = tempfile::tempdir().unwrap();
    let path = made_video(folder.path(), 9);
    assert!(MediaFile::open_until(&path, as_is(), 1, &|| true).unwrap().is_none());
    let file = MediaFile::open(&path, as_is(), 1).unwrap();
    let mut frames = Vec::new();
    let report = file.read_until(&|| false, &vec![0, 8].into(), |frame| {
        frames.push(frame.index);
        ControlFlow::Break(())
    });
    assert_eq!((frames, report.unwrap().unwrap().decoded), (vec![0], 1));
}
