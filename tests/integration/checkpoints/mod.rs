//! Weight files: those PyTorch makes, those a stranger might, and those this project writes.

/// Files made by hand that lie, loop, swell or end too early.
mod hostile;
/// Where in a file the state dict stands, and files that are none.
mod keys;
/// Files that PyTorch made.
mod pytorch;
/// Files that this project writes, read again.
mod written;

use sbi::checkpoint::{Checkpoint, Contents, Error, read_from};
use serde_json::Value as Json;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoints")
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(fixtures().join(name)).unwrap()
}

fn expected() -> serde_json::Map<String, Json> {
    let text = fs::read_to_string(fixtures().join("expected.json")).unwrap();
    let json: Json = serde_json::from_str(&text).unwrap();
    json.as_object().unwrap().clone()
}

fn read_bytes(bytes: &[u8]) -> Result<Checkpoint, Error> {
    read_from(Cursor::new(bytes), Contents::Everything)
}

fn outer_zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let stored =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        archive.start_file(*name, stored).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A file in the zip format with this object and eight bytes of storage.
fn torch_zip(object: &[u8]) -> Vec<u8> {
    outer_zip(&[("x/data.pkl", object), ("x/data/0", &[1, 2, 3, 4, 5, 6, 7, 8])])
}

/// A file in the legacy format with this object, and `tail` after it.
fn legacy(object: &[u8], tail: &[u8]) -> Vec<u8> {
    let magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    let protocol = b"\x80\x02M\xe9\x03.";
    [&magic[..], protocol, b"\x80\x02}.", object, tail].concat()
}

/// `{"w": tensor}` over `count` bytes of storage 0; the sizes as opcodes.
fn tensor_object(count: &[u8], offset: &[u8], shape: &[u8], stride: &[u8]) -> Vec<u8> {
    [&b"\x80\x02}X\x01\0\0\0w"[..], &tensor(count, offset, shape, stride), b"s."].concat()
}

/// A tensor as opcodes, over `count` bytes of storage 0; the sizes as opcodes, too.
fn tensor(count: &[u8], offset: &[u8], shape: &[u8], stride: &[u8]) -> Vec<u8> {
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storage",
        &b"ctorch\nByteStorage\nX\x01\0\0\x000X\x03\0\0\0cpu"[..],
        count,
        b"tQ",
        offset,
        b"(",
        shape,
        b"t(",
        stride,
        b"t\x89}tR",
    ]
    .concat()
}
