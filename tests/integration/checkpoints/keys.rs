//! Where in a file the state dict stands, and what files are that hold none.

use super::{outer_zip, read_bytes, tensor, torch_zip};
use sbi::checkpoint::{self, Checkpoint, Error};

fn text(text: &str) -> Vec<u8> {
    [&b"X"[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

fn dict(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entries: Vec<u8> =
        entries.iter().flat_map(|(key, value)| [text(key), value.clone()].concat()).collect();
    [&b"}("[..], &entries, b"u"].concat()
}

/// A state dict of one vector, whose first number is `first`.
fn state(first: u8) -> Vec<u8> {
    dict(&[("w", tensor(b"K\x08", &[b'K', first - 1], b"K\x01", b"K\x01"))])
}

fn scalar() -> Vec<u8> {
    tensor(b"K\x08", b"K\x00", b"", b"")
}

fn file(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    torch_zip(&[&b"\x80\x02"[..], &dict(entries), b"."].concat())
}

fn read(entries: &[(&str, Vec<u8>)]) -> Checkpoint {
    read_bytes(&file(entries)).unwrap_or_else(|error| panic!("{error}"))
}

/// Which state dict was read, and the note.
fn chosen(entries: &[(&str, Vec<u8>)]) -> (i64, String) {
    let checkpoint = read(entries);
    (checkpoint.state.get("w").unwrap().to_i64_vec()[0], checkpoint.origin.note().unwrap_or_default())
}

#[test]
fn the_file_of_pytorchs_tutorial_is_read() {
    let optimizer = || dict(&[("state", b"}".to_vec()), ("param_groups", b"]".to_vec())]);
    let entries = [
        ("epoch", b"K\x05".to_vec()),
        ("model_state_dict", state(3)),
        ("optimizer_state_dict", optimizer()),
        ("loss", scalar()),
    ];
    let told = "the weights are those under the key `model_state_dict`".to_owned();
    assert_eq!(chosen(&entries), (3, told));
    let checkpoint = read(&entries);
    assert_eq!(checkpoint.epoch, Some(5));
    assert!(checkpoint.optimizer.is_some());
    assert_eq!(chosen(&[("model", state(2)), ("optimizer", optimizer())]), (2, String::new()));
}

#[test]
fn the_only_dict_of_tensors_is_taken_whatever_its_key() {
    for key in ["weights", "detector", "ema", "generator"] {
        let (first, note) =
            chosen(&[("args", dict(&[("lr", b"K\x01".to_vec())])), (key, state(4)), ("loss", scalar())]);
        assert_eq!((first, note), (4, format!("the weights are those under the key `{key}`")));
    }
}

#[test]
fn of_several_the_known_key_goes_first_and_averages_last() {
    let (first, note) = chosen(&[("state_dict_ema", state(1)), ("state_dict", state(2))]);
    assert_eq!(first, 2);
    assert!(note.ends_with("`state_dict`; those under `state_dict_ema` are not used"), "{note}");
    assert_eq!(chosen(&[("net", state(1)), ("state_dict", state(2)), ("model", state(3))]).0, 3);
    assert_eq!(chosen(&[("ema", state(1)), ("weights", state(2))]).0, 2);
    let vector = || tensor(b"K\x08", b"K\x04", b"K\x01", b"K\x01");
    let (first, note) = chosen(&[("other", state(1)), ("w", vector())]);
    assert_eq!(first, 5);
    assert!(note.contains("at the top of the file; those under `other`"), "{note}");
    for keys in [["generator", "discriminator"], ["ema", "swa"]] {
        let several = read_bytes(&file(&[(keys[0], state(1)), (keys[1], state(2))]));
        assert!(matches!(several, Err(Error::SeveralStateDicts { keys: found }) if found == keys));
    }
}

#[test]
fn a_key_can_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.pth");
    std::fs::write(&path, file(&[("model", state(1)), ("model_ema", state(2))])).unwrap();
    let ema = checkpoint::read_under(&path, "model_ema").unwrap();
    assert_eq!(ema.state.get("w").unwrap().to_i64_vec(), [2]);
    let error = checkpoint::read_under(&path, "optimizer").unwrap_err().to_string();
    assert!(error.contains("two.pth: no state dict under the key `optimizer`"), "{error}");
    let safetensors = folder.path().join("a.safetensors");
    checkpoint::write_safetensors(&safetensors, &ema.state, &Default::default()).unwrap();
    let error = checkpoint::read_under(&safetensors, "model").unwrap_err().to_string();
    assert!(error.contains("no keys"), "{error}");
}

#[test]
fn one_dict_under_very_many_keys_is_looked_at_once() {
    const MANY: usize = 20_000;
    let entry = |number: usize| [text(&number.to_string()), b"K\x01".to_vec()].concat();
    let shared: Vec<u8> = (0..MANY).flat_map(entry).collect();
    let keys: Vec<u8> =
        (0..MANY).flat_map(|number| [text(&number.to_string()), b"h\x00".to_vec()].concat()).collect();
    let object = [&b"\x80\x02}(X\x01\0\0\0s}q\x00("[..], &shared, b"u", &keys, b"u."].concat();
    let started = std::time::Instant::now();
    assert!(matches!(read_bytes(&torch_zip(&object)), Err(Error::NoStateDict { .. })));
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}

#[test]
fn archives_of_other_programs_are_named() {
    let refused = |entries: &[(&str, &[u8])], what: &str| {
        let error = read_bytes(&outer_zip(entries)).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    };
    let array = b"\x93NUMPY\x01\0v\0{'descr': '<f4'";
    refused(&[("arr_0.npy", array), ("arr_1.npy", array)], "a NumPy archive (.npz)");
    refused(&[("config.json", b"{}"), ("model.weights.h5", b"\x89HDF")], "a Keras model");
    refused(&[("x/archive/data.pkl", b"\x80\x02}."), ("x/archive/data/0", b"0")], "an unpacked checkpoint");
    refused(&[("a.jpg", b"\xff\xd8\xff\xe0"), ("b.jpg", b"\xff\xd8\xff\xe0")], "exactly one weight file");
}
