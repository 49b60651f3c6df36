//! Every weight file that the program knows by name.

use std::fmt;
use std::path::{Path, PathBuf};

/// A weight file that the program knows: looked for in the weights folder, offered by name.
#[derive(Debug, PartialEq, Eq)]
pub struct WeightFile {
    /// Names of the file in the weights folder, the preferred one first.
    pub names: &'static [&'static str],
    /// What it holds and what needs it: a phrase for people.
    pub purpose: &'static str,
    /// How it is read.
    pub format: WeightFormat,
    /// Who puts it into the weights folder.
    pub origin: WeightOrigin,
}

/// How a weight file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightFormat {
    /// A state dict in one of PyTorch's forms or as safetensors.
    Checkpoint,
    /// A shape predictor in dlib's own format.
    DlibLandmarks,
    /// dlib's face recognition network in dlib's own format.
    DlibFaceEncoder,
}

/// Who puts a weight file into the weights folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightOrigin {
    /// It is part of the project.
    Included,
    /// `scripts/setup.sh`, from a package registry.
    SetUp,
    /// The user: licence or host ask for a click. The table in `weights/README.md` says where from.
    ByHand,
}

impl fmt::Display for WeightOrigin {
    /// How to get such a file, to follow a sentence that names it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WeightOrigin::Included => "it comes with the project: restore it",
            WeightOrigin::SetUp => "scripts/setup.sh places it",
            WeightOrigin::ByHand => "fetch it by hand: weights/README.md says where",
        })
    }
}

impl WeightFile {
    /// The preferred name.
    pub fn name(&self) -> &'static str {
        self.names[0]
    }

    /// The file in `folder`, under the first of its names that is there.
    pub fn find_in(&self, folder: &Path) -> Option<PathBuf> {
        self.names.iter().map(|name| folder.join(name)).find(|path| path.exists())
    }
}

/// The known file of this name, whatever folder a path names before it.
pub fn named(path: &Path) -> Option<&'static WeightFile> {
    let name = path.file_name()?.to_str()?;
    ALL.into_iter().find(|file| file.names.contains(&name))
}

const fn checkpoint(
    names: &'static [&'static str],
    origin: WeightOrigin,
    purpose: &'static str,
) -> WeightFile {
    WeightFile { names, purpose, format: WeightFormat::Checkpoint, origin }
}

use WeightOrigin::{ByHand, Included, SetUp};

/// The forgery detector that comes with the program.
pub static BUNDLED_DETECTOR: WeightFile = checkpoint(
    &["default.safetensors"],
    Included,
    "the detector in the box, which scores where no weight file is named",
);

/// The forgery detector of the EG paper, as released.
pub static RELEASED_EG: WeightFile = checkpoint(&["EG-weights.tar"], ByHand, "released EG detector");

/// The forgery detector of the SBI paper, trained on uncompressed videos, as released.
pub static RELEASED_SBI_RAW: WeightFile = checkpoint(&["FFraw.tar"], ByHand, "released SBI detector");

/// The forgery detector of the SBI paper, trained on lightly compressed videos, as released.
pub static RELEASED_SBI_C23: WeightFile = checkpoint(&["FFc23.tar"], ByHand, "released SBI detector");

/// RetinaFace with ResNet-50: the face detector that published numbers need.
pub static RETINAFACE_RESNET50: WeightFile = checkpoint(
    &[
        "retinaface_resnet50_2020-07-20-f168fae3c.zip",
        "retinaface_resnet50_2020-07-20-f168fae3c.pth",
        "retinaface_resnet50.safetensors",
    ],
    ByHand,
    "face detector that published numbers need",
);

/// RetinaFace with MobileNet-0.25: the small face detector.
pub static RETINAFACE_MOBILENET: WeightFile =
    checkpoint(&["retinaface_mnet025.safetensors"], SetUp, "face detector, small and fast");

/// ImageNet weights of EfficientNet-B4, the backbone of both papers.
pub static IMAGENET_B4: WeightFile = checkpoint(
    &["adv-efficientnet-b4-44fb3a87.pth"],
    ByHand,
    "ImageNet weights that published training starts from",
);

/// ImageNet weights of EfficientNet-Lite0, the smallest light backbone.
pub static IMAGENET_LITE0: WeightFile = checkpoint(
    &["efficientnet-lite0-imagenet.pth"],
    SetUp,
    "ImageNet weights of the smallest light backbone, to start training from",
);

/// ImageNet weights of EfficientNet-Lite1.
pub static IMAGENET_LITE1: WeightFile = checkpoint(
    &["efficientnet-lite1-imagenet.pth"],
    SetUp,
    "ImageNet weights of a light backbone, to start training from",
);

/// ImageNet weights of EfficientNet-Lite2.
pub static IMAGENET_LITE2: WeightFile = checkpoint(
    &["efficientnet-lite2-imagenet.pth"],
    SetUp,
    "ImageNet weights of a light backbone, to start training from",
);

/// ArcFace's iresnet, the face encoder that guides EG as published. ArcFace's releases call it so whatever its depth;
/// the published guide has 18 layers.
pub static ARCFACE_ENCODER: WeightFile =
    checkpoint(&["backbone.pth"], ByHand, "ArcFace's face encoder, which guides EG training as published");

/// dlib's face recognition network, a face encoder that can guide EG.
pub static DLIB_FACE_ENCODER: WeightFile = WeightFile {
    names: &["dlib_face_recognition_resnet_model_v1.dat"],
    purpose: "dlib's face encoder, which can guide EG training",
    format: WeightFormat::DlibFaceEncoder,
    origin: SetUp,
};

/// dlib's landmarks with the forehead, which published masks need.
pub static LANDMARKS_81: WeightFile = WeightFile {
    names: &["shape_predictor_81_face_landmarks.dat"],
    purpose: "81-point landmarks, as published preparation uses",
    format: WeightFormat::DlibLandmarks,
    origin: ByHand,
};

/// dlib's landmarks without the forehead.
pub static LANDMARKS_68: WeightFile = WeightFile {
    names: &["shape_predictor_68_face_landmarks.dat"],
    purpose: "68-point landmarks, where the 81-point model is not there",
    format: WeightFormat::DlibLandmarks,
    origin: SetUp,
};

/// All known files, in the order in which they are told about: face detectors, forgery detectors, what training
/// starts from, face encoders, landmarks.
pub static ALL: [&WeightFile; 14] = [
    &RETINAFACE_RESNET50,
    &RETINAFACE_MOBILENET,
    &BUNDLED_DETECTOR,
    &RELEASED_EG,
    &RELEASED_SBI_RAW,
    &RELEASED_SBI_C23,
    &IMAGENET_B4,
    &IMAGENET_LITE0,
    &IMAGENET_LITE1,
    &IMAGENET_LITE2,
    &ARCFACE_ENCODER,
    &DLIB_FACE_ENCODER,
    &LANDMARKS_81,
    &LANDMARKS_68,
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn project_file(name: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The names that `scripts/setup.sh` places: it sets a variable to each and calls `place "$variable"`.
    fn placed_by_setup() -> BTreeSet<String> {
        let script = project_file("scripts/setup.sh");
        let lines: Vec<&str> = script.lines().map(str::trim).collect();
        let variable =
            |line: &&str| line.split_once("place \"$")?.1.split_once('"').map(|(name, _)| name.to_owned());
        let value = |name: String| {
            let assignment = format!("{name}=");
            let line = lines.iter().find_map(|line| line.strip_prefix(&assignment));
            line.unwrap_or_else(|| panic!("{name} is placed, but never set")).to_owned()
        };
        let names = lines.iter().filter_map(variable).map(value);
        // The light backbones have a loop.
        let loops = lines.iter().find_map(|line| line.strip_prefix("for light in ")?.strip_suffix("; do"));
        let lights: Vec<&str> = loops.expect("a loop over light backbones").split(' ').collect();
        names
            .flat_map(|name| {
                lights.iter().map(move |light| name.replace("$light", light)).collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn setup_places_the_files_that_the_catalogue_says_it_does() {
        let expected = ALL.iter().filter(|file| file.origin == SetUp).map(|file| file.name().to_owned());
        assert_eq!(placed_by_setup(), expected.collect());
    }

    #[test]
    fn the_page_on_weights_has_a_row_for_each_file() {
        let page = project_file("weights/README.md");
        for file in ALL {
            let name = format!("`{}`", file.name());
            let row = page.lines().find(|line| line.starts_with('|') && line.contains(&name));
            let row = row.unwrap_or_else(|| panic!("weights/README.md has no row for {name}"));
            assert_eq!(row.contains("scripts/setup.sh"), file.origin == SetUp, "{row}");
        }
    }

    #[test]
    fn a_file_is_known_by_each_of_its_names_and_no_two_share_one() {
        let names: Vec<&str> = ALL.iter().flat_map(|file| file.names.iter().copied()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        for file in ALL {
            for name in file.names {
                assert_eq!(named(&Path::new("some/folder").join(name)), Some(file));
            }
        }
        assert_eq!(named(Path::new("backbone.pt")), None);
        assert_eq!(named(Path::new("..")), None);
    }

    #[test]
    fn the_preferred_name_counts_where_a_file_is_there_twice() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(RETINAFACE_RESNET50.find_in(folder.path()), None);
        for name in RETINAFACE_RESNET50.names.iter().rev() {
            std::fs::write(folder.path().join(name), "").unwrap();
            assert_eq!(RETINAFACE_RESNET50.find_in(folder.path()), Some(folder.path().join(name)));
        }
    }
}
