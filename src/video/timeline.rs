//! What a pass over a container's packets tells: how many frames there really are, in which order they are shown, and
//! where decoding may begin.
//!
//! Headers count wrong often (fragmented files, FLV, edit lists, joined recordings); packets do not. Each packet gets the
//! position of its frame among all that are shown, and decoders pass these positions on to frames in place of time
//! stamps. So it does not matter in which order frames come, whether some cannot be decoded, or whether time starts anew
//! in the middle of a file.

use super::random_access::{is_shown, may_begin};
use crate::native::libav::{Demuxer, Packet, codec_name};

/// Packets are kept until the video is decoded as long as they are not more than this together.
const KEEP: usize = 64 << 20;
/// Errors in a row after which nothing more is expected of a file.
pub(super) const PATIENCE: usize = 64;
/// What is wrong with a file whose last packet is cut off.
pub(super) const LAST_INCOMPLETE: &str = "the last frame's data is incomplete";
/// Seconds by which time goes back where a new recording begins.
const NEW_RECORDING: f64 = 1.0;

/// A packet of the video stream, in the order of decoding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub shown_at: Option<i64>,
    pub decoded_at: Option<i64>,
    /// Whether all frames from its own on can be decoded from here.
    pub begins: bool,
    /// Position of its frame among those that are shown; `None` for packets that show nothing.
    pub rank: Option<usize>,
}

/// All packets of a video.
pub(super) struct Timeline {
    pub entries: Vec<Entry>,
    /// Frames that are shown.
    pub frames: usize,
    /// Whether ranks follow from time stamps. If not, frames are counted as they come.
    pub ranked: bool,
    /// Whether time runs through: positions in time are positions in the file.
    pub continuous: bool,
    /// The packets themselves, where they are few.
    pub kept: Option<Vec<Packet>>,
    /// What is wrong with the file.
    pub damage: Option<String>,
    /// Whether packets are encrypted.
    pub encrypted: bool,
}

impl Timeline {
    /// Reads a container to its end.
    pub fn read(demuxer: &mut Demuxer) -> Timeline {
        let codec = codec_name(demuxer);
        let back = (NEW_RECORDING / demuxer.unit().max(1e-9)) as i64;
        let mut timeline = Timeline {
            entries: Vec::new(),
            frames: 0,
            ranked: false,
            continuous: true,
            kept: Some(Vec::new()),
            damage: None,
            encrypted: demuxer.is_encrypted(),
        };
        // Number of the recording, and the time of each shown packet in it.
        let mut times = Vec::new();
        let mut recording = 0_u32;
        let mut latest: Option<i64> = None;
        let mut kept_bytes = 0;
        let mut errors = 0;
        // Whether the latest packet is. Those before may only stand where two recordings were joined.
        let mut incomplete = false;
        loop {
            let packet = match demuxer.read() {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                Err(error) => {
                    timeline.damage.get_or_insert_with(|| error.to_string());
                    errors += 1;
                    if errors > PATIENCE {
                        break;
                    }
                    continue;
                }
            };
            errors = 0;
            let at = packet.decoded_at().or(packet.shown_at());
            if let (Some(at), Some(before)) = (at, latest)
                && at < before - back
            {
                recording += 1;
                timeline.continuous = false;
                latest = Some(at);
            }
            latest = latest.max(at);
            let shown = !packet.is_cut_off() && is_shown(&codec, packet.data());
            times.push(shown.then_some((recording, packet.shown_at())));
            timeline.entries.push(Entry {
                shown_at: packet.shown_at(),
                decoded_at: packet.decoded_at(),
                begins: may_begin(&codec, packet.data(), packet.is_key()),
                rank: None,
            });
            incomplete = packet.is_damaged();
            timeline.encrypted |= packet.is_encrypted();
            kept_bytes += packet.data().len();
            if kept_bytes > KEEP {
                timeline.kept = None;
            }
            if let Some(kept) = &mut timeline.kept {
                kept.push(packet);
            }
        }
        if incomplete {
            timeline.damage.get_or_insert_with(|| LAST_INCOMPLETE.to_owned());
        }
        timeline.rank(&times);
        timeline
    }

    /// Gives each shown packet its position.
    fn rank(&mut self, times: &[Option<(u32, Option<i64>)>]) {
        let mut order: Vec<usize> = (0..times.len()).filter(|&number| times[number].is_some()).collect();
        self.frames = order.len();
        // Stable: where times are missing or equal, the order of decoding stays.
        order.sort_by_key(|&number| times[number]);
        let timed = order.iter().all(|&number| matches!(times[number], Some((_, Some(_)))));
        let distinct = order.windows(2).all(|pair| times[pair[0]] != times[pair[1]]);
        self.ranked = timed && distinct;
        for (rank, &number) in order.iter().enumerate() {
            self.entries[number].rank = Some(rank);
        }
    }

    /// The last packet after `from` where decoding may begin so that frame `wanted` comes out right; `None` where going on
    /// from `from` is as good.
    pub fn jump(&self, from: usize, wanted: usize) -> Option<usize> {
        // What a jump costs: the decoder's threads run empty.
        const WORTH: usize = 8;
        if !self.ranked {
            return None;
        }
        let ahead = &self.entries[from.min(self.entries.len())..];
        // Frames come in about the order of their packets; behind this one there is nothing to look for.
        let bound = ahead.iter().position(|entry| entry.rank == Some(wanted))?;
        let begin = ahead[..=bound]
            .iter()
            .rposition(|entry| entry.begins && entry.rank.is_some_and(|rank| rank <= wanted))?;
        (begin >= WORTH).then_some(from + begin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(times: &[Option<(u32, Option<i64>)>], begins: &[usize]) -> Timeline {
        let entry = |(number, time): (usize, &Option<(u32, Option<i64>)>)| Entry {
            shown_at: time.and_then(|(_, at)| at),
            decoded_at: None,
            begins: begins.contains(&number),
            rank: None,
        };
        let mut timeline = Timeline {
            entries: times.iter().enumerate().map(entry).collect(),
            frames: 0,
            ranked: false,
            continuous: true,
            kept: None,
            damage: None,
            encrypted: false,
        };
        timeline.rank(times);
        timeline
    }

    #[test]
    fn frames_are_ranked_by_the_time_they_are_shown_in_each_recording() {
        let times = [(0, 0), (0, 30), (0, 10), (0, 20), (1, 5), (1, 0)].map(|(r, at)| Some((r, Some(at))));
        let ranked = timeline(&times, &[]);
        let ranks: Vec<_> = ranked.entries.iter().filter_map(|entry| entry.rank).collect();
        assert_eq!((ranks, ranked.frames, ranked.ranked), (vec![0, 3, 1, 2, 5, 4], 6, true));
        let hidden = timeline(&[Some((0, Some(0))), None, Some((0, Some(1)))], &[]);
        assert_eq!((hidden.frames, hidden.entries[1].rank, hidden.entries[2].rank), (2, None, Some(1)));
    }

    #[test]
    fn without_times_or_with_equal_ones_frames_are_counted() {
        for times in [[Some((0, None)), Some((0, None))], [Some((0, Some(4))), Some((0, Some(4)))]] {
            let counted = timeline(&times, &[0, 1]);
            assert_eq!((counted.frames, counted.ranked, counted.jump(0, 1)), (2, false, None));
        }
    }

    #[test]
    fn jumps_lead_to_the_last_beginning_before_a_frame() {
        let times: Vec<_> = (0..40).map(|at| Some((0, Some(at)))).collect();
        let steady = timeline(&times, &[0, 10, 20, 30]);
        assert_eq!(steady.jump(0, 25), Some(20));
        assert_eq!(steady.jump(0, 20), Some(20));
        assert_eq!(steady.jump(0, 19), Some(10));
        // It has been passed, or is too near to be worth it.
        assert_eq!(steady.jump(21, 25), None);
        assert_eq!(steady.jump(15, 25), None);
        // A frame that is shown before the beginning that precedes it in the file is not decoded from there.
        let mut times: Vec<_> = (0..40).map(|at| Some((0, Some(2 * at)))).collect();
        times.swap(20, 21);
        let open = timeline(&times, &[0, 20]);
        assert_eq!((open.entries[20].rank, open.jump(0, 20)), (Some(21), None));
        assert_eq!(open.jump(0, 21), Some(20));
    }
}
