//! Files made by hand that lie, loop, swell or end too early.

use super::{expected, fixture, legacy, outer_zip, read_bytes, tensor_object, torch_zip};
use proptest::prelude::*;
use sbi::checkpoint::{Contents, Error, read_from};
use std::io::{Cursor, Write};

#[test]
fn a_cut_file_is_never_read() {
    for file in expected().keys() {
        let whole = fixture(file);
        let mut lengths: Vec<usize> = (0..100).map(|percent| whole.len() * percent / 100).collect();
        lengths.extend(whole.len().saturating_sub(30)..whole.len());
        for len in lengths {
            let cut = read_bytes(&whole[..len]);
            assert!(cut.is_err(), "{file} cut at {len} of {}", whole.len());
        }
    }
    let zip = fixture("sgd.zip");
    let cut = read_bytes(&zip[..zip.len() / 2]);
    assert!(matches!(cut, Err(Error::CutZip { .. })), "{cut:?}");
}

#[test]
fn one_wrong_byte_never_panics() {
    for file in expected().keys() {
        let mut bytes = fixture(file);
        for at in 0..bytes.len() {
            let byte = bytes[at];
            // The whole byte, its lowest bit, or a fixed value, in turns.
            bytes[at] = [!byte, byte ^ 1, 0x80][at % 3];
            let _ = read_bytes(&bytes);
            bytes[at] = byte;
        }
    }
}

#[test]
fn hand_made_tensors_are_read() {
    let object = tensor_object(b"K\x08", b"K\x01", b"K\x02K\x03", b"K\x01K\x02");
    let tensor = |bytes: &[u8]| read_bytes(bytes).unwrap().state.get("w").unwrap().to_i64_vec();
    assert_eq!(tensor(&torch_zip(&object)), [2, 4, 6, 3, 5, 7]);
    let tail = b"\x80\x02]X\x01\0\0\x000a.\x08\0\0\0\0\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08";
    assert_eq!(tensor(&legacy(&object, tail)), [2, 4, 6, 3, 5, 7]);
}

#[test]
fn tensors_outside_their_storage_are_refused() {
    let long = |value: i64| [&[0x8a, 8][..], &value.to_le_bytes()].concat();
    let huge = long(i64::MAX);
    let cases: [[&[u8]; 4]; 12] = [
        [b"K\x08", b"K\x01", b"K\x08", b"K\x01"],
        [b"K\x08", b"K\x00", b"K\x09", b"K\x01"],
        [b"K\x08", b"K\x00", b"K\x02", b"K\x08"],
        [b"K\x08", b"J\xff\xff\xff\xff", b"K\x01", b"K\x01"],
        [b"K\x08", b"K\x00", b"J\xff\xff\xff\xff", b"K\x01"],
        [b"K\x08", b"K\x00", b"K\x02", b"J\xff\xff\xff\xff"],
        [b"K\x08", &huge, b"K\x02", &huge],
        [b"K\x08", b"K\x00", &huge, &huge],
        [b"K\x08", b"K\x00", b"K\x01K\x02", b"K\x01"],
        [b"K\x08", b"K\x00", b"K\x01", b"K\x01K\x02"],
        [b"N", b"K\x00", b"K\x01", b"K\x01"],
        [&huge, b"K\x00", b"K\x01", b"K\x01"],
    ];
    for [count, offset, shape, stride] in cases {
        let object = tensor_object(count, offset, shape, stride);
        let error = read_bytes(&torch_zip(&object)).unwrap_err();
        let known = matches!(error, Error::Malformed { .. } | Error::StorageSize { .. });
        assert!(known, "{error}");
    }
    // Many axes whose product overflows, none of which moves.
    let axes = [&huge[..], &huge, &huge].concat();
    let object = tensor_object(b"K\x08", b"K\x00", &axes, b"K\x00K\x00K\x00");
    assert!(matches!(read_bytes(&torch_zip(&object)), Err(Error::Malformed { .. })));
}

#[test]
fn an_empty_tensor_may_have_any_other_axes() {
    let long = [&[0x8a, 8][..], &i64::MAX.to_le_bytes()].concat();
    let shape = [b"K\x00", &long[..], &long].concat();
    let stride = [&long[..], &long, b"K\x01"].concat();
    let object = tensor_object(b"K\x00", b"K\x00", &shape, &stride);
    let zip = outer_zip(&[("x/data.pkl", &object[..]), ("x/data/0", b"")]);
    assert_eq!(read_bytes(&zip).unwrap().state.total_bytes(), 0);
}

#[test]
fn views_of_storages_in_old_files_are_read() {
    // The persistent id's sixth member: view "1", three elements from the second on.
    let object = tensor_object(b"K\x08X\x01\0\0\x001K\x02K\x03\x87", b"K\x01", b"K\x02", b"K\x01");
    let tail = b"\x80\x02]X\x01\0\0\x000a.\x08\0\0\0\0\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08";
    let checkpoint = read_bytes(&legacy(&object, tail)).unwrap();
    assert_eq!(checkpoint.state.get("w").unwrap().to_i64_vec(), [4, 5]);
    let outside = tensor_object(b"K\x08X\x01\0\0\x001K\x02K\x03\x87", b"K\x02", b"K\x02", b"K\x01");
    assert!(read_bytes(&legacy(&outside, tail)).is_err());
}

#[test]
fn broadcasting_cannot_claim_terabytes() {
    let terabyte = [&[0x8a, 8][..], &(1u64 << 40).to_le_bytes()].concat();
    let object = tensor_object(b"K\x08", b"K\x00", &terabyte, b"K\x00");
    let error = read_bytes(&torch_zip(&object)).unwrap_err();
    assert!(matches!(error, Error::OverBudget { .. }), "{error}");
}

#[test]
fn wrong_storages_are_refused() {
    let object = tensor_object(b"K\x08", b"K\x00", b"K\x08", b"K\x01");
    let entries = |bytes| outer_zip(&[("x/data.pkl", &object[..]), ("x/data/0", bytes)]);
    assert!(read_bytes(&entries(&[0; 8])).is_ok());
    assert!(matches!(read_bytes(&entries(&[0; 7])), Err(Error::StorageSize { found: 7, .. })));
    assert!(read_bytes(&entries(&[0; 9])).is_err());
    let none = outer_zip(&[("x/data.pkl", &object[..])]);
    assert!(matches!(read_bytes(&none), Err(Error::NoStorage { key }) if key == "0"));

    let tails: [&[u8]; 6] = [
        b"\x80\x02].",
        b"\x80\x02N.",
        b"\x80\x02]X\x01\0\0\x009a.",
        b"\x80\x02]X\x01\0\0\x000a.\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\x80\x02]X\x01\0\0\x000a.\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x80\x02]X\x01\0\0\x000a.\x08\0\0\0\0\0\0\0\x01\x02\x03",
    ];
    for tail in tails {
        assert!(read_bytes(&legacy(&object, tail)).is_err(), "{tail:?}");
    }
}

#[test]
fn big_endian_is_refused() {
    let object = tensor_object(b"K\x08", b"K\x00", b"K\x08", b"K\x01");
    let zip = outer_zip(&[("x/data.pkl", &object[..]), ("x/byteorder", b"big"), ("x/data/0", &[0; 8])]);
    assert!(matches!(read_bytes(&zip), Err(Error::BigEndian)));
}

#[test]
fn a_lying_zip_entry_is_refused() {
    let object = tensor_object(b"K\x08", b"K\x00", b"K\x08", b"K\x01");
    let honest = torch_zip(&object);
    // Both sizes of the last entry in the table of contents, 20 and 24 bytes into its record.
    let record = honest.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
    for size_at in [record + 20, record + 24] {
        for lie in [0u32, 7, 9, 1 << 20, u32::MAX - 1] {
            let mut zip = honest.clone();
            zip[size_at..size_at + 4].copy_from_slice(&lie.to_le_bytes());
            assert!(read_bytes(&zip).is_err(), "{size_at} {lie}");
        }
    }
}

#[test]
fn a_zip_bomb_is_refused() {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let deflated =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    archive.start_file("weights.pth", deflated).unwrap();
    archive.write_all(b"\x80\x02").unwrap();
    let zeros = vec![0; 1 << 20];
    (0..100).for_each(|_| archive.write_all(&zeros).unwrap());
    let bomb = archive.finish().unwrap().into_inner();
    let error = read_bytes(&bomb).unwrap_err();
    assert!(error.to_string().contains("would unpack"), "{error}");
}

#[test]
fn cycles_depth_and_bombs_end_in_errors() {
    // A dict that holds itself as `model`; a list that holds itself beside a state dict.
    let own_model = b"\x80\x02}q\x00X\x05\0\0\0modelh\x00s.";
    assert!(matches!(read_bytes(&torch_zip(own_model)), Err(Error::NotATensor { .. })));
    let beside = |value: &[u8]| [b"\x80\x02}(X\x05\0\0\0model}X\x01\0\0\0x", value, &b"u."[..]].concat();
    let cycle = beside(b"]q\x00h\x00a");
    assert!(matches!(read_bytes(&torch_zip(&cycle)), Err(Error::TooDeep { .. })));
    let deep = beside(&[&b")"[..], &b"\x85".repeat(100_000)].concat());
    assert!(matches!(read_bytes(&torch_zip(&deep)), Err(Error::TooDeep { .. })));
    // Forty lists, each holding the one before twice.
    let mut lists = b"]q\x00".to_vec();
    for level in 0..40u8 {
        lists.extend([b'0', b']', b'q', level + 1, b'(', b'h', level, b'h', level, b'e']);
    }
    let bomb = beside(&lists);
    assert!(matches!(read_bytes(&torch_zip(&bomb)), Err(Error::OverBudget { .. })));
    // Whoever wants only the weights is not troubled by any of it.
    for object in [cycle, deep, bomb] {
        let weights = read_from(Cursor::new(torch_zip(&object)), Contents::Weights);
        assert!(weights.unwrap().state.is_empty());
    }
}

#[test]
fn code_in_a_pickle_is_only_a_name() {
    let call = b"\x80\x02cos\nsystem\n(X\x08\0\0\0touch /xtR.";
    let error = read_bytes(&torch_zip(call)).unwrap_err();
    assert!(error.to_string().contains("an object of os.system"), "{error}");
    let as_weight = b"\x80\x02}X\x05\0\0\0model}X\x01\0\0\0wcos\nsystem\n)Rss.";
    let error = read_bytes(&torch_zip(as_weight)).unwrap_err();
    assert!(matches!(error, Error::NotATensor { .. }), "{error}");
    let as_magic = b"\x80\x02cos\nsystem\n)R.";
    assert!(matches!(read_bytes(as_magic), Err(Error::Malformed { at: 0, .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read_bytes(&bytes);
        let _ = read_bytes(&torch_zip(&bytes));
        let _ = read_bytes(&legacy(&bytes, b""));
        let _ = read_bytes(&[b"PK\x03\x04", &bytes[..]].concat());
        let len = (bytes.len() as u64).to_le_bytes();
        let _ = read_bytes(&[&len[..], b"{", &bytes].concat());
    }

    #[test]
    fn random_opcodes_never_panic(ops in prop::collection::vec(prop::sample::select(
        b"(.0123NKJM)]}\x85\x86\x87\x88\x89atseubqhRQ\x81\x93\x94ldo".to_vec()), 0..200))
    {
        let _ = read_bytes(&torch_zip(&ops));
        let _ = read_bytes(&legacy(&ops, b"\x80\x02]."));
    }
}
