//! Files that are cut, changed, or lie about themselves.

use super::*;
use proptest::prelude::*;

/// How many rows the report says that there are. None where it says nothing of rows.
fn rows_told(report: &PhotographReport) -> Option<usize> {
    let damage = report.damage.as_ref()?;
    damage.strip_prefix("the file breaks off after ")?.split(' ').next()?.parse().ok()
}

#[test]
fn cut_photographs_are_told_wherever_they_break_off() {
    for (name, bytes) in fixtures() {
        if name.ends_with("heic") || name.ends_with("avif") || name.starts_with("text") {
            continue;
        }
        let (whole, _) = read_all(&bytes).unwrap();
        for share in 1..20 {
            let cut = &bytes[..bytes.len() * share / 20];
            match read_all(cut) {
                Err(_) => {}
                Ok((pages, report)) => {
                    let same = pages == whole;
                    assert!(same || report.damage.is_some(), "{name}, {share}/20: a cut that is not told");
                }
            }
        }
    }
}

#[test]
fn rows_above_the_cut_are_those_of_the_whole() {
    for name in [
        "420.jpg",
        "444.jpg",
        "restarts.jpg",
        "grey.jpg",
        "rgb16.png",
        "opacity.png",
        "lzw.tiff",
        "planes.tiff",
    ] {
        let bytes = fixture(name);
        let (whole, _) = read_all(&bytes).unwrap();
        let mut most = 0;
        for length in bytes.len() / 3..bytes.len() - 30 {
            let Ok((pages, report)) = read_all(&bytes[..length]) else { continue };
            let Some(rows) = rows_told(&report) else {
                assert!(report.damage.is_none() && pages == whole, "{name}, {length} bytes: {report:?}");
                continue;
            };
            most = most.max(rows);
            // Colours at half resolution are enlarged with those of the row below.
            let certain = rows.saturating_sub(1) * whole[0].width() * 3;
            assert_eq!(pages[0].data()[..certain], whole[0].data()[..certain], "{name}, {length} bytes");
        }
        assert!(most > whole[0].height() / 4, "{name}: at most {most} rows");
    }
}

#[test]
fn a_cut_progressive_jpeg_is_told_in_every_scan() {
    for name in ["progressive.jpg", "progressive_444.jpg"] {
        let bytes = fixture(name);
        let (whole, _) = read_all(&bytes).unwrap();
        let (mut rows, mut details) = (0, 0);
        for length in 1..bytes.len() - 2 {
            match read_all(&bytes[..length]) {
                Err(error) => assert!(rows == 0 && details == 0, "{name}, {length} bytes: {error}"),
                Ok((pages, report)) => {
                    let damage = report.damage.unwrap_or_default();
                    rows += usize::from(damage.contains(" rows"));
                    details += usize::from(damage.contains("details"));
                    // The last bits of the last scan may say nothing.
                    assert!(!damage.is_empty() || pages == whole, "{name}, {length} bytes");
                }
            }
        }
        assert!(rows > 100 && details > 100, "{name}: {rows} {details}");
    }
}

#[test]
fn what_follows_a_jpeg_and_a_missing_end_are_no_damage() {
    for name in ["420.jpg", "progressive.jpg", "grey.jpg", "inks.jpg", "restarts.jpg"] {
        let bytes = fixture(name);
        let whole = read_all(&bytes).unwrap();
        let garbage = [&bytes[..], b"\x01\xFF\xD8\xFF\xDAgarbage\xFF"].concat();
        assert!(read_all(&garbage).unwrap() == whole, "{name} with garbage");
        assert!(read_all(&bytes[..bytes.len() - 2]).unwrap() == whole, "{name} without its end");
        let filled = [&bytes[..bytes.len() - 2], &[0; 64], b"\xFF\xD9"].concat();
        assert!(read_all(&filled).unwrap() == whole, "{name} with filling");
    }
}

#[test]
fn broken_coefficients_are_told() {
    let bytes = fixture("444.jpg");
    let middle = bytes.len() / 2;
    let mut told = 0;
    const PLACES: usize = 200;
    for at in middle..middle + PLACES {
        let mut broken = bytes.clone();
        for byte in &mut broken[at..at + 12] {
            *byte ^= 0x5A;
        }
        let (_, report) = read_all(&broken).unwrap();
        told += usize::from(report.damage.is_some_and(|damage| damage.contains(" rows")));
    }
    // Codes may fall into step again by chance.
    assert!(told > PLACES / 2, "{told} of {PLACES}");
}

#[test]
fn animations_that_break_off_show_what_is_there() {
    let bytes = fixture("moving.png");
    let (pages, report) = read_all(&bytes[..bytes.len() - 100]).unwrap();
    assert_eq!(pages.len(), 3);
    assert_eq!(report.damage.as_deref(), Some("the file breaks off after 3 of 4 frames"));
}

/// A header that promises `side` x `side` pixels, and little else.
fn huge(format: ImageFormat, side: u32) -> Vec<u8> {
    match format {
        ImageFormat::Png => {
            let mut out = fixture("opacity.png");
            out[16..20].copy_from_slice(&side.to_be_bytes());
            out[20..24].copy_from_slice(&side.to_be_bytes());
            let mut sum = flate2::Crc::new();
            sum.update(&out[12..29]);
            out[29..33].copy_from_slice(&sum.sum().to_be_bytes());
            out
        }
        ImageFormat::Bmp => {
            let mut out = fixture("rgb.bmp");
            out[18..22].copy_from_slice(&side.to_le_bytes());
            out[22..26].copy_from_slice(&side.to_le_bytes());
            out
        }
        ImageFormat::Pnm => format!("P6 {side} {side} 255\nxxx").into_bytes(),
        ImageFormat::Tiff => {
            let mut out = b"II*\0\x08\0\0\0\x05\0".to_vec();
            for (tag, value) in [(256u16, side), (257, side), (258, 8), (262, 1), (273, 8)] {
                out.extend_from_slice(&tag.to_le_bytes());
                out.extend_from_slice(&[4, 0, 1, 0, 0, 0]);
                out.extend_from_slice(&value.to_le_bytes());
            }
            out.extend_from_slice(&[0; 4]);
            out
        }
        _ => {
            let mut out = fixture("420.jpg");
            let frame = out.windows(2).position(|pair| pair == b"\xFF\xC0").unwrap();
            out[frame + 5..frame + 9].copy_from_slice(&[(side as u16).to_be_bytes(); 2].concat());
            out
        }
    }
}

#[test]
fn too_many_pixels_are_refused_before_anything_else() {
    use ImageFormat::{Bmp, Jpeg, Png, Pnm, Tiff};
    const SIDE: u32 = 65500;
    for format in [Jpeg, Png, Bmp, Pnm, Tiff] {
        let error = Photograph::open(&huge(format, SIDE), PIXEL_LIMIT).err().unwrap();
        let side = SIDE as usize;
        let expected = PhotographError::TooLarge { width: side, height: side, limit: PIXEL_LIMIT };
        assert_eq!(error, expected, "{format}");
        let error = Photograph::open(&huge(format, 0), PIXEL_LIMIT).err().unwrap();
        assert!(matches!(error, PhotographError::Unreadable { .. }), "{format}: {error}");
    }
    for (name, bytes) in fixtures() {
        let Ok(photograph) = Photograph::open(&bytes, PIXEL_LIMIT) else { continue };
        let (width, height) = photograph.size();
        let pixels = (width * height) as u64;
        // Tiles reach beyond the image.
        assert!(name == "tiles.tiff" || Photograph::open(&bytes, pixels).is_ok(), "{name}");
        assert!(
            matches!(Photograph::open(&bytes, pixels - 1), Err(PhotographError::TooLarge { .. })),
            "{name}"
        );
    }
}

#[test]
fn unknown_formats_are_refused() {
    for bytes in [&b""[..], b"no photograph", b"GIF89a\x01\0\x01\0", b"\xFF\xD8"] {
        assert!(matches!(Photograph::open(bytes, PIXEL_LIMIT), Err(PhotographError::NotAPhotograph)));
    }
}

#[test]
fn a_jpeg_of_endless_scans_is_refused() {
    let bytes = fixture("progressive.jpg");
    let scan = bytes.windows(2).rposition(|pair| pair == b"\xFF\xDA").unwrap();
    let last = &bytes[scan..bytes.len() - 2];
    let many = [&bytes[..bytes.len() - 2], &last.repeat(600), b"\xFF\xD9"].concat();
    let error = read_all(&many).unwrap_err();
    assert!(error.to_string().contains("500 scans"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn changed_bytes_never_cause_a_panic(
        file in 0..fixtures().count(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let (_, mut bytes) = fixtures().nth(file).unwrap();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        // Small enough that a header that lies costs little time.
        const LIMIT: u64 = 1 << 20;
        if let Ok(photograph) = Photograph::open(&bytes, LIMIT) {
            let (width, height) = photograph.size();
            prop_assert!((width * height) as u64 <= LIMIT);
            let _ = photograph.read_pages(&[0, 1, 5], |_, image| {
                assert!((image.width() * image.height()) as u64 <= LIMIT);
                ControlFlow::Continue(())
            });
        }
    }
}
