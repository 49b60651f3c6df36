//! Photographs of every format, all their pages.

#![no_main]

use sbi::imaging::Photograph;
use sbi_fuzz::{fixtures, fuzz_target, plant};
use std::ops::ControlFlow;

/// Small enough that no input takes long.
const PIXELS: u64 = 1 << 20;

fuzz_target!(
    init: {
        // Once, because it loads a library.
        sbi::imaging::preload();
        plant(fixtures("tests/fixtures/images", 20_000));
    },
    |bytes: &[u8]| {
        let Ok(photograph) = Photograph::open(bytes, PIXELS) else { return };
        let (width, height) = photograph.size();
        assert!(width > 0 && height > 0 && (width as u64) * (height as u64) <= PIXELS);
        let wanted: Vec<usize> = (0..photograph.pages().min(3)).collect();
        let _ = photograph.read_pages(&wanted, |_, image| {
            assert_eq!(image.data().len(), image.width() * image.height() * 3);
            ControlFlow::Continue(())
        });
    }
);
