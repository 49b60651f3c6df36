//! From frames to a file with one video stream.

use sbi::native::libav::{Demuxer, Encoder, Encoding, Muxer, PixelFormat};
use sbi::types::RgbImage;
use std::fs::File;
use std::path::Path;

use super::Result;

/// An encoder as it is used here.
#[derive(Clone, Copy)]
pub struct Codec {
    pub encoder: &'static str,
    pub pixels: PixelFormat,
    pub options: &'static [(&'static str, &'static str)],
}

impl Codec {
    pub const H264: Codec =
        Codec { encoder: "libx264", pixels: PixelFormat::Yuv420, options: &[("preset", "ultrafast")] };
    pub const VP8: Codec =
        Codec { encoder: "libvpx", pixels: PixelFormat::Yuv420, options: &[("deadline", "realtime")] };
    pub const MPEG4: Codec = Codec {
        encoder: "mpeg4",
        pixels: PixelFormat::Yuv420,
        options: &[("qscale", "3"), ("b", "2000000")],
    };

    /// Opens the encoder for frames of this size and a container.
    pub fn open(&self, (width, height): (usize, usize), rate: u32, muxer: &Muxer) -> Result<Encoder> {
        Ok(Encoder::open(&Encoding {
            encoder: self.encoder,
            width,
            height,
            rate: (rate, 1),
            pixels: self.pixels,
            group: 5,
            global_headers: muxer.wants_headers(),
            options: self.options,
        })?)
    }
}

/// A video of one stream.
pub struct Clip<'a> {
    pub codec: Codec,
    /// FFmpeg's name of the container.
    pub container: &'a str,
    /// The container's own options.
    pub options: &'a [(&'a str, &'a str)],
    /// How players are to turn it: a display matrix.
    pub matrix: Option<[i32; 9]>,
    /// Units of time per second.
    pub rate: u32,
    /// When a frame is shown, in these units.
    pub shown_at: fn(i64) -> i64,
}

impl<'a> Clip<'a> {
    /// 25 frames per second.
    pub fn steady(codec: Codec, container: &'a str) -> Clip<'a> {
        Clip { codec, container, options: &[], matrix: None, rate: 25, shown_at: |number| number }
    }

    /// Writes frames of one size.
    pub fn write(&self, frames: &[RgbImage], path: &Path) -> Result<()> {
        let mut muxer = Muxer::create(Box::new(File::create(path)?), self.container)?;
        let size = frames.first().map_or((0, 0), |frame| (frame.width(), frame.height()));
        let mut encoder = self.codec.open(size, self.rate, &muxer)?;
        let stream = muxer.add_encoder(&encoder)?;
        if let Some(matrix) = self.matrix {
            muxer.set_display_matrix(stream, matrix)?;
        }
        muxer.begin(self.options)?;
        for (frame, number) in frames.iter().zip(0..) {
            encoder
                .encode(frame.data(), (self.shown_at)(number), &mut |packet| muxer.write(packet, stream))?;
        }
        encoder.finish(&mut |packet| muxer.write(packet, stream))?;
        Ok(muxer.finish()?)
    }
}

/// Puts the packets of an MP4 file into another container, all of them `earlier` by so many seconds.
pub fn copy(from: &Path, to: &Path, container: &str, options: &[(&str, &str)], earlier: f64) -> Result<()> {
    let mut demuxer = Demuxer::open(Box::new(File::open(from)?), "mp4")?;
    let mut muxer = Muxer::create(Box::new(File::create(to)?), container)?;
    let stream = muxer.add_copy(&demuxer)?;
    muxer.begin(options)?;
    let earlier = (earlier / demuxer.unit()).round() as i64;
    while let Some(mut packet) = demuxer.read()? {
        let times = [packet.shown_at(), packet.decoded_at()].map(|time| time.map(|time| time - earlier));
        packet.set_times(times[0], times[1]);
        muxer.write(&packet, stream)?;
    }
    Ok(muxer.finish()?)
}
