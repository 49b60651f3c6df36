//! What a container says of itself: facts for whoever has to tell one file from another, none of them checked.

use super::demuxer::Demuxer;
use super::library::loaded;
use super::{codec_name, sys};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::ptr::null;

/// More entries than any program writes.
const MOST_TAGS: usize = 64;
/// Characters of an entry that are kept.
const LONGEST_TAG: usize = 200;

/// A container's own account of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContainerFacts {
    /// The format, for people.
    pub format: String,
    /// The video's codec, such as `h264`.
    pub codec: String,
    /// Pixels of a coded row.
    pub width: u32,
    /// Coded rows.
    pub height: u32,
    /// Frames per second; 0 where nothing is said.
    pub frame_rate: f64,
    /// How many frames are declared, or follow from duration and rate; 0 where neither is.
    pub frames: u64,
    /// Seconds; `None` where nothing is said.
    pub duration: Option<f64>,
    /// Bits per second of the whole file; `None` where nothing is said.
    pub bit_rate: Option<u64>,
    /// Entries such as `encoder`, `creation_time` and `major_brand`; those of the video stream begin with `video.`.
    pub tags: BTreeMap<String, String>,
    /// The version of FFmpeg that read it.
    pub ffmpeg: String,
}

impl Demuxer {
    /// What the container says of itself.
    pub fn facts(&self) -> ContainerFacts {
        let (container, stream) = (self.raw(), self.video());
        // SAFETY: each stream has its parameters, which live as long as it.
        let parameters = unsafe { &*stream.codecpar };
        let mut tags = BTreeMap::new();
        // SAFETY: both dictionaries belong to the container, which is ours, and may be null.
        unsafe {
            add_tags(container.metadata, "", &mut tags);
            add_tags(stream.metadata, "video.", &mut tags);
        }
        let duration = self.seconds();
        ContainerFacts {
            format: self.format().to_owned(),
            codec: codec_name(self),
            width: parameters.width.max(0) as u32,
            height: parameters.height.max(0) as u32,
            frame_rate: Some(self.rate()).filter(|rate| rate.is_finite()).unwrap_or_default(),
            frames: self.declared_frames(),
            duration: (duration.is_finite() && duration > 0.0).then_some(duration),
            bit_rate: u64::try_from(container.bit_rate).ok().filter(|rate| *rate > 0),
            tags,
            ffmpeg: super::version().unwrap_or_default(),
        }
    }
}

/// Adds the entries of a dictionary, under their names with `prefix`.
///
/// # Safety
/// `dictionary` must be null or valid.
unsafe fn add_tags(dictionary: *const sys::AVDictionary, prefix: &str, tags: &mut BTreeMap<String, String>) {
    let mut entry: *const sys::AVDictionaryEntry = null();
    while tags.len() < MOST_TAGS {
        // SAFETY: as the caller promises; an empty key with this flag goes from entry to entry.
        entry = unsafe {
            let every = sys::AV_DICT_IGNORE_SUFFIX as _;
            loaded().av.av_dict_get(dictionary, c"".as_ptr(), entry, every)
        };
        // SAFETY: what was found is an entry of the dictionary, or null at its end.
        let Some(found) = (unsafe { entry.as_ref() }) else { return };
        // SAFETY: keys and values are C strings.
        let [key, value] = unsafe { [found.key, found.value].map(|text| CStr::from_ptr(text)) };
        let short = |text: &CStr| text.to_string_lossy().chars().take(LONGEST_TAG).collect::<String>();
        tags.insert(format!("{prefix}{}", short(key)), short(value));
    }
}
