//! Moving PNG.

use super::PhotographError;
use super::animation::{After, Canvas, Place};
use super::opacity::Colours;
use super::orientation::Orientation;
use super::png_still::{PngReader, ends_early, unreadable, with_opacity};
use super::report::Sink;
use png::{BlendOp, DecodingError, DisposeOp};

/// Plays an animation of `frames` frames up to the last one that is wanted.
pub(super) fn read(
    mut reader: PngReader,
    frames: usize,
    orientation: Orientation,
    sink: &mut Sink,
) -> Result<(), PhotographError> {
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    let length = reader.output_buffer_size().ok_or_else(|| unreadable("it is too large"))?;
    let mut canvas = Canvas::new(width, height);
    let mut buffer = vec![0; length];
    // Programs that show no animations show an image of its own, which then comes first and has no control.
    let mut is_next = reader.info().frame_control.is_some();
    for number in 0..frames {
        let broken = |error: DecodingError| {
            let what = if ends_early(&error) { "the file breaks off" } else { "the file is damaged" };
            unreadable(format!("{what} after {number} of {frames} frames"))
        };
        if !is_next {
            reader.next_frame_info().map_err(broken)?;
        }
        is_next = false;
        let control = reader.info().frame_control.ok_or_else(|| unreadable("a frame has no place"))?;
        let [x, y, w, h] =
            [control.x_offset, control.y_offset, control.width, control.height].map(|value| value as usize);
        let place = Place { x, y, width: w, height: h };
        if !place.is_within(width, height) {
            return Err(unreadable("a frame lies outside the image"));
        }
        let info = reader.next_frame(&mut buffer).map_err(broken)?;
        let frame = with_opacity(info.color_type, &buffer[..info.line_size * place.height]);
        let after = match control.dispose_op {
            DisposeOp::None => After::Stays,
            DisposeOp::Background => After::Vanishes,
            DisposeOp::Previous => After::GoesBack,
        };
        let done = canvas.show(&place, &frame, control.blend_op == BlendOp::Over, after, |shown| {
            sink.wants(number) && {
                let image = sink.flattened(width, height, shown, Colours::Plain);
                sink.page(number, orientation.upright(image)).is_break()
            }
        });
        if done {
            break;
        }
    }
    Ok(())
}
