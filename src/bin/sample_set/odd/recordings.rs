//! Recordings in which something changes or stops: two of different sizes in one stream, a pause, two streams.

use sbi::native::libav::{Demuxer, Muxer};
use sbi::types::RgbImage;
use std::fs::{self, File};
use std::path::Path;

use super::clip::{Clip, Codec};
use super::pictures::frames;
use super::{Result, sound};

/// Frames of each recording.
const FRAMES: usize = 25;
/// Frames per second.
const RATE: u32 = 25;
/// Frames before the pause.
const BEFORE: i64 = 5;
/// Length of the pause in frames: 20 seconds.
const PAUSE: i64 = 20 * RATE as i64;
/// Packets per second of the stream that goes on.
const OTHER_RATE: u32 = 100;

/// When a frame is shown that comes before or after the pause.
fn with_pause(number: i64) -> i64 {
    if number < BEFORE { number } else { number + PAUSE }
}

pub fn write(face: &RgbImage, folder: &Path) -> Result<()> {
    joined(face, folder)?;
    let small = frames(face, 320, 240, FRAMES)?;
    paused(&small, Codec::MPEG4, "mp4", &folder.join("silent_screen.mp4"))?;
    paused(&small, Codec::VP8, "webm", &folder.join("silent_screen.webm"))?;
    let silent = folder.join("silent_screen.flv");
    let clip = Clip { shown_at: with_pause, ..Clip::steady(Codec::H264, "flv") };
    clip.write(&small, &silent)?;
    let end = (FRAMES as i64 + PAUSE) as usize / RATE as usize;
    let with_sound = sound::flv_with_sound(&fs::read(&silent)?, end);
    Ok(fs::write(&silent, with_sound)?)
}

/// Two recordings of two sizes in one transport stream.
fn joined(face: &RgbImage, folder: &Path) -> Result<()> {
    let [small, large] = [(320, 240), (640, 480)].map(|(width, height)| {
        let file = tempfile::NamedTempFile::new()?;
        Clip::steady(Codec::H264, "mpegts").write(&frames(face, width, height, FRAMES)?, file.path())?;
        Result::Ok(fs::read(file.path())?)
    });
    let (small, large) = (small?, large?);
    fs::write(folder.join("size_grows.ts"), [&small[..], &large].concat())?;
    Ok(fs::write(folder.join("size_shrinks.ts"), [large, small].concat())?)
}

/// A video that pauses while a second stream, tiny images in place of sound, goes on with thousands of packets.
fn paused(frames: &[RgbImage], codec: Codec, container: &str, path: &Path) -> Result<()> {
    let tiny = tempfile::NamedTempFile::new()?;
    Clip::steady(codec, container).write(&[RgbImage::filled(16, 16, [128; 3])], tiny.path())?;
    let mut tiny = Demuxer::open(Box::new(File::open(tiny.path())?), container)?;
    let mut packet = tiny.read()?.ok_or("the encoder gave no packet")?;
    let per_packet = (1.0 / f64::from(OTHER_RATE) / tiny.unit()).round() as i64;

    let mut muxer = Muxer::create(Box::new(File::create(path)?), container)?;
    let mut video = codec.open((frames[0].width(), frames[0].height()), RATE, &muxer)?;
    let (main, beside) = (muxer.add_encoder(&video)?, muxer.add_copy(&tiny)?);
    muxer.begin(&[])?;
    let mut written = 0;
    for (frame, number) in frames.iter().zip(0..) {
        let shown_at = with_pause(number);
        while written < shown_at * i64::from(OTHER_RATE / RATE) {
            packet.set_times(Some(written * per_packet), Some(written * per_packet));
            muxer.write(&packet, beside)?;
            written += 1;
        }
        video.encode(frame.data(), shown_at, &mut |packet| muxer.write(packet, main))?;
    }
    video.finish(&mut |packet| muxer.write(packet, main))?;
    Ok(muxer.finish()?)
}
