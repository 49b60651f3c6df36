//! Packets on their way through a decoder, and the ways around those that nobody needs.

use super::timeline::{LAST_INCOMPLETE, PATIENCE};
use super::{ReadError, VideoReader};
use crate::native::libav::{AvError, AvFrame, Decoder, Demuxer, Packet, Received, errors_told};
use std::collections::VecDeque;

/// The packets of a video on their way through its decoder.
pub(super) struct Packets<'r> {
    pub reader: &'r mut VideoReader,
    /// All packets from the next one on, where they were kept.
    kept: Option<VecDeque<Packet>>,
    /// The next packet, where it was read too early.
    held: Option<Packet>,
    /// Number of the next packet.
    at: usize,
    ended: bool,
    /// Packets that could not be decoded.
    pub failed: usize,
    /// Errors since the last frame.
    in_a_row: usize,
    /// What reading found wrong.
    damage: Option<String>,
    /// Whether the packet that was read last is cut off.
    incomplete: bool,
    /// The last jump, until the first frame behind it has come.
    jumped: bool,
    may_jump: bool,
    /// The position that the next frame should have, where positions are known.
    expected: usize,
    /// Positions of which no frame came.
    pub missing: usize,
    /// Frames at the beginning that a recording which begins in the middle of a group cannot have.
    pub headless: usize,
    /// Whether the decoder has one thread, so that what it makes of damaged data is always the same.
    pub single: bool,
    /// Whether positions turned out to contradict the order of the frames.
    pub contradicted: bool,
    /// Errors that FFmpeg had told of before.
    told: usize,
}

/// A frame that came.
pub(super) enum Came {
    /// At this position, where it is known.
    At(Option<usize>),
    /// Nothing comes any more.
    End,
}

impl<'r> Packets<'r> {
    pub fn new(reader: &'r mut VideoReader) -> Self {
        let kept = reader.timeline.as_mut().and_then(|timeline| timeline.kept.take()).map(VecDeque::from);
        let may_jump = reader.timeline.as_ref().is_some_and(|timeline| timeline.continuous);
        let single = reader.threads <= 1;
        Packets {
            reader,
            kept,
            held: None,
            at: 0,
            ended: false,
            failed: 0,
            in_a_row: 0,
            damage: None,
            incomplete: false,
            jumped: false,
            may_jump,
            expected: 0,
            missing: 0,
            headless: 0,
            single,
            contradicted: false,
            told: errors_told(),
        }
    }

    pub fn counts_really(&self) -> bool {
        self.reader.timeline.is_some()
    }

    fn ranked(&self) -> bool {
        self.reader.timeline.as_ref().is_some_and(|timeline| timeline.ranked)
    }

    /// What is wrong with the file, as far as reading it tells.
    pub fn damage(&self) -> Option<String> {
        let read = self.reader.timeline.as_ref().and_then(|timeline| timeline.damage.clone());
        read.or_else(|| self.damage.clone())
    }

    /// The next frame in the order in which they are shown, into `frame`. Frames before `towards` may be left out.
    pub fn next_frame(&mut self, frame: &mut AvFrame, towards: Option<usize>) -> Result<Came, ReadError> {
        if let Some(wanted) = towards {
            self.jump_towards(wanted)?;
        }
        loop {
            match self.reader.decoder.receive(frame) {
                Ok(Received::Frame) => {
                    self.in_a_row = 0;
                    if !self.ranked() {
                        return Ok(Came::At(None));
                    }
                    let rank = frame.shown_at().and_then(|rank| usize::try_from(rank).ok()).unwrap_or(0);
                    if rank < self.expected {
                        // Before the frame where decoding began anew come some that need others before it.
                        self.contradicted |= !self.jumped && self.failed == 0;
                        continue;
                    }
                    if std::mem::take(&mut self.jumped) && !frame.is_intra() {
                        // What was taken for a beginning is none: from the start, without jumps.
                        self.may_jump = false;
                        self.start_anew()?;
                        continue;
                    }
                    self.note_gap(rank);
                    self.expected = rank + 1;
                    return Ok(Came::At(Some(rank)));
                }
                Ok(Received::WantsMore) if self.ended => return Ok(self.end()),
                Ok(Received::WantsMore) => self.send_next()?,
                Ok(Received::End) => return Ok(self.end()),
                Err(AvError::MEMORY) => return Err(ReadError::Memory),
                Err(_) if self.in_a_row < PATIENCE => {
                    self.in_a_row += 1;
                    self.failed += 1;
                }
                Err(_) => return Ok(self.end()),
            }
        }
    }

    fn end(&mut self) -> Came {
        if let Some(timeline) = self.reader.timeline.as_ref().filter(|timeline| timeline.ranked) {
            self.missing += timeline.frames.saturating_sub(self.expected);
            self.expected = timeline.frames;
        }
        Came::End
    }

    /// Counts the positions before `rank` of which no frame came.
    fn note_gap(&mut self, rank: usize) {
        let gap = rank - self.expected;
        let Some(timeline) = &self.reader.timeline else { return };
        let first = timeline.entries.first();
        match first {
            // Frames that are shown before the first packet's own need others that a cut has left behind.
            Some(first) if self.expected == 0 && first.rank == Some(rank) => {}
            Some(first) if self.expected == 0 && !first.begins => self.headless += gap,
            _ => self.missing += gap,
        }
    }

    /// Whether something went wrong since decoding began that several threads may make something else of each time.
    pub fn is_uncertain(&self) -> bool {
        !self.single && (self.failed > 0 || errors_told() > self.told)
    }

    /// How many frames have to come behind one until nothing can turn out to be wrong with it.
    pub fn certain_behind(&self) -> usize {
        let threads = self.reader.threads;
        if self.single { 0 } else { self.reader.decoder.frames_reordered() + threads }
    }

    /// Begins again at the start with a decoder of one thread, and without positions where these are contradictory.
    pub fn start_single(&mut self) -> Result<(), ReadError> {
        self.reader.threads = 1;
        self.single = true;
        if self.contradicted
            && let Some(timeline) = &mut self.reader.timeline
        {
            timeline.ranked = false;
        }
        self.contradicted = false;
        self.start_anew()
    }

    fn send_next(&mut self) -> Result<(), ReadError> {
        let mut packet = self.read();
        if let (Some(packet), Some(timeline)) = (&mut packet, &self.reader.timeline)
            && timeline.ranked
        {
            let rank = timeline.entries.get(self.at).and_then(|entry| entry.rank);
            packet.set_times(rank.map(|rank| rank as i64), Some(self.at as i64));
        }
        if packet.is_some() {
            self.at += 1;
        } else if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        match self.reader.decoder.send(packet.as_ref()) {
            Ok(()) => Ok(()),
            Err(AvError::MEMORY) => Err(ReadError::Memory),
            // A packet that cannot be decoded costs its own frame.
            Err(_) => {
                self.failed += usize::from(packet.is_some());
                Ok(())
            }
        }
    }

    fn read(&mut self) -> Option<Packet> {
        if let Some(kept) = &mut self.kept {
            return kept.pop_front();
        }
        if let Some(packet) = self.held.take() {
            return Some(packet);
        }
        let mut errors = 0;
        loop {
            match self.reader.demuxer.read() {
                Ok(packet) => {
                    if packet.is_none() && self.incomplete {
                        self.damage.get_or_insert_with(|| LAST_INCOMPLETE.to_owned());
                    }
                    self.incomplete = packet.as_ref().is_some_and(Packet::is_damaged);
                    return packet;
                }
                Err(error) => {
                    self.damage.get_or_insert_with(|| error.to_string());
                    errors += 1;
                    if errors > PATIENCE {
                        return None;
                    }
                }
            }
        }
    }

    /// Leaves out packets that the wanted frame does not need, where that is certain and worth it.
    fn jump_towards(&mut self, wanted: usize) -> Result<(), ReadError> {
        let Some(timeline) = self.reader.timeline.as_ref().filter(|_| self.may_jump && !self.ended) else {
            return Ok(());
        };
        let Some(target) = timeline.jump(self.at, wanted) else { return Ok(()) };
        self.held = None;
        if let Some(kept) = &mut self.kept {
            kept.drain(..target - self.at);
        } else if !self.seek(target) {
            self.may_jump = false;
            return self.start_anew();
        }
        self.reader.decoder.reset();
        self.at = target;
        self.jumped = true;
        let rank = self.reader.timeline.as_ref().and_then(|timeline| timeline.entries[target].rank);
        self.expected = rank.unwrap_or(self.expected).max(self.expected);
        Ok(())
    }

    /// Goes to packet `target` in the file; whether it is really the next one then.
    fn seek(&mut self, target: usize) -> bool {
        let Some(timeline) = &self.reader.timeline else { return false };
        let entry = timeline.entries[target];
        let Some(time) = entry.decoded_at.or(entry.shown_at) else { return false };
        if self.reader.demuxer.seek(time).is_err() {
            return false;
        }
        // Some containers come out a little before.
        for _ in 0..4 * PATIENCE {
            let Ok(Some(packet)) = self.reader.demuxer.read() else { return false };
            let same = (packet.shown_at(), packet.decoded_at()) == (entry.shown_at, entry.decoded_at);
            if same {
                self.held = Some(packet);
                return true;
            }
        }
        false
    }

    fn start_anew(&mut self) -> Result<(), ReadError> {
        self.reader.demuxer = Demuxer::open(Box::new(self.reader.input.clone()), &self.reader.extension)?;
        self.reader.decoder = Decoder::open(&self.reader.demuxer, self.reader.threads)?;
        (self.kept, self.held, self.at) = (None, None, 0);
        (self.ended, self.jumped, self.expected) = (false, false, 0);
        (self.failed, self.in_a_row, self.missing, self.headless) = (0, 0, 0, 0);
        Ok(())
    }
}
