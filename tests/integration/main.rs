//! All integration tests in one binary, because each one links libtorch and OpenCV.
#![allow(clippy::unwrap_used, reason = "a test fails where something is not as it should be")]

/// Inputs that are no videos or images, places that cannot be written, wrong words.
mod bad_input;
/// Data sets with faulty lists and packed folders with faulty arrays.
mod bad_sets;
/// Measuring the machine.
mod bench;
/// A real browser without a window, for tests of pages.
mod browser;
/// Weight files as the library reads and writes them.
mod checkpoints;
/// Help, versions, exit codes, which stream gets what.
mod cli;
/// Results compared with one another.
mod compare;
/// DeepfakeBench: its weights, lists, crops and numbers.
mod deepfakebench;
/// What the documents say about links, commands and configuration keys.
mod documents;
/// Results that can be repeated, and likelihood ratios.
mod evidence;
/// Photographs and videos given by path.
mod files;
/// Killed and interrupted runs, and what the next run makes of them.
mod interruption;
/// The light backbones and their ImageNet weights.
mod lite;
/// Networks and images made here instead of carried along.
mod made;
/// Files that break readers: what each must give.
mod odd_files;
/// Photographs of the user's own: a set, a detector trained on it, a score.
mod own_sets;
/// Test sets from videos over packed faces to scores.
mod pipeline;
/// Sets from videos to frames, landmarks and boxes.
mod preprocess;
/// Sheets and files of self-blended pairs.
mod preview;
/// Training on several processes.
mod ranks;
/// Counterparts of prepared frames, made by autoencoders.
mod reconstruct;
/// Reports that people read in a browser.
mod report;
/// A page in the browser, and its interface for programs.
mod serve;
/// Lists shared out among processes, and their results joined.
mod shards;
/// A folder per test, the program run in it, the shared fixtures.
mod support;
/// What tests need of the machine, and what becomes of a test where it is missing.
#[path = "../../src/testing.rs"]
mod testing;
/// Where the time goes.
mod timings;
/// Training: from a prepared set to checkpoints, interrupted and resumed.
mod train;
/// Numbers of the PyTorch reference.
mod vectors;
/// What is made of scores: verdicts, calibration, heat maps, robustness, the detector in the box.
mod verdicts;
/// Weight files given to the program.
mod weights;
