//! Frames through an encoder and back, in memory.

use crate::native::libav::{
    AvError, AvFrame, BgrLayout, Decoder, DecoderError, EncodeError, Encoder, Encoding, LibavMissing,
    PixelFormat, Received, Scaler,
};
use crate::types::RgbImage;
use std::ops::Range;

/// Sides of frames are whole multiples of this: the blocks of all codecs. What encoders do at the edge of a frame that
/// ends within a block is not always the same.
const BLOCK: usize = 16;
/// The shortest side: some encoders take no frames smaller than their largest block.
const SHORTEST: usize = 64;

/// How frames are compressed.
#[derive(Clone, Debug, PartialEq)]
pub struct Compression {
    /// FFmpeg's name of the encoder, such as `libx264`.
    pub encoder: &'static str,
    /// The encoder's own options, such as `crf`.
    pub options: Vec<(&'static str, String)>,
    /// Whether brightness takes the full range of a byte, as in JPEG; else the limited one of video.
    pub full_range: bool,
}

/// Why frames did not come back.
#[derive(Debug, thiserror::Error)]
pub enum RecompressionError {
    /// FFmpeg's libraries are not there.
    #[error(transparent)]
    Missing(#[from] LibavMissing),
    /// Encoders that this FFmpeg was built without.
    #[error("this FFmpeg has no encoder {}: one that was built with it is needed", encoders.join(", "))]
    NoEncoder {
        /// Their names.
        encoders: Vec<&'static str>,
    },
    /// They cannot be encoded.
    #[error("{encoder} cannot compress frames of {width} x {height} pixels")]
    Encode {
        /// The encoder's name.
        encoder: &'static str,
        /// The frames' width in pixels, in whole blocks.
        width: usize,
        /// The frames' height in pixels, in whole blocks.
        height: usize,
        /// What failed.
        #[source]
        cause: EncodeError,
    },
    /// There is no decoder for what was encoded.
    #[error(transparent)]
    NoDecoder(#[from] DecoderError),
    /// What was encoded cannot be decoded.
    #[error("what {encoder} gives cannot be decoded")]
    Decode {
        /// The encoder's name.
        encoder: &'static str,
        /// What FFmpeg says.
        #[source]
        cause: AvError,
    },
    /// Other frames came back than were given.
    #[error("{encoder} was given {given} frames, {returned} came back")]
    Frames {
        /// The encoder's name.
        encoder: &'static str,
        /// How many frames were given.
        given: usize,
        /// How many came back.
        returned: usize,
    },
}

/// Fails, naming them, when this FFmpeg lacks some of these encoders.
pub fn require_encoders(names: &[&'static str]) -> Result<(), RecompressionError> {
    let mut encoders = Vec::new();
    for name in names {
        if !Encoder::exists(name)? {
            encoders.push(*name);
        }
    }
    if encoders.is_empty() { Ok(()) } else { Err(RecompressionError::NoEncoder { encoders }) }
}

/// Compresses a group of frames, which begins with a frame that needs no other, decodes it, and returns the frames at the
/// positions `wanted`, of their old size. All frames have one size; colours are stored at half resolution.
///
/// The same frames give the same pixels, on any thread. Everything is made anew at each call.
///
/// # Panics
/// Without frames, and where they differ in size.
pub fn recompressed(
    frames: &[RgbImage],
    compression: &Compression,
    wanted: Range<usize>,
) -> Result<Vec<RgbImage>, RecompressionError> {
    let size = (frames[0].width(), frames[0].height());
    let whole_blocks = |side: usize| side.next_multiple_of(BLOCK).max(SHORTEST);
    let (width, height) = (whole_blocks(size.0), whole_blocks(size.1));
    let encoder_name = compression.encoder;
    let failed = |cause| RecompressionError::Encode { encoder: encoder_name, width, height, cause };
    let options: Vec<(&str, &str)> =
        compression.options.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut encoder = Encoder::open(&Encoding {
        encoder: encoder_name,
        width,
        height,
        rate: (25, 1),
        pixels: if compression.full_range { PixelFormat::Yuvj420 } else { PixelFormat::Yuv420 },
        group: 250,
        global_headers: false,
        options: &options,
    })
    .map_err(failed)?;
    let mut returning = Returning::new(&encoder, encoder_name, size, wanted)?;
    let mut problem = None;
    // The encoder's own errors pass through its closure, those of the decoder beside it.
    let mut take = |packet: &_| {
        if problem.is_none() {
            problem = returning.decode(Some(packet)).err();
        }
        Ok(())
    };
    for (time, frame) in frames.iter().enumerate() {
        assert_eq!((frame.width(), frame.height()), size, "frames of one size");
        let padded = (size != (width, height)).then(|| padded(frame, width, height));
        encoder.encode(padded.as_ref().unwrap_or(frame).data(), time as i64, &mut take).map_err(failed)?;
    }
    encoder.finish(&mut take).map_err(failed)?;
    if let Some(problem) = problem {
        return Err(problem);
    }
    returning.decode(None)?;
    let (given, returned) = (frames.len(), returning.count);
    match given == returned {
        true => Ok(returning.images),
        false => Err(RecompressionError::Frames { encoder: encoder_name, given, returned }),
    }
}

/// The image with its last column and row repeated up to the given size.
fn padded(image: &RgbImage, width: usize, height: usize) -> RgbImage {
    let row_bytes = image.width() * 3;
    let mut data = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        let row = &image.data()[y.min(image.height() - 1) * row_bytes..][..row_bytes];
        data.extend_from_slice(row);
        let last = [row[row_bytes - 3], row[row_bytes - 2], row[row_bytes - 1]];
        data.extend((image.width()..width).flat_map(|_| last));
    }
    RgbImage::from_raw(width, height, data)
}

/// The way back: packets to those frames that are wanted.
struct Returning {
    encoder: &'static str,
    decoder: Decoder,
    scaler: Scaler,
    frame: AvFrame,
    size: (usize, usize),
    wanted: Range<usize>,
    /// Frames that have come.
    count: usize,
    images: Vec<RgbImage>,
}

impl Returning {
    fn new(
        encoder: &Encoder,
        name: &'static str,
        size: (usize, usize),
        wanted: Range<usize>,
    ) -> Result<Returning, RecompressionError> {
        let (decoder, scaler) = (Decoder::of_encoder(encoder)?, Scaler::default());
        let frame = AvFrame::empty();
        Ok(Returning { encoder: name, decoder, scaler, frame, size, wanted, count: 0, images: Vec::new() })
    }

    fn decode(&mut self, packet: Option<&crate::native::libav::Packet>) -> Result<(), RecompressionError> {
        let encoder = self.encoder;
        let failed = |cause| RecompressionError::Decode { encoder, cause };
        self.decoder.send(packet).map_err(failed)?;
        while matches!(self.decoder.receive(&mut self.frame).map_err(failed)?, Received::Frame) {
            if self.wanted.contains(&self.count) {
                let image = self.image().map_err(failed)?;
                self.images.push(image);
            }
            self.count += 1;
        }
        Ok(())
    }

    /// The pixels of the frame that has come, without what was added to fill blocks.
    fn image(&mut self) -> Result<RgbImage, AvError> {
        let layout = BgrLayout::of(&self.frame, self.frame.size());
        let (width, height) = self.size;
        if layout.width < width || layout.height < height {
            return Err(AvError::INVALID);
        }
        let mut rows = vec![0; layout.bytes()];
        self.scaler.to_bgr(&self.frame, &layout, &mut rows)?;
        let mut image = RgbImage::filled(width, height, [0; 3]);
        for (from, to) in rows.chunks(layout.stride).zip(image.data_mut().chunks_exact_mut(width * 3)) {
            for (bgr, rgb) in from.chunks_exact(3).zip(to.chunks_exact_mut(3)) {
                rgb.copy_from_slice(&[bgr[2], bgr[1], bgr[0]]);
            }
        }
        Ok(image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn h264(crf: &str) -> Compression {
        let options = vec![("preset", "medium".to_owned()), ("crf", crf.to_owned())];
        Compression { encoder: "libx264", options, full_range: false }
    }

    /// Six frames, each brighter than the one before, of a size that fills no blocks.
    fn brightening() -> Vec<RgbImage> {
        (0..6).map(|number| RgbImage::filled(75, 53, [40 + 30 * number; 3])).collect()
    }

    #[test]
    fn wanted_frames_come_back_in_the_order_in_which_they_are_shown() {
        let frames = brightening();
        let all = recompressed(&frames, &h264("18"), 0..6).unwrap();
        for (frame, returned) in frames.iter().zip(&all) {
            assert_eq!((returned.width(), returned.height()), (75, 53));
            let far = frame.data().iter().zip(returned.data()).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(far <= Some(3), "{far:?}");
        }
        assert_eq!(recompressed(&frames, &h264("18"), 2..4).unwrap(), all[2..4]);
    }

    #[test]
    fn the_edge_is_repeated_to_whole_blocks() {
        let image = RgbImage::from_raw(2, 1, vec![1, 2, 3, 4, 5, 6]);
        let padded = padded(&image, 4, 2);
        assert_eq!(padded.data(), [1, 2, 3, 4, 5, 6, 4, 5, 6, 4, 5, 6].repeat(2));
    }

    #[test]
    fn missing_encoders_are_named() {
        assert!(require_encoders(&["libx264", "mpeg4"]).is_ok());
        let error = require_encoders(&["libx264", "libnothing", "libnone"]).unwrap_err();
        let expected = "this FFmpeg has no encoder libnothing, libnone: one that was built with it is needed";
        assert_eq!(error.to_string(), expected);
        let unknown = Compression { encoder: "libnothing", ..h264("18") };
        let error = recompressed(&brightening(), &unknown, 0..1).unwrap_err();
        assert_eq!(error.to_string(), "libnothing cannot compress frames of 80 x 64 pixels");
    }
}
