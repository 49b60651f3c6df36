use super::*;
use crate::blending::Extras;
use crate::blending::kinds::Fakes;
use crate::blending::testing::{face_of, frame};
use crate::engine::Images;
use crate::imaging::write_png;
use crate::model::{CropImages, InputSpec, Normalisation};
use crate::prepared_frames::{VideoFolders, write_boxes, write_landmarks};
use crate::training_pairs::FramePool;
use crate::types::FACE_SIDE;
use std::path::Path;

const SIDE: usize = 48;
const FRAMES: usize = 10;

/// A prepared set of ten frames; those named in `broken` have a cut image file.
fn set(broken: &[usize]) -> (tempfile::TempDir, Vec<FrameFiles>) {
    let base = tempfile::tempdir().unwrap();
    let folders = VideoFolders::new(base.path(), Path::new("000"));
    folders.create().unwrap();
    let image = frame(200, 160);
    for index in 0..FRAMES {
        let files = folders.files(index);
        let (landmarks, face_box) = face_of(80 + 4 * index as i32, 80, 40);
        write_landmarks(&files.landmarks, &[landmarks]).unwrap();
        write_boxes(&files.boxes, &[face_box]).unwrap();
        write_png(&files.frame, &image).unwrap();
        if broken.contains(&index) {
            let whole = std::fs::read(&files.frame).unwrap();
            std::fs::write(&files.frame, &whole[..whole.len() / 4]).unwrap();
        }
    }
    let frames = folders.frames_on_disk().unwrap();
    (base, frames)
}

fn config(threads: usize, phase: Phase) -> LoaderConfig {
    LoaderConfig {
        pairs: 4,
        image_size: SIDE,
        phase,
        seed: 3,
        threads,
        read_ahead: 2,
        extras: Extras::default(),
        masks: false,
        drop_last: false,
        deal: Deal::All,
        device: Device::Cpu,
    }
}

type Content = (Vec<PathBuf>, Vec<f32>, Vec<f32>);

fn content(batch: Result<PairBatch, LoaderError>) -> Content {
    let PairBatch { real, fake, frames, .. } = batch.unwrap();
    let side = SIDE as i64;
    assert_eq!(real.size(), [frames.len() as i64, 3, side, side]);
    let numbers = |t: &Tensor| Vec::<f32>::try_from(t.flatten(0, -1)).unwrap();
    (frames, numbers(&real), numbers(&fake))
}

fn batches(frames: &[FrameFiles], config: LoaderConfig, epoch: u64, first: usize) -> Vec<Content> {
    Loader::new(frames.to_vec(), config).epoch(epoch, first).map(content).collect()
}

#[test]
fn batches_depend_on_seed_and_epoch_and_not_on_threads_or_where_one_starts() {
    let (_base, frames) = set(&[2]);
    let all = batches(&frames, config(1, Phase::Train), 7, 0);
    assert_eq!(all.iter().map(|batch| batch.0.len()).collect::<Vec<_>>(), [4, 4, 2]);
    assert!(all.iter().flat_map(|batch| &batch.1).all(|value| (0.0..=1.0).contains(value)));
    assert!(all[0].1 != all[0].2, "fake and real are equal");
    assert!(batches(&frames, config(3, Phase::Train), 7, 0) == all);
    assert!(batches(&frames, config(2, Phase::Train), 7, 2) == all[2..]);
    assert!(batches(&frames, config(2, Phase::Train), 8, 0) != all);
    let other_seed = LoaderConfig { seed: 4, ..config(2, Phase::Train) };
    assert!(batches(&frames, other_seed, 7, 0) != all);
}

#[test]
fn pairs_are_what_inference_would_show_to_the_network() {
    let (_base, frames) = set(&[]);
    let config = config(1, Phase::Validation);
    let batch = Loader::new(frames.clone(), config.clone()).epoch(0, 0).next().unwrap().unwrap();
    let pool = FramePool::new(frames);
    let mut rng = generator(config.seed, 0, 0, Purpose::Sample);
    let drawn = pool.draw(0, &mut rng, Phase::Validation, &config.extras);
    let pair = pool.read_pair(0, &drawn.recipe, FACE_SIDE).unwrap();
    let input = InputSpec { normalisation: Normalisation::Unit, side: SIDE as i64, ..InputSpec::default() };
    for (image, shown) in [(&pair.real, &batch.real), (&pair.fake, &batch.fake)] {
        let expected = CropImages::new(&[image], input).unwrap();
        let mut row = vec![0.0; 3 * SIDE];
        for y in 0..SIDE {
            expected.write_row(0, y, &mut row);
            let shown = shown.get(0).select(1, y as i64).transpose(0, 1).contiguous().flatten(0, -1);
            assert!(Vec::<f32>::try_from(shown).unwrap() == row, "row {y}");
        }
    }
}

#[test]
fn validation_is_the_same_in_each_epoch_and_in_the_order_of_the_list() {
    let (_base, frames) = set(&[]);
    let all = batches(&frames, config(2, Phase::Validation), 1, 0);
    assert!(batches(&frames, config(1, Phase::Validation), 2, 0) == all);
    let order: Vec<&PathBuf> = all.iter().flat_map(|batch| &batch.0).collect();
    assert_eq!(order, frames.iter().map(|files| &files.frame).collect::<Vec<_>>());
}

#[test]
fn every_frame_comes_once_an_epoch_and_full_batches_alone_where_asked() {
    let (_base, frames) = set(&[]);
    let mut seen: Vec<PathBuf> =
        batches(&frames, config(2, Phase::Train), 0, 0).into_iter().flat_map(|batch| batch.0).collect();
    assert_ne!(seen, frames.iter().map(|files| files.frame.clone()).collect::<Vec<_>>(), "not shuffled");
    seen.sort();
    assert_eq!(seen, frames.iter().map(|files| files.frame.clone()).collect::<Vec<_>>());
    let full = LoaderConfig { drop_last: true, ..config(2, Phase::Train) };
    let loader = Loader::new(frames, full);
    assert_eq!((loader.batches(), loader.epoch(0, 0).count()), (2, 2));
}

/// What all processes of a deal make of an epoch, put together as the whole batches.
fn dealt(frames: &[FrameFiles], size: usize, deal: impl Fn(usize) -> Deal) -> Vec<Content> {
    let mut parts: Vec<(usize, usize, Content)> = Vec::new();
    for rank in 0..size {
        let loader =
            Loader::new(frames.to_vec(), LoaderConfig { deal: deal(rank), ..config(2, Phase::Train) });
        for batch in loader.epoch(1, 0) {
            let batch = batch.unwrap();
            parts.push((batch.number, batch.first, content(Ok(batch))));
        }
    }
    parts.sort_by_key(|(number, first, _)| (*number, *first));
    let mut whole: Vec<(usize, Content)> = Vec::new();
    for (number, first, part) in parts {
        match whole.last_mut().filter(|(last, _)| *last == number) {
            Some((_, batch)) => {
                assert_eq!(batch.0.len(), first, "the next pairs");
                batch.0.extend(part.0);
                batch.1.extend(part.1);
                batch.2.extend(part.2);
            }
            None => whole.push((number, part)),
        }
    }
    whole.into_iter().map(|(_, batch)| batch).collect()
}

#[test]
fn dealt_out_to_any_number_of_processes_the_pairs_are_the_same() {
    let (_base, frames) = set(&[2]);
    let all = batches(&frames, config(2, Phase::Train), 1, 0);
    for size in 1..=4 {
        assert!(dealt(&frames, size, |rank| Deal::Pairs { rank, size }) == all, "pairs to {size}");
        assert!(dealt(&frames, size, |rank| Deal::Batches { rank, size }) == all, "batches to {size}");
    }
}

#[test]
fn frames_that_give_no_pair_are_replaced_and_counted() {
    let (_base, frames) = set(&[2, 5]);
    let loader = Loader::new(frames.clone(), config(2, Phase::Train));
    let mut epoch = loader.epoch(0, 0);
    let batches: Vec<PairBatch> = epoch.by_ref().map(Result::unwrap).collect();
    assert_eq!(batches.iter().map(|batch| batch.replaced).sum::<usize>(), 2);
    let used: Vec<PathBuf> = batches.into_iter().flat_map(|batch| batch.frames).collect();
    assert_eq!(used.len(), FRAMES);
    assert!(!used.contains(&frames[2].frame) && !used.contains(&frames[5].frame));
    let stats = epoch.stats();
    assert_eq!((stats.pairs, stats.replaced), (FRAMES, 2));
    assert!(stats.reasons.iter().any(|reason| reason.contains("002.png")), "{:?}", stats.reasons);
    let warning = stats.warning().unwrap();
    assert!(warning.contains("2 of 10 training pairs (20 %)"), "{warning}");
}

#[test]
fn replacements_are_drawn_anew_for_each_epoch_and_pair() {
    // Half of the frames need one, so that many places in the epoch do so in both epochs.
    let (_base, frames) = set(&[0, 2, 5, 7, 8]);
    let one_epoch = |epoch| batches(&frames, config(2, Phase::Train), epoch, 0);
    let images = |batches: Vec<Content>| -> Vec<Vec<f32>> {
        let side = 3 * SIDE * SIDE;
        batches.iter().flat_map(|(_, _, fakes)| fakes.chunks(side).map(<[f32]>::to_vec)).collect()
    };
    let (first, second) = (images(one_epoch(0)), images(one_epoch(1)));
    assert!(first == images(one_epoch(0)), "the same epoch is not repeatable");
    let mut all: Vec<Vec<u32>> = first
        .iter()
        .chain(&second)
        .map(|image| image.iter().map(|value| value.to_bits()).collect())
        .collect();
    let made = all.len();
    all.sort();
    all.dedup();
    assert_eq!((made, all.len()), (2 * FRAMES, 2 * FRAMES), "two pairs look alike");
}

#[test]
fn a_set_in_which_nothing_works_is_an_error_and_not_an_endless_search() {
    let (_base, frames) = set(&(0..FRAMES).collect::<Vec<_>>());
    let mut epoch = Loader::new(frames, config(2, Phase::Train)).epoch(0, 0);
    let error = crate::causes::with_causes(&epoch.next().unwrap().unwrap_err());
    assert!(error.contains("20 frames in a row gave no pair") && error.contains(".png"), "{error}");
    assert!(epoch.next().is_none());
}

#[test]
fn leaving_an_epoch_early_ends_its_threads() {
    let (_base, frames) = set(&[]);
    let loader = Loader::new(frames, config(2, Phase::Train));
    let mut epoch = loader.epoch(0, 0);
    content(epoch.next().unwrap());
    assert!(epoch.under_way.len() <= 2, "more batches under way than allowed");
    drop(epoch);
    assert_eq!(loader.epoch(0, 0).count(), 3);
}

/// Frames of two people.
fn two_people() -> (tempfile::TempDir, Vec<FrameFiles>) {
    let (base, mut frames) = set(&[]);
    let other = VideoFolders::new(base.path(), Path::new("001"));
    other.create().unwrap();
    for (number, files) in frames.iter_mut().enumerate().skip(FRAMES / 2) {
        let moved = other.files(number);
        for (from, to) in
            [(&files.frame, &moved.frame), (&files.landmarks, &moved.landmarks), (&files.boxes, &moved.boxes)]
        {
            std::fs::rename(from, to).unwrap();
        }
        *files = moved;
    }
    (base, frames)
}

#[test]
fn mixed_kinds_depend_on_seed_and_epoch_and_not_on_threads() {
    let (_base, frames) = two_people();
    let fakes = Fakes { swap: 2.0, mouth: 1.0, whole: 1.0, frequency: 1.0, ..Fakes::default() };
    let mixed = |threads| LoaderConfig {
        extras: Extras { fakes, ..Extras::default() },
        ..config(threads, Phase::Train)
    };
    let all = batches(&frames, mixed(1), 7, 0);
    assert!(batches(&frames, mixed(3), 7, 0) == all);
    assert!(batches(&frames, mixed(2), 7, 1) == all[1..]);
    assert!(batches(&frames, config(1, Phase::Train), 7, 0) != all);
}

#[test]
fn kinds_that_frames_have_nothing_for_are_counted_and_told() {
    let (_base, frames) = set(&[]);
    let fakes = Fakes { self_blend: 0.0, counterpart: 1.0, ..Fakes::default() };
    let extras = Extras { fakes, ..Extras::default() };
    let loader = Loader::new(frames.clone(), LoaderConfig { extras, ..config(2, Phase::Train) });
    let mut epoch = loader.epoch(7, 0);
    let made: Vec<Content> = epoch.by_ref().map(content).collect();
    assert_eq!((epoch.stats().other_kinds, epoch.stats().replaced), (FRAMES, 0));
    let note = epoch.stats().kinds_note().unwrap();
    assert_eq!(
        note,
        "10 of 10 training pairs are of another kind of forgery than counterpart: their frames have no counterparts"
    );
    // What they become is self-blending, as ever.
    let plain = Loader::new(frames, config(2, Phase::Train));
    let mut epoch = plain.epoch(7, 0);
    assert!(epoch.by_ref().map(content).collect::<Vec<_>>() == made);
    assert_eq!(epoch.stats().kinds_note(), None);
}
