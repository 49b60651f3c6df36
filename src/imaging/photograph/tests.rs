//! Photographs of every kind, whole and damaged. `scripts/make_image_fixtures.py` makes the files and tells what they hold.

mod damage;
mod pixels;

use super::*;
use std::path::Path;

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images");
    std::fs::read(folder.join(name)).unwrap()
}

/// All fixtures but those that only HEIC and AVIF decoders read.
fn fixtures() -> impl Iterator<Item = (String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images");
    let mut names: Vec<String> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names.into_iter().filter(|name| name != "reference.csv").map(|name| (name.clone(), fixture(&name)))
}

/// All pages that the header speaks of, as far as they can be decoded.
fn read_all(bytes: &[u8]) -> Result<(Vec<RgbImage>, PhotographReport), PhotographError> {
    let photograph = Photograph::open(bytes, PIXEL_LIMIT)?;
    let wanted: Vec<usize> = (0..photograph.pages().min(64)).collect();
    let mut pages = Vec::new();
    let report = photograph.read_pages(&wanted, |page, image| {
        assert_eq!(page, pages.len());
        pages.push(image);
        ControlFlow::Continue(())
    })?;
    Ok((pages, report))
}
