//! Data sets as their publishers ship them: folders, lists, labels. No pixels.
//!
//! Everything lies under one data root. A [`TestSet`] turns into a [`VideoList`] whose order is
//! always the same; nothing that a list names is left out in silence. One file per family of data
//! sets knows its folders, and no other module does.

mod benchmark_list;
mod celeb_df;
mod compression;
mod dfd;
mod dfdc;
mod dfdcp;
mod error;
mod ff;
mod ffiw;
mod label_table;
mod listing;
mod source_set;
mod test_set;
mod training_set;

use std::fmt;
use std::path::PathBuf;

use crate::types::Label;

pub use benchmark_list::{BenchmarkList, ListedVideo};
pub use compression::Compression;
pub use error::Error;
pub use ff::{Manipulation, Split, split_ids};
pub use label_table::{LabelTable, LabelledFile};
pub use source_set::{SourceSet, SourceVideo};
pub use test_set::TestSet;
pub use training_set::{SetVersion, TrainingSet, set_folder};

/// A video of a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Video {
    /// Where it lies, beginning with the data root as it was given.
    pub path: PathBuf,
    /// Real or fake, according to the data set.
    pub label: Label,
    /// The method that made a fake of FaceForensics++; `None` for its originals and for the videos
    /// of other data sets.
    pub group: Option<Manipulation>,
}

/// The videos of a test set, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VideoList {
    /// The videos that are on disk, in the order of the data set; at least one.
    pub videos: Vec<Video>,
    /// Videos that the data set's list names and that are not on disk. Empty unless missing videos
    /// were allowed.
    pub missing: Vec<PathBuf>,
    /// Remarks that a user should read before trusting numbers computed on these videos.
    pub notes: Vec<Note>,
}

impl VideoList {
    /// What a user should know about the list, a line each: its notes, and how many videos are missing.
    pub fn remarks(&self) -> Vec<String> {
        let missing = self.missing.first().map(|first| {
            let (count, first) = (self.missing.len(), first.display());
            format!("{count} videos of the list are not on disk and are left out, first {first}")
        });
        self.notes.iter().map(ToString::to_string).chain(missing).collect()
    }
}

/// A property of a data set on disk that is not an error but changes what its numbers mean. Prints as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// FFIW has other counts than the published validation set.
    FfiwCounts {
        /// Number of real videos found.
        real: usize,
        /// Number of fake videos found.
        fake: usize,
    },
    /// A folder of the data set does not exist or holds no video, which was allowed.
    EmptyFolder {
        /// The folder concerned.
        path: PathBuf,
    },
    /// Ids of a list for which a folder holds no video.
    IdsWithoutVideo {
        /// The folder concerned.
        path: PathBuf,
        /// How many ids have no video in the folder.
        missing: usize,
        /// How many ids the list has.
        of: usize,
        /// The first of them.
        first: String,
    },
    /// The list names some videos more than once. They are kept as often as they are named.
    Repeated {
        /// Number of entries beyond the first of each video.
        count: usize,
        /// The first video that occurs again.
        first: PathBuf,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::FfiwCounts { real, fake } => write!(
                f,
                "FFIW has {real} real and {fake} fake videos here, the published set {} and {}",
                ffiw::PUBLISHED_COUNT,
                ffiw::PUBLISHED_COUNT,
            ),
            Note::EmptyFolder { path } => write!(f, "{}: no videos here", path.display()),
            Note::IdsWithoutVideo { path, missing, of, first } => {
                let path = path.display();
                write!(f, "{path}: no video for {missing} of {of} listed ids, first {first}")
            }
            Note::Repeated { count, first } => {
                write!(f, "{count} videos occur more than once, the first is {}", first.display())
            }
        }
    }
}
