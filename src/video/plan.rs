//! Which frames of a long video are looked at, and which only if they show something new.

use super::distinct_frame_indices;

/// Frames that are looked at at most, however long a video is, unless more are asked for.
const MOST: usize = 600;
/// Seconds of video for which there is one frame, until that would be more than [`MOST`].
const SECONDS_PER_FRAME: f64 = 1.0;

/// How long a video is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VideoLength {
    /// Number of frames; 1 for most photographs.
    pub frames: usize,
    /// Frames per second.
    pub fps: f64,
}

impl VideoLength {
    /// When a frame is shown, in seconds from the start, for frames that follow each other evenly.
    pub fn seconds_at(&self, frame: usize) -> f64 {
        if self.fps > 0.0 { frame as f64 / self.fps } else { 0.0 }
    }
}

/// Frames to decode: those to look at, and between them those that are looked at only where a new scene has begun.
#[derive(Clone, Debug, PartialEq)]
pub struct FramePlan {
    /// How long the video is.
    pub length: VideoLength,
    /// The frames to look at, ascending.
    wanted: Vec<usize>,
    /// Frames between them, ascending.
    between: Vec<usize>,
}

impl FramePlan {
    /// `wanted` frames spread evenly, as the published programs choose them.
    pub fn even(length: VideoLength, wanted: usize) -> Self {
        FramePlan { length, wanted: distinct_frame_indices(length.frames, wanted), between: Vec::new() }
    }

    /// One frame a second, at least `least` and at most 600 (more only where `least` is more), and the frames halfway
    /// between, of which at most half as many are looked at. Up to `least` seconds that is [`FramePlan::even`].
    pub fn by_duration(length: VideoLength, least: usize) -> Self {
        let seconds = length.seconds_at(length.frames);
        let due = (seconds / SECONDS_PER_FRAME).ceil().clamp(0.0, MOST as f64) as usize;
        let mut plan = FramePlan::even(length, due.max(least));
        if due > least {
            let middle = |pair: &[usize]| (pair[0] + pair[1]) / 2;
            plan.between = plan.wanted.windows(2).map(middle).collect();
            plan.between.retain(|index| plan.wanted.binary_search(index).is_err());
        }
        plan
    }

    /// Every frame to decode, ascending.
    pub fn indices(&self) -> Vec<usize> {
        let mut indices = [&self.wanted[..], &self.between[..]].concat();
        indices.sort_unstable();
        indices
    }

    /// How many frames are looked at in any case.
    pub fn wanted(&self) -> usize {
        self.wanted.len()
    }

    /// Whether a frame is looked at only where it shows a new scene.
    pub fn is_between(&self, index: usize) -> bool {
        self.between.binary_search(&index).is_ok()
    }

    /// How many of those may be looked at.
    pub fn most_added(&self) -> usize {
        self.between.len().div_ceil(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn length(seconds: usize) -> VideoLength {
        VideoLength { frames: seconds * 25, fps: 25.0 }
    }

    #[test]
    fn short_videos_get_the_published_frames_and_long_ones_one_a_second() {
        for seconds in [1, 10, 32] {
            let plan = FramePlan::by_duration(length(seconds), 32);
            assert_eq!(plan.indices(), distinct_frame_indices(seconds * 25, 32));
            assert_eq!(plan.most_added(), 0);
        }
        let minute = FramePlan::by_duration(length(60), 32);
        assert_eq!((minute.wanted(), minute.most_added()), (60, 30));
        let film = FramePlan::by_duration(length(7200), 32);
        assert_eq!((film.wanted(), film.most_added()), (600, 300));
        assert_eq!(FramePlan::by_duration(length(7200), 1000).wanted(), 1000);
        assert_eq!(length(60).seconds_at(750), 30.0);
        let photograph = FramePlan::by_duration(VideoLength { frames: 1, fps: 1.0 }, 32);
        assert_eq!(photograph.indices(), [0]);
    }

    proptest! {
        #[test]
        fn frames_between_are_none_of_the_others(seconds in 1..4000usize, least in 1..100usize) {
            let plan = FramePlan::by_duration(length(seconds), least);
            let indices = plan.indices();
            prop_assert!(indices.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(indices.iter().all(|&index| index < seconds * 25));
            let between = indices.iter().filter(|&&index| plan.is_between(index)).count();
            prop_assert_eq!(indices.len() - between, plan.wanted());
            prop_assert!(plan.wanted() + plan.most_added() <= MOST.max(least) * 3 / 2);
        }
    }
}
