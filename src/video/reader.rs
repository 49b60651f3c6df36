//! One video, decoded from its first frame to the last wanted one.

use super::packets::{Came, Packets};
use super::tally::{Tally, Waiting};
use super::timeline::Timeline;
use super::whole::missing_part;
use super::{FileInput, ReadError, Wanted};
use crate::native::libav::{
    AvError, AvFrame, BgrLayout, ContainerFacts, Decoder, Demuxer, HighDynamicRange, Scaler, Turn, codec_name,
};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// What counts as a video's number of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Counting {
    /// What the container declares, as the original programs took it: kept so that published weights give published
    /// numbers. It may be more or less than there are.
    Declared,
    /// The frames that are there.
    Real,
}

/// How a decode went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecodeReport {
    /// Frames that were wanted.
    pub wanted: usize,
    /// Frames that were handed on.
    pub decoded: usize,
    /// Where the video ended before the last wanted frame, in frames: it is damaged, or its container counts wrong.
    pub ended_at: Option<usize>,
    /// What is wrong with the file, for people: it is damaged or breaks off.
    pub damage: Option<String>,
    /// What should be known although nothing is wrong.
    pub remarks: Vec<String>,
}

/// A frame that was decoded, in its decoder's own format until somebody wants its pixels.
pub struct Decoded<'a> {
    /// Position in the video, from 0.
    pub index: usize,
    frame: &'a AvFrame,
    layout: BgrLayout,
    turn: Turn,
    scaler: &'a mut Scaler,
    unturned: &'a mut Vec<u8>,
}

/// How a frame's pixels lie in a buffer: rows of `width` pixels, blue, green and red, `stride` bytes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// Pixels of a row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// Bytes from one row to the next.
    pub stride: usize,
}

impl Decoded<'_> {
    /// Width and height as it is shown.
    pub fn size(&self) -> (usize, usize) {
        let (width, height) = (self.layout.width, self.layout.height);
        if self.turn.swaps_sides() { (height, width) } else { (width, height) }
    }

    /// Bytes that [`Decoded::write_bgr`] needs.
    pub fn bytes(&self) -> usize {
        self.layout.bytes()
    }

    /// Converts the frame, upright.
    ///
    /// # Panics
    /// When `out` has fewer than [`Decoded::bytes`].
    pub fn write_bgr(&mut self, out: &mut [u8]) -> Result<Rows, AvError> {
        let (width, height) = self.size();
        if self.turn == Turn::NONE {
            self.scaler.to_bgr(self.frame, &self.layout, out)?;
            return Ok(Rows { width, height, stride: self.layout.stride });
        }
        self.unturned.resize(self.layout.bytes(), 0);
        self.scaler.to_bgr(self.frame, &self.layout, self.unturned)?;
        self.turn.apply(self.unturned, (self.layout.width, self.layout.height), self.layout.stride, out);
        Ok(Rows { width, height, stride: width * 3 })
    }
}

/// A video, opened for decoding.
pub struct VideoReader {
    pub(super) input: FileInput,
    pub(super) extension: String,
    pub(super) demuxer: Demuxer,
    pub(super) decoder: Decoder,
    /// With real counting.
    pub(super) timeline: Option<Timeline>,
    pub(super) threads: usize,
    pixel_limit: u64,
    frames: usize,
}

impl VideoReader {
    /// Opens a video and learns its number of frames. `extension` (without the dot) helps to recognise its format. The
    /// decoder may use `threads` threads; frames of more than `pixel_limit` pixels are refused.
    pub fn open(
        input: FileInput,
        extension: &str,
        counting: Counting,
        threads: usize,
        pixel_limit: u64,
    ) -> Result<Self, ReadError> {
        let extension = extension.to_ascii_lowercase();
        let mut demuxer = Demuxer::open(Box::new(input.clone()), &extension)?;
        let mut frames = demuxer.declared_frames() as usize;
        let mut timeline = None;
        if counting == Counting::Real || frames == 0 {
            let read = Timeline::read(&mut demuxer);
            frames = read.frames;
            if read.kept.is_none() {
                demuxer = Demuxer::open(Box::new(input.clone()), &extension)?;
            }
            timeline = Some(read);
        }
        if demuxer.is_encrypted() || timeline.as_ref().is_some_and(|timeline| timeline.encrypted) {
            return Err(ReadError::Encrypted);
        }
        let decoder = Decoder::open(&demuxer, threads)?;
        if frames == 0 {
            return Err(ReadError::NoFrames);
        }
        Ok(VideoReader { input, extension, demuxer, decoder, timeline, threads, pixel_limit, frames })
    }

    /// How many frames the video has, or is said to have.
    pub fn frame_count(&self) -> usize {
        self.frames
    }

    /// The codec's name, such as `h264`.
    pub fn codec(&self) -> String {
        codec_name(&self.demuxer)
    }

    /// What the container says of itself.
    pub fn facts(&self) -> ContainerFacts {
        self.demuxer.facts()
    }

    /// Frames per second; 25 where the container does not say.
    pub fn fps(&self) -> f64 {
        const USUAL: f64 = 25.0;
        let rate = self.demuxer.rate();
        if rate.is_finite() && rate > 0.0 { rate } else { USUAL }
    }

    /// Decodes the wanted frames and hands each to `consume`, which may break off.
    ///
    /// Where a wanted frame cannot be had, the next one that comes stands for it. The report tells what is wrong with the
    /// file, if anything is.
    pub fn read(
        mut self,
        wanted: &Wanted,
        mut consume: impl FnMut(Decoded<'_>) -> ControlFlow<()>,
    ) -> Result<DecodeReport, ReadError> {
        let mut report = DecodeReport { wanted: wanted.count(self.frames), ..DecodeReport::default() };
        let mut packets = Packets::new(&mut self);
        let mut converting = Converting::default();
        let mut tally = Tally::new(wanted);
        let mut frame = AvFrame::empty();
        let mut left = false;
        while tally.pending.next().is_some() || !tally.waiting.is_empty() {
            // Frames that wait for news of those that they may depend on keep the decoder where it is.
            let towards = tally.pending.next().filter(|_| tally.waiting.is_empty());
            let came = packets.next_frame(&mut frame, towards)?;
            let damaged = matches!(came, Came::At(_)) && frame.is_damaged();
            if packets.is_uncertain() || damaged && !packets.single || packets.contradicted {
                packets.start_single()?;
                tally = tally.again_from_the_start(wanted);
                continue;
            }
            let Came::At(place) = came else { break };
            tally.guessed += usize::from(damaged);
            tally.came(place, &mut frame, packets.reader.decoder.coded_size());
            while let Some(next) = tally.due(packets.certain_behind()) {
                if converting.hand_on(&packets, &next, &mut report, &mut consume)?.is_break() {
                    left = true;
                    break;
                }
            }
            if left {
                break;
            }
        }
        let ended = !left && tally.pending.next().is_some();
        // At the end nothing else can turn out to be wrong; and the last frame stands for wanted ones behind it.
        let last = tally.last.take().filter(|_| ended && *wanted != Wanted::All && packets.counts_really());
        let rest = std::mem::take(&mut tally.waiting).into_iter().chain(last);
        for next in rest.take_while(|_| !left) {
            if converting.hand_on(&packets, &next, &mut report, &mut consume)?.is_break() {
                break;
            }
        }
        let declared = ended && !packets.counts_really();
        let undecodable = match packets.missing {
            0 if packets.counts_really() => packets.failed,
            missing => missing,
        };
        let headless = packets.headless;
        let scan = packets.damage();
        drop(packets);
        report.damage = scan.or_else(|| missing_part(&self.input));
        report.remarks = converting.remarks();
        match undecodable {
            0 => {}
            1 => _ = report.damage.get_or_insert_with(|| "one frame cannot be decoded".to_owned()),
            more => _ = report.damage.get_or_insert_with(|| format!("{more} frames cannot be decoded")),
        }
        if headless > 0 {
            let told =
                format!("the recording begins in the middle: its first {headless} frames cannot be decoded");
            report.remarks.push(told);
        }
        if tally.guessed > 0 {
            report.remarks.push(format!("damaged and partly guessed frames: {}", tally.guessed));
        }
        if ended && report.decoded < report.wanted {
            report.ended_at = Some(tally.came);
        }
        if declared && report.ended_at.is_some() && report.damage.is_none() {
            report.remarks.push(format!("the file declares {} frames and has {}", self.frames, tally.came));
        }
        Ok(report)
    }
}

/// What is needed to convert frames, and what was seen while they were.
#[derive(Default)]
struct Converting {
    scaler: Scaler,
    unturned: Vec<u8>,
    bright: Option<HighDynamicRange>,
}

impl Converting {
    fn hand_on(
        &mut self,
        packets: &Packets<'_>,
        Waiting { index, frame, coded, .. }: &Waiting,
        report: &mut DecodeReport,
        consume: &mut impl FnMut(Decoded<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ReadError> {
        let (width, height) = frame.size();
        let limit = packets.reader.pixel_limit;
        if width as u64 * height as u64 > limit {
            return Err(ReadError::TooLarge { width, height, limit });
        }
        self.bright = self.bright.or(frame.high_dynamic_range());
        report.decoded += 1;
        let layout = BgrLayout::of(frame, *coded);
        let turn = packets.reader.demuxer.turn_of(frame);
        let (scaler, unturned) = (&mut self.scaler, &mut self.unturned);
        Ok(consume(Decoded { index: *index, frame, layout, turn, scaler, unturned }))
    }

    fn remarks(&self) -> Vec<String> {
        let told = self.bright.map(|kind| {
            let name = match kind {
                HighDynamicRange::Pq => "PQ",
                HighDynamicRange::Hlg => "HLG",
            };
            format!("high dynamic range ({name}) is shown duller than it is, which moves scores")
        });
        told.into_iter().collect()
    }
}
