//! The folders of videos that preprocessing knows, by the names that the command line gives them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::error::named;
use super::{Compression, Error, celeb_df, dfdc, dfdcp, ff, listing};

/// What error messages say belongs into the folders.
const VIDEOS: &str = "a folder of videos (*.mp4)";

/// One folder of videos that frames, landmarks and boxes are prepared from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceSet {
    /// The originals of FaceForensics++: what detectors are trained on.
    Original,
    /// The actors' originals of DeepFakeDetection.
    DeepFakeDetectionOriginal,
    /// One method's fakes of FaceForensics++ or DeepFakeDetection, by the name of its folder.
    Manipulated(&'static str),
    /// One folder of Celeb-DF v2, by its name.
    CelebDf(&'static str),
    /// The DeepFake Detection Challenge.
    Dfdc,
    /// The preview of the DeepFake Detection Challenge, whose videos lie in nested folders.
    Dfdcp,
}

/// A video that is to be prepared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceVideo {
    /// The video's file.
    pub path: PathBuf,
    /// The folder that holds `videos/` and gets `frames/`, `landmarks/` and `retina/`.
    pub base: PathBuf,
    /// The file's path inside `videos/` without extension, such as `000`; in nested sets with its folders.
    pub name: PathBuf,
}

/// Names of the sets, in the order of [`SourceSet::ALL`].
const NAMES: [&str; 13] = [
    "Original",
    "DeepFakeDetection_original",
    "DeepFakeDetection",
    "FaceShifter",
    "Face2Face",
    "Deepfakes",
    "FaceSwap",
    "NeuralTextures",
    "Celeb-real",
    "Celeb-synthesis",
    "YouTube-real",
    "DFDC",
    "DFDCP",
];

impl SourceSet {
    /// All sets that preprocessing knows, in the order of the documentation.
    pub const ALL: [SourceSet; 13] = [
        SourceSet::Original,
        SourceSet::DeepFakeDetectionOriginal,
        SourceSet::Manipulated("DeepFakeDetection"),
        SourceSet::Manipulated("FaceShifter"),
        SourceSet::Manipulated("Face2Face"),
        SourceSet::Manipulated("Deepfakes"),
        SourceSet::Manipulated("FaceSwap"),
        SourceSet::Manipulated("NeuralTextures"),
        SourceSet::CelebDf("Celeb-real"),
        SourceSet::CelebDf("Celeb-synthesis"),
        SourceSet::CelebDf("YouTube-real"),
        SourceSet::Dfdc,
        SourceSet::Dfdcp,
    ];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        let index = Self::ALL.iter().position(|set| *set == self);
        index.map_or("?", |index| NAMES[index])
    }

    /// The folder of the set, beside whose videos everything is written; for a nested set, the one above all.
    pub fn folder(self, data_root: &Path, compression: Compression) -> PathBuf {
        let above = |videos: PathBuf| videos.parent().map(Path::to_path_buf).unwrap_or_default();
        match self {
            SourceSet::Original => above(ff::original_folder(data_root, "youtube", compression)),
            SourceSet::DeepFakeDetectionOriginal => {
                above(ff::original_folder(data_root, "actors", compression))
            }
            SourceSet::Manipulated(name) => above(ff::manipulated_folder(data_root, name, compression)),
            SourceSet::CelebDf(name) => above(celeb_df::video_folder(data_root, name)),
            SourceSet::Dfdc => dfdc::folder(data_root),
            SourceSet::Dfdcp => dfdcp::folder(data_root),
        }
    }

    /// The videos of the set, sorted.
    ///
    /// Fails when the data root or the folder is missing or holds no video.
    pub fn videos(self, data_root: &Path, compression: Compression) -> Result<Vec<SourceVideo>, Error> {
        if !data_root.is_dir() {
            return Err(Error::DataRoot { path: data_root.to_path_buf() });
        }
        let folder = self.folder(data_root, compression);
        let paths = match self {
            SourceSet::Dfdcp => dfdcp::videos_on_disk(&folder)?,
            SourceSet::CelebDf(_) | SourceSet::Dfdc => listing::videos_in(&folder.join("videos"), VIDEOS)?,
            _ => ff::videos_of(&folder.join("videos"), VIDEOS)?,
        };
        if paths.is_empty() {
            return Err(Error::Empty { path: folder.join("videos"), expected: VIDEOS });
        }
        Ok(paths.into_iter().filter_map(source_video).collect())
    }
}

/// Splits a path at its outermost folder `videos` below the set.
fn source_video(path: PathBuf) -> Option<SourceVideo> {
    let videos = path.ancestors().skip(1).find(|folder| folder.file_name().is_some_and(|n| n == "videos"))?;
    let name = path.strip_prefix(videos).ok()?.with_extension("");
    let base = videos.parent()?.to_path_buf();
    Some(SourceVideo { base, name, path })
}

impl fmt::Display for SourceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SourceSet {
    type Err = Error;

    /// Accepts the names in upper and lower case; fails with [`Error::UnknownSet`].
    fn from_str(name: &str) -> Result<Self, Error> {
        named(name, "set", &NAMES, &Self::ALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::listing::tests::write;

    #[test]
    fn names_go_there_and_back() {
        for set in SourceSet::ALL {
            assert_eq!(set.to_string().parse::<SourceSet>().unwrap(), set);
        }
        let error = "Orignal".parse::<SourceSet>().unwrap_err().to_string();
        assert!(error.contains("did you mean Original?"), "{error}");
    }

    #[test]
    fn every_set_lists_its_folder() {
        let ff = "FaceForensics++";
        let folders = [
            format!("{ff}/original_sequences/youtube/c23"),
            format!("{ff}/original_sequences/actors/c23"),
            format!("{ff}/manipulated_sequences/DeepFakeDetection/c23"),
            format!("{ff}/manipulated_sequences/FaceShifter/c23"),
            format!("{ff}/manipulated_sequences/Face2Face/c23"),
            format!("{ff}/manipulated_sequences/Deepfakes/c23"),
            format!("{ff}/manipulated_sequences/FaceSwap/c23"),
            format!("{ff}/manipulated_sequences/NeuralTextures/c23"),
            "Celeb-DF-v2/Celeb-real".to_owned(),
            "Celeb-DF-v2/Celeb-synthesis".to_owned(),
            "Celeb-DF-v2/Youtube-real".to_owned(),
            "DFDC".to_owned(),
        ];
        for (set, folder) in SourceSet::ALL.into_iter().zip(folders) {
            let root = tempfile::tempdir().unwrap();
            for name in ["002.mp4", "001.mp4", "notes.txt"] {
                write(root.path(), &format!("{folder}/videos/{name}"), "");
            }
            let videos = set.videos(root.path(), Compression::C23).unwrap();
            let names: Vec<_> = videos.iter().map(|video| video.name.to_str().unwrap()).collect();
            assert_eq!(names, ["001", "002"], "{set}");
            assert_eq!(videos[0].base, root.path().join(&folder), "{set}");
            assert_eq!(videos[0].path, root.path().join(&folder).join("videos/001.mp4"));
        }
    }

    #[test]
    fn nested_folders_keep_their_place() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "DFDCP/method_A/videos/12/12_7/a.mp4", "");
        write(root.path(), "DFDCP/original_videos/videos/12/b.mp4", "");
        let videos = SourceSet::Dfdcp.videos(root.path(), Compression::Raw).unwrap();
        assert_eq!(videos[0].base, root.path().join("DFDCP/method_A"));
        assert_eq!(videos[0].name, Path::new("12/12_7/a"));
        assert_eq!(videos[1].base, root.path().join("DFDCP/original_videos"));
        assert_eq!(videos[1].name, Path::new("12/b"));
    }

    #[test]
    fn an_empty_folder_and_the_wrong_compression_are_told() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "FaceForensics++/original_sequences/youtube/c23/videos/notes.txt", "");
        let list =
            |compression| SourceSet::Original.videos(root.path(), compression).unwrap_err().to_string();
        assert!(list(Compression::C23).contains("no videos"), "{}", list(Compression::C23));
        assert!(
            list(Compression::Raw).ends_with("there are videos of level c23"),
            "{}",
            list(Compression::Raw)
        );
    }
}
