//! WebP photographs and animations. `image-webp` decodes single images; animations are put together here, frame by frame,
//! because it neither clears places as players do nor shows the frames of a file that breaks off.

mod riff;

use super::animation::{After, Canvas, Pixel};
use super::opacity::Colours;
use super::orientation::Orientation;
use super::report::Sink;
use super::{ImageFormat, PhotographError, PixelLimit, Source};
use crate::types::RgbImage;
use image_webp::{DecodingError, WebPDecoder};
use riff::{Frame, Layout};
use std::io::Cursor;

pub(super) struct WebP<'a> {
    bytes: &'a [u8],
    width: usize,
    height: usize,
    layout: Layout<'a>,
}

fn unreadable(cause: impl ToString) -> PhotographError {
    PhotographError::unreadable(ImageFormat::WebP, cause)
}

impl<'a> WebP<'a> {
    pub(super) fn open(bytes: &'a [u8], limit: PixelLimit) -> Result<WebP<'a>, PhotographError> {
        let layout = Layout::of(bytes);
        let (width, height) = match layout.canvas {
            Some(canvas) => canvas,
            None => {
                let decoder = decoder(bytes).map_err(|error| told(&layout, &error))?;
                let (width, height) = decoder.dimensions();
                (width as usize, height as usize)
            }
        };
        limit.check(width, height)?;
        Ok(WebP { bytes, width, height, layout })
    }

    fn orientation(&self) -> Orientation {
        self.layout.orientation.unwrap_or(Orientation::UPRIGHT)
    }

    /// The only image.
    fn read_still(&self, sink: &mut Sink) -> Result<(), PhotographError> {
        if !sink.wants(0) {
            return Ok(());
        }
        let (pixels, has_opacity) = decoded(self.bytes).map_err(|error| told(&self.layout, &error))?;
        let image = if has_opacity {
            sink.flattened(self.width, self.height, &pixels, Colours::Plain)
        } else {
            RgbImage::from_raw(self.width, self.height, pixels)
        };
        let _ = sink.page(0, self.orientation().upright(image));
        Ok(())
    }

    /// Plays the animation up to the last frame that is wanted.
    fn read_moving(&self, sink: &mut Sink) -> Result<(), PhotographError> {
        let mut canvas = Canvas::new(self.width, self.height);
        let frames = &self.layout.frames;
        for (number, frame) in frames.iter().enumerate() {
            let pixels = self.frame(frame).map_err(|_| {
                unreadable(format!("the file is damaged after {number} of {} frames", frames.len()))
            })?;
            let after = if frame.vanishes { After::Vanishes } else { After::Stays };
            let done = canvas.show(&frame.place, &pixels, frame.is_over, after, |shown| {
                sink.wants(number) && {
                    let image = sink.flattened(self.width, self.height, shown, Colours::Plain);
                    sink.page(number, self.orientation().upright(image)).is_break()
                }
            });
            if done {
                break;
            }
        }
        let ends_early = self.layout.breaks_off;
        match frames.len() {
            0 if ends_early => return Err(unreadable("the file breaks off before its first frame")),
            0 => return Err(unreadable("an animation without frames")),
            count if ends_early => sink.damage(format!("the file breaks off after {count} frames")),
            _ => {}
        }
        Ok(())
    }

    fn frame(&self, frame: &Frame) -> Result<Vec<Pixel>, DecodingError> {
        if !frame.place.is_within(self.width, self.height) {
            return Err(DecodingError::FrameOutsideImage);
        }
        let (pixels, has_opacity) = decoded(&frame.file())?;
        Ok(if has_opacity {
            pixels.as_chunks().0.to_vec()
        } else {
            pixels.as_chunks().0.iter().map(|&[red, green, blue]| [red, green, blue, 255]).collect()
        })
    }
}

fn decoder(bytes: &[u8]) -> Result<WebPDecoder<Cursor<&[u8]>>, DecodingError> {
    WebPDecoder::new(Cursor::new(bytes))
}

/// All pixels of a file with one image, and whether each has an opacity.
fn decoded(file: &[u8]) -> Result<(Vec<u8>, bool), DecodingError> {
    let mut decoder = decoder(file)?;
    let length = decoder.output_buffer_size().ok_or(DecodingError::ImageTooLarge)?;
    let mut pixels = vec![0; length];
    decoder.read_image(&mut pixels)?;
    Ok((pixels, decoder.has_alpha()))
}

/// A decoder's error; that a file is too short explains any.
fn told(layout: &Layout, error: &DecodingError) -> PhotographError {
    if layout.breaks_off { unreadable("the file breaks off") } else { unreadable(error) }
}

impl Source for WebP<'_> {
    fn size(&self) -> (usize, usize) {
        self.orientation().size(self.width, self.height)
    }

    fn pages(&self) -> usize {
        self.layout.frames.len().max(1)
    }

    fn read(&self, sink: &mut Sink) -> Result<(), PhotographError> {
        match self.layout.canvas {
            Some(_) => self.read_moving(sink),
            None => self.read_still(sink),
        }
    }
}
