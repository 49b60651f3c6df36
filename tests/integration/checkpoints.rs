//! Weight files: those PyTorch makes, those a stranger might, and those this project writes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use sbi::checkpoint::{
    read, read_from, read_with_optimizer, write_bare_torch, write_safetensors, write_torch, Checkpoint,
    Contents, DType, Error, Format, StateDict, TensorData, Value,
};
use serde_json::Value as Json;

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

/// Compares with the dtype, shape and values that the fixture script wrote down.
fn assert_tensor(tensor: &TensorData, truth: &Json, context: &str) {
    assert_eq!(tensor.dtype().name(), truth["dtype"], "{context}");
    let shape: Vec<Json> = tensor.shape().iter().map(|&n| n.into()).collect();
    assert_eq!(Json::from(shape), truth["shape"], "{context}");
    let values = truth["values"].as_array().unwrap().iter();
    let values: Vec<f32> = values.map(|x| x.as_f64().unwrap() as f32).collect();
    assert_eq!(tensor.to_f32_vec(), values, "{context}");
}

#[test]
fn fixtures_hold_what_pytorch_put_in() {
    for (file, truth) in expected() {
        let path = fixtures().join(&file);
        let checkpoint = read(&path).unwrap_or_else(|error| panic!("{error}"));
        assert!(checkpoint.optimizer.is_none() && checkpoint.extra.is_empty());
        assert_eq!(checkpoint.epoch, truth["epoch"].as_i64(), "{file}");
        let names: Vec<&str> = checkpoint.state.names().collect();
        let state = truth["state"].as_object().unwrap();
        let mut known: Vec<&str> = state.keys().map(String::as_str).collect();
        // The safetensors library writes in an order of its own.
        if checkpoint.format == Format::Safetensors {
            known.sort_by_key(|name| names.iter().position(|n| n == name));
        }
        assert_eq!(names, known, "{file}");
        for (name, tensor) in checkpoint.state.iter() {
            assert_tensor(tensor, &state[name], &format!("{file}: {name}"));
        }
        let everything = read_with_optimizer(&path).unwrap();
        assert_eq!(everything.state, checkpoint.state, "{file}");
    }
}

#[test]
fn optimizer_state_comes_back() {
    for (file, truth) in expected() {
        let Some(slots) = truth.get("optimizer").and_then(Json::as_array) else {
            continue;
        };
        let checkpoint = read_with_optimizer(&fixtures().join(&file)).unwrap();
        let optimizer = checkpoint.optimizer.unwrap();
        let Some(Value::Dict(states)) = optimizer.get("state") else {
            panic!("{file}: no state");
        };
        assert_eq!(states.len(), slots.len(), "{file}");
        for ((key, state), slot) in states.iter().zip(slots) {
            for (name, truth) in slot.as_object().unwrap() {
                let context = format!("{file}: {key:?} {name}");
                let Some(Value::Tensor(tensor)) = state.get(name) else {
                    panic!("{context} is no tensor");
                };
                assert_tensor(tensor, truth, &context);
            }
        }
        let Some(Value::List(groups)) = optimizer.get("param_groups") else {
            panic!("{file}: no groups");
        };
        assert_eq!(groups[0].get("momentum"), Some(&Value::Float(0.9)), "{file}");
    }
}

#[test]
fn objects_of_other_classes_are_opaque() {
    for file in ["strange.zip", "strange.legacy"] {
        let checkpoint = read_with_optimizer(&fixtures().join(file)).unwrap();
        let extra: BTreeMap<_, _> = checkpoint.extra.into_iter().collect();
        let opaque = |class: &str| Value::Opaque { class: class.to_owned() };
        assert_eq!(extra["args"], opaque("argparse.Namespace"), "{file}");
        assert_eq!(extra["best"], opaque("numpy.core.multiarray.scalar"), "{file}");
        assert_eq!(extra["big"], opaque("int"), "{file}");
        assert_eq!(extra["complex"], opaque("torch.Tensor"), "{file}");
        assert_eq!(extra["size"], Value::Tuple(vec![Value::Int(1), Value::Int(2)]), "{file}");
        let optimizer = opaque("torch.optim.sgd.SGD");
        assert_eq!(checkpoint.optimizer, Some(optimizer), "{file}");
    }
}

#[test]
fn formats_are_told_by_the_bytes() {
    let format = |file: &str| read(&fixtures().join(file)).unwrap().format;
    assert_eq!(format("sgd.zip"), Format::TorchZip);
    assert_eq!(format("sgd.legacy"), Format::TorchLegacy);
    assert_eq!(format("deflated_sgd.legacy.outer"), Format::TorchLegacy);
    assert_eq!(format("stored_sgd.zip.outer"), Format::TorchZip);
    let safetensors = read(&fixtures().join("dtypes.safetensors")).unwrap();
    assert_eq!(safetensors.format, Format::Safetensors);
    assert_eq!(safetensors.metadata["made by"], "make.py");
}

#[test]
fn refuses_with_a_message_of_its_own() {
    let message = |file: &str| read(&fixtures().join(file)).unwrap_err().to_string();
    let script = message("refused_torchscript.zip");
    assert!(script.contains("TorchScript") && script.contains("refused_torchscript.zip"));
    let module = message("refused_module.zip");
    assert!(module.contains("no state dict") && module.contains("Net"), "{module}");
    assert!(message("refused_list.legacy").contains("a list of 2"));
    assert!(message("no such file").contains("no such file"));
    let none = outer_zip(&[("a.txt", b"text"), ("b.txt", b"text")]);
    assert!(matches!(read_bytes(&none), Err(Error::NotOneInZip { found: 0, .. })));
    let weights = fixture("sgd.zip");
    let two = outer_zip(&[("a.pt", &weights), ("b.pt", &weights)]);
    assert!(matches!(read_bytes(&two), Err(Error::NotOneInZip { found: 2, .. })));
    let twice = outer_zip(&[("a.zip", &outer_zip(&[("b.pt", &weights)]))]);
    assert!(read_bytes(&twice).is_ok());
    let thrice = outer_zip(&[("a.zip", &twice)]);
    assert!(matches!(read_bytes(&thrice), Err(Error::NotOneInZip { .. })));
}

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

// Hand-made files.

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
    [
        b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storage",
        &b"ctorch\nByteStorage\nX\x01\0\0\x000X\x03\0\0\0cpu"[..],
        count,
        b"tQ",
        offset,
        b"(",
        shape,
        b"t(",
        stride,
        b"t\x89}tRs.",
    ]
    .concat()
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

// What this project writes.

fn any_tensor() -> impl Strategy<Value = TensorData> {
    let shape = prop::collection::vec(0usize..4, 0..4);
    (prop::sample::select(DType::ALL.to_vec()), shape).prop_flat_map(|(dtype, shape)| {
        let len = shape.iter().product::<usize>() * dtype.size();
        let byte = if dtype == DType::Bool { 0..=1u8 } else { 0..=255 };
        prop::collection::vec(byte, len)
            .prop_map(move |data| TensorData::new(dtype, shape.clone(), data).unwrap())
    })
}

fn any_state() -> impl Strategy<Value = StateDict> {
    let names = prop::collection::btree_map("[a-z0-9_.ü]{1,12}", any_tensor(), 0..6);
    let unprefixed = |name: &String| !name.starts_with("module.");
    names.prop_map(move |tensors| {
        let mut state = StateDict::new();
        for (name, tensor) in tensors.into_iter().rev().filter(|(n, _)| unprefixed(n)) {
            state.insert(name, tensor).unwrap();
        }
        state
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-1e9..1e9).prop_map(Value::Float),
        "[a-z ü]{0,8}".prop_map(Value::Str),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(Value::Bytes),
        any_tensor().prop_map(Value::Tensor),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let pair = (any::<i64>().prop_map(Value::Int), inner.clone());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::vec(inner, 0..4).prop_map(Value::Tuple),
            prop::collection::vec(pair, 0..4).prop_map(Value::Dict),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn torch_files_come_back(
        state in any_state(),
        optimizer in prop::option::of(any_value()),
        epoch in any::<Option<i64>>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        write_torch(&path, &state, optimizer.as_ref(), epoch).unwrap();
        let back = read_with_optimizer(&path).unwrap();
        prop_assert_eq!(&back.state, &state);
        prop_assert!(back.state.names().eq(state.names()));
        prop_assert_eq!(back.optimizer, optimizer);
        prop_assert_eq!(back.epoch, epoch);
        let bytes = fs::read(&path).unwrap();
        write_bare_torch(&path, &state).unwrap();
        prop_assert_eq!(&read(&path).unwrap().state, &state);
        let again = folder.path().join("b.tar");
        write_torch(&again, &state, read_bytes(&bytes).unwrap().optimizer.as_ref(), epoch).unwrap();
        prop_assert_eq!(fs::read(again).unwrap(), bytes);
    }

    #[test]
    fn safetensors_files_come_back(state in any_state()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let metadata = BTreeMap::from([("epoch".to_owned(), "3".to_owned())]);
        write_safetensors(&path, &state, &metadata).unwrap();
        let back = read(&path).unwrap();
        prop_assert_eq!(back.state.len(), state.len());
        for (name, tensor) in state.iter() {
            prop_assert_eq!(back.state.get(name), Some(tensor));
        }
        prop_assert_eq!(back.metadata, metadata);
    }

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
