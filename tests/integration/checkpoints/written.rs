//! Files that this project writes, read again.

use super::read_bytes;
use proptest::prelude::*;
use sbi::checkpoint::{
    DType, StateDict, TensorData, Value, read, read_with_optimizer, write_bare_torch, write_safetensors,
    write_torch,
};
use std::collections::BTreeMap;
use std::fs;

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
        metadata in prop::collection::btree_map("[a-z]{1,6}", ".{0,6}", 0..3),
    ) {
        // No optimiser is a tensor, and one beside no weights at all is taken for these.
        prop_assume!(state.names().next().is_some() || !matches!(optimizer, Some(Value::Tensor(_))));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        write_torch(&path, &state, optimizer.as_ref(), epoch, &metadata).unwrap();
        let back = read_with_optimizer(&path).unwrap();
        prop_assert_eq!(&back.state, &state);
        prop_assert!(back.state.names().eq(state.names()));
        prop_assert_eq!(back.optimizer, optimizer);
        prop_assert_eq!(back.epoch, epoch);
        prop_assert_eq!(&back.metadata, &metadata);
        let bytes = fs::read(&path).unwrap();
        write_bare_torch(&path, &state).unwrap();
        prop_assert_eq!(&read(&path).unwrap().state, &state);
        let again = folder.path().join("b.tar");
        write_torch(&again, &state, read_bytes(&bytes).unwrap().optimizer.as_ref(), epoch, &metadata).unwrap();
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
}
