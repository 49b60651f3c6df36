//! Reads videos in this process, as workers do behind their walls, and prints a hash of each frame: for checkers of
//! memory, and to compare the frames of two versions of FFmpeg.
//!
//! ```text
//! cargo run --release --example read_frames -- a.mp4 b.avi
//! ```

use sbi::hash::fnv1a64;
use sbi::video::{Counting, FileInput, Rows, VideoReader, Wanted};
use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

const PIXELS: u64 = 64_000_000;

fn read(path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let input = FileInput::new(File::open(path)?)?;
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let reader = VideoReader::open(input, extension, Counting::Real, 2, PIXELS)?;
    let mut bytes = Vec::new();
    let report = reader.read(&Wanted::All, |mut frame| {
        bytes.resize(frame.bytes(), 0);
        match frame.write_bgr(&mut bytes) {
            Ok(Rows { width, height, stride }) => {
                let pixels: Vec<u8> =
                    bytes.chunks(stride).take(height).flat_map(|row| &row[..width * 3]).copied().collect();
                println!("{} {width} x {height} {:016x}", frame.index, fnv1a64(&pixels));
            }
            Err(error) => println!("{} {error}", frame.index),
        }
        ControlFlow::Continue(())
    })?;
    println!("{report:?}");
    Ok(())
}

fn main() {
    for path in std::env::args().skip(1) {
        println!("{path}");
        if let Err(error) = read(Path::new(&path)) {
            println!("{error}");
        }
    }
}
