//! Pickled objects in PyTorch's zip archive. Its checksums would stop most changes, so the archive is made around them.

#![no_main]

use sbi::checkpoint::{Contents, read_from};
use sbi_fuzz::{fixtures, fuzz_target, plant};
use std::io::{Cursor, Read, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Bytes of each storage.
const STORAGE: [u8; 64] = [1; 64];

fn around(object: &[u8]) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut entry = |name: &str, bytes: &[u8]| {
        archive.start_file(name, stored)?;
        archive.write_all(bytes)?;
        zip::result::ZipResult::Ok(())
    };
    entry("x/data.pkl", object)?;
    for key in ["0", "1", "2"] {
        entry(&format!("x/data/{key}"), &STORAGE)?;
    }
    Ok(archive.finish()?.into_inner())
}

/// The objects in the zip archives among the fixtures.
fn objects() -> Vec<Vec<u8>> {
    let object = |file: Vec<u8>| {
        let mut archive = ZipArchive::new(Cursor::new(file)).ok()?;
        let name = archive
            .file_names()
            .filter_map(Result::ok)
            .find(|name| name.ends_with("/data.pkl"))?
            .into_owned();
        let mut object = Vec::new();
        archive.by_name(&name).ok()?.read_to_end(&mut object).ok()?;
        Some(object)
    };
    fixtures("tests/fixtures/checkpoints", 65_536).into_iter().filter_map(object).collect()
}

fuzz_target!(
    init: plant(objects()),
    |object: &[u8]| {
        let file = around(object).expect("an archive in memory can be made");
        let _ = read_from(Cursor::new(file), Contents::Everything);
    }
);
