//! Weight files given to the program: wrong ones are refused by name, right ones convert back and forth.

use std::fs::{self, File};
use std::io::{Cursor, Read, Write};
use std::path::Path;

use sbi::checkpoint::{self, DType, Format, StateDict, TensorData};
use zip::CompressionMethod::Stored;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::support::{FACES, Place, assert_same_scores, fixture};

const PAGE: &str = "<!DOCTYPE html><html><body>Sign in to download</body></html>";

#[test]
fn what_is_no_detector_is_refused_by_name() {
    let place = Place::new();
    place.copy(FACES[0], "a.mp4");
    place.copy("imagenet.pth", "imagenet.pth");
    place.write("page.tar", PAGE);
    place.write("empty.tar", "");
    place.write("text.tar", "epoch 1: loss 0.69");
    let whole = fs::read(fixture("sbi.tar")).unwrap();
    place.write("half.tar", &whole[..whole.len() / 2]);
    place.write("short.tar", &whole[..whole.len() - 1000]);
    let infer = |file: &str| place.sbi(&format!("infer -w {file} -i a.mp4 -q --json out.json"));
    infer("page.tar").refused(&["page.tar", "web page", "download failed"]);
    infer("empty.tar").refused(&["empty.tar", "the file is empty"]);
    infer("text.tar").refused(&["text.tar", "text file", "epoch 1"]);
    infer("half.tar").refused(&["half.tar", "cut while downloading"]);
    infer("short.tar").refused(&["short.tar"]);
    place.write("photo.pth", b"\xff\xd8\xff\xe0\0\x10JFIF");
    place.write("b4.onnx", b"\x08\x07\x12\x07pytorch");
    infer("photo.pth").refused(&["photo.pth", "a JPEG image", "photograph"]);
    infer("b4.onnx").refused(&["b4.onnx", "an ONNX model", "state dict"]);
    infer("gone.tar").refused(&["gone.tar", "No such file"]);
    infer("weights").refused(&["weights"]);
    infer("a.mp4").refused(&["a.mp4"]);
    infer("imagenet.pth").refused(&["imagenet.pth", "expected an SBI or EG detector", "a bare EfficientNet"]);
    let face_detector = "weights/retinaface_mnet025.safetensors";
    infer(face_detector).refused(&[face_detector, "a RetinaFace", "--detector-weights"]);
    assert!(!place.path("out.json").exists(), "a refused run wrote a result");
}

/// The made detector with other names, under another key.
fn detector_as(path: &Path, key: &str, rename: impl Fn(&str) -> String) {
    let mut state = StateDict::new();
    for (name, tensor) in checkpoint::read(&fixture("sbi.tar")).unwrap().state.iter() {
        state.insert(rename(name), tensor.clone()).unwrap();
    }
    checkpoint::write_torch(path, &state, None, None, &Default::default()).unwrap();
    let mut archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut written = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let (name, mut bytes) = (entry.name().unwrap().into_owned(), Vec::new());
        entry.read_to_end(&mut bytes).unwrap();
        if name.ends_with("data.pkl") {
            let (usual, len) = (b"X\x05\0\0\0model", (key.len() as u32).to_le_bytes());
            let at = bytes.windows(usual.len()).position(|window| window == usual).unwrap();
            bytes.splice(at..at + usual.len(), [b"X", &len[..], key.as_bytes()].concat());
        }
        written.start_file(name, SimpleFileOptions::default().compression_method(Stored)).unwrap();
        written.write_all(&bytes).unwrap();
    }
    fs::write(path, written.finish().unwrap().into_inner()).unwrap();
}

#[test]
fn other_keys_and_wrapped_names_are_read_with_a_note() {
    let place = Place::new();
    place.copy(FACES[0], "a.mp4");
    let infer = |file: &str| place.sbi(&format!("infer -w {file} -i a.mp4 -n 2 --json out.json"));
    infer("weights/sbi.tar").code(0);
    let right = place.json("out.json");
    assert!(right["notes"].is_null());

    detector_as(&place.path("tutorial.pth"), "model_state_dict", |name| format!("_orig_mod.module.{name}"));
    let done = infer("tutorial.pth").code(0);
    let notes =
        ["`model_state_dict`", "`_orig_mod.module.net.` before the names of its weights is read as `net.`"];
    for note in notes {
        let told: Vec<&str> = done.stderr.lines().filter(|line| line.contains(note)).collect();
        assert_eq!(told.len(), 1, "{done}");
    }
    let json = place.json("out.json");
    assert_same_scores(&right, &json);
    assert!(
        notes
            .iter()
            .zip(json["notes"].as_array().unwrap())
            .all(|(note, told)| told.to_string().contains(note))
    );

    let done = place.sbi("convert tutorial.pth plain.safetensors --key model_state_dict").code(0);
    assert!(done.stderr.contains("note: tutorial.pth: the weights are"), "{done}");
    let plain = checkpoint::read(&place.path("plain.safetensors")).unwrap().state;
    let usual = checkpoint::read(&fixture("sbi.tar")).unwrap().state;
    assert!(usual.iter().all(|(name, tensor)| plain.get(name) == Some(tensor)) && plain.len() == usual.len());
    place
        .sbi("convert tutorial.pth other.tar --key ema")
        .refused(&["tutorial.pth", "no state dict under the key `ema`"]);

    detector_as(&place.path("odd.pth"), "weights", |name| format!("student.{name}"));
    infer("odd.pth").refused(&["odd.pth", "an EfficientNet whose names begin with `student.net.`"]);
    detector_as(&place.path("fc.pth"), "weights", |name| format!("model.{}", name.replace("_fc", "fc")));
    infer("fc.pth").refused(&["fc.pth", "do not fit", "missing: net._fc.bias"]);
}

#[test]
fn a_detector_with_missing_or_odd_entries_is_refused() {
    let place = Place::new();
    place.copy(FACES[0], "a.mp4");
    let mut state = checkpoint::read(&fixture("sbi.tar")).unwrap().state;
    state.retain(|name| name != "net._fc.bias");
    checkpoint::write_torch(&place.path("odd.tar"), &state, None, None, &Default::default()).unwrap();
    let done = place.sbi("infer -w odd.tar -i a.mp4 -q");
    done.refused(&["odd.tar", "do not fit sbi on efficientnet-b0", "1 missing: net._fc.bias"]);
}

#[test]
fn face_detector_weights_of_another_network_are_refused() {
    let place = Place::new();
    place.copy(FACES[0], "a.mp4");
    place.cdf();
    place.write("page.pth", PAGE);
    let infer = "infer -w weights/sbi.tar -q -i a.mp4";
    let flags = "--detector retinaface-mnet --detector-weights weights/eg.tar";
    for command in [infer, "npy-pack -q -d CDF"] {
        let done = place.sbi(&format!("{command} {flags}"));
        done.refused(&["weights/eg.tar", "do not fit retinaface-mnet", "missing"]);
    }
    place.sbi(&format!("{infer} --detector-weights page.pth")).refused(&["page.pth", "web page"]);
    place.sbi(&format!("{infer} --detector-weights gone.pth")).refused(&["gone.pth"]);
    let resnet = place.sbi(&format!("{infer} --detector retinaface-r50"));
    resnet.refused(&["retinaface_resnet50_2020-07-20", "weights/README.md"]);
    fs::remove_file(place.path("weights/retinaface_mnet025.safetensors")).unwrap();
    place.sbi(infer).refused(&["weights/retinaface_mnet025.safetensors", "setup.sh"]);
    assert!(!place.path("data/npy").exists(), "a refused run left a folder");
}

#[test]
fn converted_weights_give_the_same_scores() {
    let place = Place::new();
    place.copy(FACES[0], "a.mp4");
    let convert = |arguments: &str| place.sbi(&format!("convert {arguments}")).code(0);
    let there = convert("weights/eg.tar eg.safetensors");
    let stored = fs::metadata(place.path("eg.safetensors")).unwrap().len();
    let tensors = checkpoint::read(&fixture("eg.tar")).unwrap().state.len();
    let there = there.tells(&[&format!("eg.safetensors: {tensors} tensors"), " MB"]);
    assert_eq!(there.stderr, "", "{there}");
    convert("eg.safetensors back.tar");
    convert("weights/eg.tar half.safetensors --precision f16");
    assert!(fs::metadata(place.path("half.safetensors")).unwrap().len() < stored * 6 / 10);

    let read = |name: &str| checkpoint::read(&place.path(name)).unwrap();
    assert_eq!(read("eg.safetensors").format, Format::Safetensors);
    assert_eq!(
        (read("back.tar").format, read("eg.safetensors").metadata["epoch"].as_str()),
        (Format::TorchZip, "7")
    );
    assert_eq!(read("half.safetensors").state.get("bn.weight").unwrap().dtype(), DType::F16);
    let results = ["weights/eg.tar", "eg.safetensors", "back.tar", "half.safetensors"].map(|file| {
        place.sbi(&format!("infer -w {file} -i a.mp4 -q -n 2 --json out.json")).code(0);
        place.json("out.json")
    });
    assert_same_scores(&results[0], &results[1]);
    assert_same_scores(&results[0], &results[2]);
    assert!(
        (results[0]["videos"][0]["score"].as_f64().unwrap()
            - results[3]["videos"][0]["score"].as_f64().unwrap())
        .abs()
            < 0.05
    );
}

#[test]
fn a_converted_checkpoint_keeps_its_epoch() {
    let place = Place::new();
    place.sbi("convert weights/sbi.tar same.tar").code(0);
    let same = checkpoint::read(&place.path("same.tar")).unwrap();
    assert_eq!(same.epoch, Some(7));
    place.sbi("convert weights/sbi.tar there.safetensors").code(0);
    place.sbi("convert there.safetensors back.tar").code(0);
    assert_eq!(checkpoint::read(&place.path("back.tar")).unwrap().epoch, Some(7), "lost on the way");
}

#[test]
fn conversion_refuses_wrong_names_and_existing_files() {
    let place = Place::new();
    place.write("page.tar", PAGE);
    place.write("there.safetensors", "precious");
    let convert = |arguments: &str| place.sbi(&format!("convert {arguments}"));
    convert("weights/sbi.tar out.onnx").refused(&["out.onnx", ".safetensors", ".tar, .pth or .pt"]);
    convert("weights/sbi.tar out").refused(&["out", "extension"]);
    convert("weights/sbi.tar there.safetensors")
        .refused(&["there.safetensors: exists already", "--overwrite"]);
    assert_eq!(fs::read(place.path("there.safetensors")).unwrap(), b"precious");
    convert("page.tar out.safetensors").refused(&["page.tar", "web page"]);
    convert("gone.tar out.safetensors").refused(&["gone.tar", "No such file"]);
    convert("weights/sbi.tar page.tar/out.pth").refused(&["page.tar/out.pth"]);
    convert("weights/sbi.tar absent/out.pth").refused(&["absent/out.pth"]);
    assert!(!place.path("out.safetensors").exists());
    convert("weights/sbi.tar there.safetensors --overwrite").code(0);
    checkpoint::read(&place.path("there.safetensors")).unwrap();
    // Onto itself: read as a whole before it is replaced.
    fs::copy(fixture("sbi.tar"), place.path("own.tar")).unwrap();
    convert("own.tar own.tar --overwrite").code(0);
    assert_eq!(fs::read(place.path("own.tar")).unwrap(), fs::read(fixture("sbi.tar")).unwrap());
}

#[test]
fn averaged_weights_are_means_and_only_of_one_network() {
    let place = Place::new();
    place.copy(FACES[0], "a.mp4");
    let values = |name: &str, tensor: &str| {
        checkpoint::read(&place.path(name)).unwrap().state.get(tensor).unwrap().to_f32_vec()
    };
    // Another run of the same network: all weights twice as large, in the other form.
    let other = checkpoint::read(&place.path("weights/sbi.tar")).unwrap();
    let mut doubled = StateDict::new();
    for (name, tensor) in other.state.iter() {
        let twice: Vec<f32> = tensor.to_f32_vec().iter().map(|value| 2.0 * value).collect();
        let twice = match tensor.dtype() {
            DType::I64 => tensor.clone(),
            _ => TensorData::from_f32(tensor.shape(), &twice).unwrap(),
        };
        doubled.insert(name, twice).unwrap();
    }
    checkpoint::write_safetensors(&place.path("other.safetensors"), &doubled, &other.metadata).unwrap();

    let average = |arguments: &str| place.sbi(&format!("average {arguments}"));
    let done = average("weights/sbi.tar other.safetensors -o mean.safetensors").code(0);
    done.tells(&["mean.safetensors: average of 2 files"]);
    for tensor in ["net._conv_stem.weight", "net._bn0.running_var", "net._fc.bias"] {
        let (one, mean) = (values("weights/sbi.tar", tensor), values("mean.safetensors", tensor));
        assert!(one.iter().any(|value| *value != 0.0), "{tensor}");
        for (one, mean) in one.iter().zip(&mean) {
            assert!((1.5 * one - mean).abs() <= 1e-6 * one.abs(), "{tensor}");
        }
    }
    let written = checkpoint::read(&place.path("mean.safetensors")).unwrap();
    assert_eq!(written.metadata["averaged"], "weights/sbi.tar, other.safetensors");
    for measured in ["threshold", "temperature", "validation_auc"] {
        assert!(!written.metadata.contains_key(measured), "{measured}");
    }
    place.sbi("infer -w mean.safetensors -i a.mp4 -q -n 2 --json out.json").code(0);
    // The mean of a file with itself is the file.
    average("weights/sbi.tar weights/sbi.tar -o same.tar").code(0);
    assert_eq!(
        checkpoint::read(&place.path("same.tar")).unwrap().state,
        checkpoint::read(&place.path("weights/sbi.tar")).unwrap().state
    );

    average("weights/sbi.tar weights/eg.tar -o no.tar").refused(&["weights/eg.tar", "weights/sbi.tar"]);
    average("weights/sbi.tar weights/retinaface_mnet025.safetensors -o no.tar").refused(&[
        "retinaface_mnet025",
        "another network than weights/sbi.tar",
        "missing",
    ]);
    let mut metadata = other.metadata.clone();
    metadata.insert("image_size".to_owned(), "224".to_owned());
    checkpoint::write_safetensors(&place.path("small.safetensors"), &doubled, &metadata).unwrap();
    average("weights/sbi.tar small.safetensors -o no.tar").refused(&["image_size is 224"]);
    average("weights/sbi.tar other.safetensors -o mean.safetensors")
        .refused(&["exists already", "--overwrite"]);
    average("weights/sbi.tar -o no.tar").misused(&["2 values"]);
    assert!(!place.path("no.tar").exists());
}
