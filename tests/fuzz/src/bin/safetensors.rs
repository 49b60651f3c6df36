//! Headers of safetensors files, between their right length and as many bytes of tensors as the first two bytes say.

#![no_main]

use sbi::checkpoint::{Contents, read_from};
use sbi::metrics::Calibration;
use sbi::model::InputSpec;
use sbi_fuzz::{fixtures, fuzz_target, plant};
use std::io::Cursor;

/// Inputs of this target from the files among the fixtures, and some headers.
fn seeds() -> Vec<Vec<u8>> {
    let header = |file: Vec<u8>| {
        let (len, rest) = file.split_first_chunk::<8>()?;
        let header = rest.get(..usize::try_from(u64::from_le_bytes(*len)).ok()?)?;
        header.starts_with(b"{").then(|| {
            let tensors = (rest.len() - header.len()) as u16;
            [&tensors.to_le_bytes()[..], header].concat()
        })
    };
    let made: [&[u8]; 3] = [
        b"\x04\0{\"a.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
        b"\x06\0{\"__metadata__\":{\"image_size\":\"224\",\"normalisation\":\"imagenet\",\"threshold\":\"0.5\",\"temperature\":\"1.5\",\"epoch\":\"3\"},\"x\":{\"dtype\":\"BF16\",\"shape\":[1,3],\"data_offsets\":[0,6]}}",
        b"\0\0{\"__metadata__\":{\"sbi_sha256\":\"00\"},\"e\":{\"dtype\":\"BOOL\",\"shape\":[0,18446744073709551615],\"data_offsets\":[0,0]}}",
    ];
    let made = made.into_iter().map(<[u8]>::to_vec);
    fixtures("tests/fixtures/checkpoints", 16_384).into_iter().filter_map(header).chain(made).collect()
}

fuzz_target!(
    init: plant(seeds()),
    |bytes: &[u8]| {
        let Some((tensors, header)) = bytes.split_first_chunk::<2>() else { return };
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(header);
        file.resize(file.len() + usize::from(u16::from_le_bytes(*tensors)), 1);
        if let Ok(file) = read_from(Cursor::new(file), Contents::Everything) {
            let _ = (InputSpec::from_metadata(&file.metadata), Calibration::from_metadata(&file.metadata));
        }
    }
);
