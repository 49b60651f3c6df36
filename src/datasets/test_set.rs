//! The test sets by the names that the command line gives them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::error::named;
use super::ff::Manipulation;
use super::{Compression, Error, VideoList, celeb_df, dfd, dfdc, dfdcp, ff, ffiw};

/// A set of labelled videos on which detectors are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TestSet {
    /// FaceForensics++, its four standard manipulations or one alone, always with the originals.
    Ff(Option<Manipulation>),
    /// DeepFakeDetection: videos of actors, published as a part of FaceForensics++.
    Dfd,
    /// The DeepFake Detection Challenge.
    Dfdc,
    /// The preview of the DeepFake Detection Challenge.
    Dfdcp,
    /// FFIW-10K, of which the published validation part is used.
    Ffiw,
    /// Celeb-DF v2, its list of test videos.
    Cdf,
}

/// Names of the sets, in the order of [`TestSet::ALL`].
const NAMES: [&str; 11] = [
    "FF",
    "FF/Deepfakes",
    "FF/Face2Face",
    "FF/FaceSwap",
    "FF/NeuralTextures",
    "FF/FaceShifter",
    "DFD",
    "DFDC",
    "DFDCP",
    "FFIW",
    "CDF",
];

impl TestSet {
    /// All test sets, each manipulation of FaceForensics++ also alone.
    pub const ALL: [TestSet; 11] = [
        TestSet::Ff(None),
        TestSet::Ff(Some(Manipulation::Deepfakes)),
        TestSet::Ff(Some(Manipulation::Face2Face)),
        TestSet::Ff(Some(Manipulation::FaceSwap)),
        TestSet::Ff(Some(Manipulation::NeuralTextures)),
        TestSet::Ff(Some(Manipulation::FaceShifter)),
        TestSet::Dfd,
        TestSet::Dfdc,
        TestSet::Dfdcp,
        TestSet::Ffiw,
        TestSet::Cdf,
    ];

    /// The videos of the set, their labels, and what is missing.
    ///
    /// `compression` chooses among the copies of FaceForensics++ and DFD; the other sets have one.
    /// With `allow_missing`, videos that a list names and that are not on disk are left out and
    /// reported in [`VideoList::missing`]. Fails with [`Error`] when the data root or a list is
    /// missing or unreadable, when a list names missing videos and that is not allowed, and when no
    /// video is left.
    pub fn list(
        &self,
        data_root: &Path,
        compression: Compression,
        allow_missing: bool,
    ) -> Result<VideoList, Error> {
        if !data_root.is_dir() {
            return Err(Error::DataRoot { path: data_root.to_path_buf() });
        }
        match self {
            TestSet::Ff(None) => ff::list(data_root, &Manipulation::STANDARD, compression, allow_missing),
            TestSet::Ff(Some(one)) => ff::list(data_root, &[*one], compression, allow_missing),
            TestSet::Dfd => dfd::list(data_root, compression, allow_missing),
            TestSet::Dfdc => dfdc::list(data_root, allow_missing),
            TestSet::Dfdcp => dfdcp::list(data_root, allow_missing),
            TestSet::Ffiw => ffiw::list(data_root, allow_missing),
            TestSet::Cdf => celeb_df::list(data_root, allow_missing),
        }
    }

    /// Where the packed faces of the set lie unless another folder is given: `npy/<NAME>` in the
    /// data root, with a `-` for the `/` of a single manipulation.
    ///
    /// The folder does not depend on the compression, so that folders packed by the original programs are found; the
    /// manifest says which compression a folder holds.
    pub fn default_packed_dir(&self, data_root: &Path) -> PathBuf {
        data_root.join("npy").join(self.to_string().replace('/', "-"))
    }
}

impl fmt::Display for TestSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TestSet::Ff(None) => f.write_str("FF"),
            TestSet::Ff(Some(manipulation)) => write!(f, "FF/{manipulation}"),
            TestSet::Dfd => f.write_str("DFD"),
            TestSet::Dfdc => f.write_str("DFDC"),
            TestSet::Dfdcp => f.write_str("DFDCP"),
            TestSet::Ffiw => f.write_str("FFIW"),
            TestSet::Cdf => f.write_str("CDF"),
        }
    }
}

impl FromStr for TestSet {
    type Err = Error;

    /// Accepts the names in upper and lower case; fails with [`Error::UnknownSet`], which lists them.
    fn from_str(name: &str) -> Result<Self, Error> {
        named(name, "test set", &NAMES, &Self::ALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_has_its_name() {
        for (set, name) in TestSet::ALL.into_iter().zip(NAMES) {
            assert_eq!(set.to_string(), name);
            assert_eq!(name.to_lowercase().parse::<TestSet>().unwrap(), set);
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = "FF/DeepFake".parse::<TestSet>().unwrap_err().to_string();
        assert!(error.contains("did you mean FF/Deepfakes?; known are FF, FF/Deepfakes,"), "{error}");
        let error = "imagenet".parse::<TestSet>().unwrap_err().to_string();
        assert!(error.starts_with("unknown test set 'imagenet'; known are FF,"), "{error}");
    }

    #[test]
    fn a_missing_data_root_says_how_to_set_it() {
        let error = TestSet::Cdf.list(Path::new("absent"), Compression::Raw, false).unwrap_err();
        let expected = "absent: no such folder for the data sets";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn packed_folders_are_one_level_deep() {
        let folder = |name: &str| name.parse::<TestSet>().unwrap().default_packed_dir(Path::new("data"));
        assert_eq!(folder("CDF"), Path::new("data/npy/CDF"));
        assert_eq!(folder("FF/Deepfakes"), Path::new("data/npy/FF-Deepfakes"));
    }
}
