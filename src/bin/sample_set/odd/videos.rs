//! The same 50 frames in every container and codec, turned recordings, cut files.

use sbi::native::libav::PixelFormat;
use sbi::types::RgbImage;
use std::fs;
use std::path::Path;

use super::Result;
use super::clip::{Clip, Codec, copy};
use super::pictures::{frames, stored_for};

/// Frames of each of the plain videos.
const FRAMES: usize = 50;
/// Frames of each of the turned ones.
const TURNED: usize = 12;
/// What is left of files that are cut, in percent.
const CUT_AT: usize = 60;

/// The unit of display matrices.
const ONE: i32 = 1 << 16;

/// Names, whether the stored frames are mirrored, quarter turns clockwise that make them upright, and the part of the
/// display matrix that asks for both.
const TURNS: [(&str, bool, usize, [i32; 4]); 5] = [
    ("turned_90.mp4", false, 1, [0, 1, -1, 0]),
    ("turned_180.mp4", false, 2, [-1, 0, 0, -1]),
    ("turned_270.mov", false, 3, [0, -1, 1, 0]),
    ("mirrored.mp4", true, 0, [-1, 0, 0, 1]),
    ("mirrored_and_turned_90.mp4", true, 1, [0, -1, -1, 0]),
];

/// The encoder of one file.
const fn codec(encoder: &'static str, options: &'static [(&'static str, &'static str)]) -> Codec {
    Codec { encoder, pixels: PixelFormat::Yuv420, options }
}

pub fn write(face: &RgbImage, folder: &Path) -> Result<()> {
    let plain = frames(face, 320, 240, FRAMES)?;
    let first = folder.join("plain.mp4");
    Clip::steady(Codec::H264, "mp4").write(&plain, &first)?;
    copies(&first, folder)?;
    encoded(&plain, folder)?;
    turned(&plain, folder)?;
    for name in ["cut_at_60_percent.mkv", "cut_at_60_percent.ts"] {
        let whole = fs::read(folder.join(name.replace("cut_at_60_percent", "plain")))?;
        fs::write(folder.join(name), &whole[..whole.len() * CUT_AT / 100])?;
    }
    Ok(())
}

/// A container's options, by name.
type Options = &'static [(&'static str, &'static str)];

/// The packets of the first file, in containers whose headers count wrong or not at all.
fn copies(first: &Path, folder: &Path) -> Result<()> {
    const FRAGMENTED: Options = &[("movflags", "frag_keyframe+empty_moov")];
    const STREAMED: Options = &[("live", "1")];
    const WITHOUT_DURATION: Options = &[("flvflags", "no_duration_filesize")];
    let containers: [(&str, &str, Options); 7] = [
        ("plain.mkv", "matroska", &[]),
        ("plain.flv", "flv", &[]),
        ("plain.ts", "mpegts", &[]),
        ("plain.mov", "mov", &[]),
        ("fragmented.mp4", "mp4", FRAGMENTED),
        ("streamed.mkv", "matroska", STREAMED),
        ("without_duration.flv", "flv", WITHOUT_DURATION),
    ];
    for (name, container, options) in containers {
        copy(first, &folder.join(name), container, options, 0.0)?;
    }
    // An edit list hides what comes before time 0: 13 of the 50 frames.
    copy(first, &folder.join("edit_list.mp4"), "mp4", &[], 13.0 / 25.0)
}

fn encoded(plain: &[RgbImage], folder: &Path) -> Result<()> {
    let ten_bits =
        Codec { pixels: PixelFormat::Yuv420Ten, ..codec("libx265", &[("x265-params", "log-level=none")]) };
    let gif = Codec { pixels: PixelFormat::Rgb8, ..codec("gif", &[]) };
    let codecs = [
        ("plain.avi", "avi", Codec::MPEG4),
        ("plain.webm", "webm", Codec::VP8),
        ("plain.wmv", "asf", codec("wmv2", &[("b", "2000000")])),
        ("plain.mpg", "mpeg", codec("mpeg2video", &[("b", "2000000")])),
        ("plain.ogv", "ogg", codec("libtheora", &[("b", "1000000")])),
        ("plain_av1.mp4", "mp4", codec("libaom-av1", &[("cpu-used", "8"), ("usage", "realtime")])),
        ("plain_hevc10.mp4", "mp4", ten_bits),
        ("plain_vp9.webm", "webm", codec("libvpx-vp9", &[("deadline", "realtime"), ("cpu-used", "8")])),
        ("plain.gif", "gif", gif),
    ];
    for (name, container, codec) in codecs {
        Clip::steady(codec, container).write(plain, &folder.join(name))?;
    }
    // Frames at uneven times in a container that counts milliseconds.
    let uneven = Clip {
        rate: 1000,
        shown_at: |number| 40 * number + 13 * (number % 3),
        ..Clip::steady(Codec::H264, "matroska")
    };
    uneven.write(plain, &folder.join("vfr_1000fps.mkv"))
}

/// Recordings as phones write them: stored as the sensor lies, with a note of how to turn them.
fn turned(plain: &[RgbImage], folder: &Path) -> Result<()> {
    for (name, mirror, quarters, [a, b, c, d]) in TURNS {
        let stored = plain[..TURNED]
            .iter()
            .map(|frame| stored_for(frame, mirror, quarters))
            .collect::<Result<Vec<_>>>()?;
        let matrix = [a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30];
        let container = if name.ends_with("mov") { "mov" } else { "mp4" };
        let clip = Clip { matrix: Some(matrix), ..Clip::steady(Codec::H264, container) };
        clip.write(&stored, &folder.join(name))?;
    }
    Ok(())
}
