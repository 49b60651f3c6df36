//! Copies of the inputs with persons and scores drawn in, because people look before they read.

use super::marks::Mark;
use super::output_folder::OutputFolder;
use super::{Verdict, VideoResult};
use crate::imaging::{self, draw_box, draw_text};
use crate::media::{MediaFile, MediaKind, Reading, Wanted};
use crate::progress::Cancel;
use crate::types::{Frame, RgbImage};
use crate::video::VideoWriter;
use crate::{Error, Result};
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Colours of headings.
const NOTHING: [u8; 3] = [30, 110, 60];
const FAKE: [u8; 3] = [210, 40, 40];
/// Undecided: nothing was found, or no threshold was given.
const NEUTRAL: [u8; 3] = [70, 70, 70];
/// A box stays visible this long after the frame it was found in.
const HOLD_SECONDS: f64 = 0.5;

/// What is written over the whole frame.
#[derive(Clone, Debug)]
pub(super) struct Caption {
    text: String,
    colour: [u8; 3],
}

impl Caption {
    /// The verdict and whose it is, where there is one, and the score, where there is a face.
    pub fn of(score: Option<f64>, result: &VideoResult) -> Self {
        let score = score.map_or("no face".to_owned(), |score| format!("fakeness {score:.4}"));
        let Some(verdict) = result.verdict() else { return Caption { text: score, colour: NEUTRAL } };
        let colour = match verdict {
            Verdict::LikelyFake => FAKE,
            Verdict::NoTraceFound => NOTHING,
            Verdict::Undecided => NEUTRAL,
        };
        let count = result.persons.iter().flatten().filter(|person| !person.stray).count();
        let who = result.deciding_person.filter(|_| count > 1);
        let who = who.map_or(String::new(), |person| format!(" (person {person} of {count})"));
        Caption { text: format!("{}{who}, {score}", result.verdict_in_words()), colour }
    }
}

/// The folder that copies go to.
pub(super) struct CopyFolder(OutputFolder);

impl CopyFolder {
    /// Makes the folder. Fails when it cannot be made, and when a copy would take the place of an input.
    pub fn create<'a>(folder: &Path, inputs: impl Iterator<Item = &'a Path> + Clone) -> Result<Self> {
        let originals: HashSet<PathBuf> = inputs.clone().flat_map(Path::canonicalize).collect();
        let copies = OutputFolder::create(folder, inputs, |path| {
            if MediaKind::of_file(path) == MediaKind::Photograph { ".png" } else { ".mp4" }
        })?;
        let is_input = |copy: &PathBuf| copy.canonicalize().is_ok_and(|copy| originals.contains(&copy));
        if let Some(path) = copies.files().find(is_input) {
            return Err(Error::AnnotateOverInput { path });
        }
        Ok(CopyFolder(copies))
    }

    /// Writes the annotated copy of input `number`: a PNG for a photograph, an mp4 for a video.
    ///
    /// Fails when it cannot be written; a video's also when `cancel` is requested before its end.
    pub fn write(
        &self,
        input: &Path,
        number: usize,
        marks: &[Mark],
        caption: &Caption,
        reading: Reading,
        cancel: &Cancel,
    ) -> Result<()> {
        let output = self.0.file(number);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let file = MediaFile::open(input, reading, threads)?;
        if file.kind() == MediaKind::Photograph {
            write_image(file, &output, marks, caption)
        } else {
            write_video(file, &output, marks, caption, cancel)
        }
    }
}

/// The photograph, or the first frame of what has several.
fn write_image(file: MediaFile, output: &Path, marks: &[Mark], caption: &Caption) -> Result<()> {
    let mut first = None;
    file.read(&vec![0].into(), |frame| {
        first = Some(frame.image);
        ControlFlow::Break(())
    })?;
    // Without a frame there is nothing to annotate; the result's status says why.
    let Some(mut image) = first else { return Ok(()) };
    draw(&mut image, marks.iter().filter(|mark| mark.frame == 0), caption)?;
    Ok(imaging::write_image(output, &image)?)
}

/// All frames of the video; each looked-at frame's boxes stay for up to half a second.
fn write_video(
    file: MediaFile,
    output: &Path,
    marks: &[Mark],
    caption: &Caption,
    cancel: &Cancel,
) -> Result<()> {
    let fps = file.fps();
    let hold = (fps * HOLD_SECONDS).ceil() as usize;
    let mut writer: Option<VideoWriter> = None;
    let mut failure = None;
    let mut add = |frame: Frame| -> Result<()> {
        let Frame { index, mut image } = frame;
        let seen = |at: &usize| *at <= index && index - at <= hold;
        let latest = marks.iter().map(|mark| mark.frame).filter(seen).max();
        draw(&mut image, marks.iter().filter(|mark| Some(mark.frame) == latest), caption)?;
        let writer = match &mut writer {
            Some(writer) => writer,
            none => none.insert(VideoWriter::create(output, image.width(), image.height(), fps)?),
        };
        Ok(writer.write(&image)?)
    };
    file.read(&Wanted::All, |frame| match add(frame) {
        Ok(()) if !cancel.is_requested() => ControlFlow::Continue(()),
        Ok(()) => ControlFlow::Break(()),
        Err(error) => {
            failure = Some(error);
            ControlFlow::Break(())
        }
    })?;
    match (failure, writer) {
        (Some(error), _) => Err(error),
        (None, Some(_)) if cancel.is_requested() => Err(Error::AnnotateInterrupted),
        (None, Some(writer)) => Ok(writer.finish()?),
        // Without a frame there is nothing to annotate; the result's status says why.
        (None, None) => Ok(()),
    }
}

fn draw<'m>(image: &mut RgbImage, marks: impl Iterator<Item = &'m Mark>, caption: &Caption) -> Result<()> {
    let short_side = image.width().min(image.height()) as f64;
    let text_height = (short_side / 36.0).clamp(8.0, 48.0);
    let thickness = (short_side / 270.0).round().max(1.0) as i32;
    for Mark { bbox, text, colour, label, .. } in marks {
        draw_box(image, *bbox, *colour, thickness)?;
        draw_text(image, text, bbox.x0, bbox.y0, text_height, *label)?;
    }
    Ok(draw_text(image, &caption.text, 0.0, 0.0, text_height, caption.colour)?)
}
