//! Files that people take for weights: named for what they are, with what helps.

use super::Error;

/// Packed files, of which the content is wanted.
const UNPACK: &str = "unpack it and name the weight file inside";
/// Weights of other programs.
const OTHER_FRAMEWORK: &str =
    "weights are read as PyTorch's state dict (`torch.save(model.state_dict(), file)`) or as safetensors";
/// Arrays without a form that is agreed on.
const ARRAYS: &str = "arrays become weights with `safetensors.numpy.save_file({name: array, …}, file)`";
const IMAGE: &str = "was a photograph given in place of the weights?";
const VIDEO: &str = "was a video given in place of the weights?";
const NOT_WEIGHTS: &str = "name the file that holds the weights";

/// Bytes at an offset that give a format away, its name with the article, and what helps.
type Magic = (usize, &'static [u8], &'static str, &'static str);

const MAGICS: [Magic; 34] = [
    (0, b"\x1f\x8b", "a gzip file", UNPACK),
    (0, b"BZh", "a bzip2 file", UNPACK),
    (0, b"\xfd7zXZ\0", "an xz file", UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard file", UNPACK),
    (0, b"\x04\x22\x4d\x18", "an LZ4 file", UNPACK),
    (0, b"7z\xbc\xaf", "a 7-Zip archive", UNPACK),
    (0, b"Rar!", "a RAR archive", UNPACK),
    (0, b"\x93NUMPY", "a NumPy array", ARRAYS),
    (0, b"\x89HDF", "an HDF5 file (Keras, TensorFlow)", OTHER_FRAMEWORK),
    (0, b"GGUF", "a GGUF file (llama.cpp)", OTHER_FRAMEWORK),
    (4, b"TFL3", "a TensorFlow Lite model", OTHER_FRAMEWORK),
    (
        0,
        b"\x01\x01\x01\x0dloss_metric_",
        "dlib's face recognition network",
        "it can guide training, nothing else",
    ),
    (0, b"\xff\xd8\xff", "a JPEG image", IMAGE),
    (0, b"\x89PNG", "a PNG image", IMAGE),
    (0, b"GIF8", "a GIF image", IMAGE),
    (0, b"II*\0", "a TIFF image", IMAGE),
    (0, b"MM\0*", "a TIFF image", IMAGE),
    (8, b"WEBP", "a WebP image", IMAGE),
    (8, b"AVI ", "an AVI video", VIDEO),
    (8, b"WAVE", "a sound file", NOT_WEIGHTS),
    (4, b"ftyphei", "a HEIC image", IMAGE),
    (4, b"ftypmif1", "a HEIC image", IMAGE),
    (4, b"ftypavi", "an AVIF image", IMAGE),
    (4, b"ftyp", "an MP4 or QuickTime video", VIDEO),
    (4, b"moov", "a QuickTime video", VIDEO),
    (0, b"\x1a\x45\xdf\xa3", "a Matroska or WebM video", VIDEO),
    (0, b"FLV\x01", "an FLV video", VIDEO),
    (0, b"OggS", "an Ogg file", NOT_WEIGHTS),
    (0, b"ID3", "a sound file", NOT_WEIGHTS),
    (0, b"%PDF", "a PDF document", NOT_WEIGHTS),
    (0, b"\x7fELF", "a program", NOT_WEIGHTS),
    (0, b"SQLite format 3", "an SQLite database", NOT_WEIGHTS),
    (0, b"PK\x07\x08", "one part of a zip archive in parts", UNPACK),
    (0, b"\xd0\xcf\x11\xe0", "an Office document", NOT_WEIGHTS),
];

/// What the first bytes of a file say that it is; `None` where they say nothing.
pub(super) fn named(bytes: &[u8]) -> Option<Error> {
    let found = MAGICS.iter().find(|(at, magic, ..)| bytes.get(*at..at + magic.len()) == Some(magic));
    if let Some(&(_, _, what, help)) = found {
        return Some(Error::OtherFormat { what, help });
    }
    if bytes.starts_with(b"BM") && bytes.get(6..10) == Some(&[0; 4]) {
        return Some(Error::OtherFormat { what: "a BMP image", help: IMAGE });
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return Some(tar(bytes));
    }
    protobuf(bytes).map(|what| Error::OtherFormat { what, help: OTHER_FRAMEWORK })
}

fn tar(bytes: &[u8]) -> Error {
    // The members that PyTorch wrote before it had pickles in a row.
    let first = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    let torch = [&b"storages"[..], b"tensors", b"pickle", b"sys_info"].contains(&first);
    match torch {
        true => Error::OtherFormat {
            what: "a checkpoint in the tar form of 2016",
            help: "load it with PyTorch and save it again",
        },
        false => Error::OtherFormat { what: "a tar archive", help: UNPACK },
    }
}

/// Models in Protocol Buffers, which have no magic number but begin with the same fields.
fn protobuf(bytes: &[u8]) -> Option<&'static str> {
    const BYTES: u8 = 2;
    let field = |number: u8| (number << 3) | BYTES;
    let text =
        |bytes: &[u8]| !bytes.is_empty() && bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    match bytes {
        // The version, then the producer's name or, without one, the graph or the set of operators.
        [0x08, 1..=20, tag, len, rest @ ..]
            if *tag == field(2) && rest.get(..*len as usize).is_some_and(text) =>
        {
            Some("an ONNX model")
        }
        [0x08, 3..=20, tag, ..] if *tag == field(7) || *tag == field(8) => Some("an ONNX model"),
        [0x08, 1, tag, ..] if *tag == field(2) => Some("a TensorFlow SavedModel"),
        // A node that begins with its name and its operation.
        [0x0a, _, 0x0a, len, rest @ ..] if rest.get(..*len as usize).is_some_and(text) => {
            let operation = rest.get(*len as usize..)?;
            matches!(operation, [0x12, len, name @ ..] if name.get(..*len as usize).is_some_and(text))
                .then_some("a TensorFlow graph")
        }
        _ => None,
    }
}

/// What a zip archive is, by the names of its entries, where it cannot be one around a weight file.
pub(super) fn named_zip(names: &[String]) -> Option<Error> {
    let all = |extension: &str| !names.is_empty() && names.iter().all(|name| name.ends_with(extension));
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    let (what, help) = if all(".npy") {
        ("a NumPy archive (.npz)", ARRAYS)
    } else if has("model.weights.h5") {
        ("a Keras model", OTHER_FRAMEWORK)
    } else if has("[Content_Types].xml") {
        ("an Office document", NOT_WEIGHTS)
    } else if has("META-INF/MANIFEST.MF") {
        ("a Java archive", NOT_WEIGHTS)
    } else if names.iter().any(|name| name.ends_with("/saved_model.pb") || name == "saved_model.pb") {
        ("a TensorFlow SavedModel in a zip archive", OTHER_FRAMEWORK)
    } else if names.iter().any(|name| name.ends_with("/data.pkl")) {
        ("a zip archive around the parts of an unpacked checkpoint", "give the file as PyTorch wrote it")
    } else {
        return None;
    };
    Some(Error::OtherFormat { what, help })
}

/// What readable text is, where more can be said than that it is text. `text` has no space at its beginning.
pub(super) fn named_text(text: &str) -> Option<Error> {
    let begins_with = |tag: &str| {
        let beginning = text.get(..tag.len());
        beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(tag))
    };
    if begins_with("<?xml") && text.contains("<net ") {
        return Some(Error::OtherFormat { what: "an OpenVINO model", help: OTHER_FRAMEWORK });
    }
    // Stores of files answer in XML when there is nothing to download.
    if ["<!doctype", "<html", "<head", "<?xml"].into_iter().any(begins_with) {
        return Some(Error::WebPage);
    }
    if begins_with("version https://git-lfs") {
        return Some(Error::GitLfsPointer);
    }
    if text.starts_with('{') && text.contains("\"weight_map\"") {
        let help = "it only lists the files that hold the weights; weights in several files are not read: save them as one";
        return Some(Error::OtherFormat { what: "an index of safetensors files", help });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_formats_are_named_with_what_helps() {
        let at = |offset: usize, magic: &[u8]| [&vec![b' '; offset][..], magic, &[0; 32]].concat();
        for (offset, magic, what, help) in MAGICS {
            let told = named(&at(offset, magic)).unwrap().to_string();
            // A more special one may come first.
            assert!(told.contains(what) && told.contains(help), "{told}");
        }
        let models: [(&[u8], &str); 5] = [
            (b"\x08\x07\x12\x07pytorch\x1a\x05", "an ONNX model"),
            (b"\x08\x08\x3a\x90\x01\x0a", "an ONNX model"),
            (b"\x08\x01\x12\xf3\x0a\x0a", "a TensorFlow SavedModel"),
            (b"\x0a\x20\x0a\x05input\x12\x0bPlaceholder", "a TensorFlow graph"),
            (b"BM\x36\x00\x0c\x00\0\0\0\0\x36\0\0\0", "a BMP image"),
        ];
        for (bytes, what) in models {
            assert!(named(bytes).unwrap().to_string().contains(what), "{what}");
        }
        let header = |first: &str| {
            let mut tar = vec![0; 512];
            tar[..first.len()].copy_from_slice(first.as_bytes());
            tar[257..262].copy_from_slice(b"ustar");
            named(&tar).unwrap().to_string()
        };
        assert!(header("weights/best.pth").contains("a tar archive"));
        assert!(header("sys_info").contains("2016"));
        assert!(named(b"\x09\x01\x02\x03").is_none());
    }

    #[test]
    fn text_and_zip_archives_are_named() {
        let told = |text: &str| named_text(text).unwrap().to_string();
        assert!(told("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>").contains("web page"));
        assert!(told("<?xml version=\"1.0\"?>\n<net name=\"b4\">").contains("OpenVINO"));
        assert!(told("{\"metadata\": {}, \"weight_map\": {").contains("an index of safetensors files"));
        assert!(named_text("epoch 1").is_none());
        let zip = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
            named_zip(&names).map(|error| error.to_string())
        };
        assert!(zip(&["a.npy", "b/c.npy"]).unwrap().contains(".npz"));
        assert!(zip(&["metadata.json", "config.json", "model.weights.h5"]).unwrap().contains("Keras"));
        assert!(
            zip(&["best/archive/data.pkl", "best/archive/data/0"]).unwrap().contains("unpacked checkpoint")
        );
        assert!(zip(&["model/saved_model.pb"]).unwrap().contains("SavedModel"));
        assert_eq!(zip(&["a.npy", "readme.txt"]), None);
        assert_eq!(zip(&[]), None);
    }
}
