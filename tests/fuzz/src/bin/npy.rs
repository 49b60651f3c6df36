//! Array files, by everything that reads them: face crops, indices, landmarks, boxes.

#![no_main]

use ndarray::{Ix1, Ix4};
use sbi::npy::{FaceReader, NpyHeader, read_array, read_i64_vec};
use sbi::prepared_frames::{read_boxes, read_landmarks};
use sbi_fuzz::{file, fixtures, folder, fuzz_target, plant};

/// Shape of the face crops.
const FACE: [usize; 3] = [3, 2, 2];

/// Small arrays of each kind that is read.
fn seeds() -> Vec<Vec<u8>> {
    let header = |descr: &str, order: &str, shape: &str, data: usize| {
        let text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let len = (text.len() as u16).to_le_bytes();
        [&b"\x93NUMPY\x01\0"[..], &len, text.as_bytes(), &vec![1; data]].concat()
    };
    let mut seeds = fixtures("tests/fixtures/npy", 4096);
    seeds.push(header("|u1", "False", "(2, 3, 2, 2)", 24));
    seeds.push(header("<i8", "False", "(1, 68, 2)", 68 * 16));
    seeds.push(header("<f8", "True", "(1, 7, 2)", 7 * 16));
    seeds.push(header("<i8", "False", "(3,)", 24));
    seeds.push(header("<f8", "False", "(0,)", 0));
    seeds
}

fuzz_target!(
    init: {
        let _ = folder();
        plant(seeds());
    },
    |bytes: &[u8]| {
        if let Ok((header, _)) = NpyHeader::read(&mut &bytes[..]) {
            let _ = header.data_bytes();
            let again = NpyHeader::read(&mut &header.to_bytes()[..]);
            assert_eq!(again.expect("what is written can be read").0, header);
        }
        let path = file("a.npy", bytes);
        if let Ok(mut faces) = FaceReader::open(&path, FACE) {
            let mut batch = Vec::new();
            while faces.read_batch(4, &mut batch).is_ok_and(|read| read > 0) {
                batch.clear();
            }
        }
        let _ = read_array::<i64, Ix1>(&path);
        let _ = read_array::<u8, Ix4>(&path);
        let _ = (read_i64_vec(&path), read_landmarks(&path), read_boxes(&path));
    }
);
