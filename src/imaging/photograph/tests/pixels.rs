//! Pixels are those of the reference.

use super::*;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

fn hash(image: &RgbImage) -> String {
    Sha256::digest(image.data()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn pixels_are_those_of_opencv() {
    let mut table = csv::Reader::from_reader(std::io::Cursor::new(fixture("reference.csv")));
    let mut expected: BTreeMap<String, Vec<(usize, usize, String)>> = BTreeMap::new();
    for row in table.records().map(Result::unwrap) {
        let pages = expected.entry(row[0].to_owned()).or_default();
        assert_eq!(row[1], pages.len().to_string());
        pages.push((row[2].parse().unwrap(), row[3].parse().unwrap(), row[4].to_owned()));
    }
    assert!(expected.len() > 60);
    let mut differing = Vec::new();
    for (name, expected) in expected {
        match read_all(&fixture(&name)) {
            Ok((pages, report)) => {
                let found: Vec<_> =
                    pages.iter().map(|page| (page.width(), page.height(), hash(page))).collect();
                if found != expected || report.damage.is_some() {
                    differing.push(format!("{name}: {report:?}"));
                }
                let is_transparent = name.contains("opacity") || name == "moving.png";
                assert_eq!(!report.remarks.is_empty(), is_transparent, "{name}: {report:?}");
                let size = Photograph::open(&fixture(&name), PIXEL_LIMIT).unwrap().size();
                assert_eq!(size, (pages[0].width(), pages[0].height()), "{name}");
            }
            Err(error) => differing.push(format!("{name}: {error}")),
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
}

#[test]
fn single_pages_are_those_of_the_whole() {
    for name in ["moving.png", "moving.webp", "pages.tiff"] {
        let bytes = fixture(name);
        let (pages, _) = read_all(&bytes).unwrap();
        assert!(pages.len() >= 3);
        let photograph = Photograph::open(&bytes, PIXEL_LIMIT).unwrap();
        assert_eq!(photograph.pages(), pages.len());
        for (number, page) in pages.iter().enumerate() {
            let mut found = Vec::new();
            let wanted = [number, number, 99];
            photograph
                .read_pages(&wanted, |at, image| {
                    found.push((at, image));
                    ControlFlow::Continue(())
                })
                .unwrap();
            assert!(found == [(number, page.clone())], "{name}, page {number}");
        }
        let mut calls = 0;
        photograph
            .read_pages(&[0, 1, 2], |_, _| {
                calls += 1;
                ControlFlow::Break(())
            })
            .unwrap();
        assert_eq!(calls, 1, "{name}");
        assert_eq!(photograph.read().unwrap().0, pages[0]);
        photograph.read_pages(&[], |_, _| panic!("none was wanted")).unwrap();
    }
}

#[test]
fn heic_and_avif_come_out_upright() {
    if !preload() {
        let error = Photograph::open(&fixture("upright.heic"), PIXEL_LIMIT).err().unwrap();
        assert!(matches!(error, PhotographError::NeedsLibrary { format: ImageFormat::Heif, .. }), "{error}");
        return;
    }
    let (upright, _) = Photograph::open(&fixture("upright.png"), PIXEL_LIMIT).unwrap().read().unwrap();
    for name in ["upright.heic", "turned.heic", "upright.avif", "turned.avif"] {
        let (pages, report) = read_all(&fixture(name)).unwrap();
        let [image] = &pages[..] else { panic!("one page") };
        assert_eq!(
            (image.width(), image.height(), &report),
            (41, 31, &PhotographReport::default()),
            "{name}"
        );
        let sum: u64 = image.data().iter().zip(upright.data()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        let mean = sum as f64 / image.data().len() as f64;
        assert!(mean < 6.0, "{name}: {mean} on average from what was encoded");
    }
    for name in ["opacity.heic", "opacity.avif"] {
        let (pages, report) = read_all(&fixture(name)).unwrap();
        let hidden = pages[0].pixel(4, 15);
        assert!(hidden.iter().all(|value| value.abs_diff(128) < 4), "{name}: {hidden:?}");
        assert_eq!(report.remarks.len(), 1, "{name}: {report:?}");
    }
}
