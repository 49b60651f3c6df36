//! The safetensors format: a length, a JSON header, raw tensors.

use crate::atomic_file::AtomicFile;
use std::collections::BTreeMap;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use ::safetensors::tensor::{Dtype, Metadata};
use serde_json::{Map, json};

use super::checksum;
use super::sniff::MAX_SAFETENSORS_HEADER;
use super::write::replace_file;
use super::{Checkpoint, DType, Error, Format, StateDict, StateOrigin, TensorData};

/// Reads a file of `len` bytes from its beginning; tensors come in the order of the file.
pub(super) fn read<R: Read + Seek>(source: R, len: u64) -> Result<Checkpoint, Error> {
    let mut source = BufReader::new(source);
    let mut header_len = [0; 8];
    source.read_exact(&mut header_len)?;
    let header_len = u64::from_le_bytes(header_len);
    let left = len.saturating_sub(8);
    if header_len > left.min(MAX_SAFETENSORS_HEADER) {
        let reason = format!("it should have {header_len} bytes, the file has {left} more");
        return Err(Error::SafetensorsHeader { reason });
    }
    let mut header = Vec::with_capacity(header_len as usize);
    source.by_ref().take(header_len).read_to_end(&mut header)?;
    // Checks that tensors have the bytes their shape needs and lie one behind the other.
    let parsed: Result<Metadata, _> = serde_json::from_slice(&header);
    let header = parsed.map_err(|error| Error::SafetensorsHeader { reason: error.to_string() })?;
    let data_len = left - header_len;
    if header.data_len() as u64 != data_len {
        let expected = header.data_len();
        let reason = format!("the tensors have {expected} bytes, the file has {data_len}");
        return Err(Error::SafetensorsHeader { reason });
    }

    let mut state = StateDict::new();
    for name in header.offset_keys() {
        let Some(info) = header.info(&name) else {
            continue;
        };
        let dtype = dtype_of(info.dtype)
            .ok_or_else(|| Error::ElementType { name: name.clone(), class: info.dtype.to_string() })?;
        let (begin, end) = info.data_offsets;
        let mut data = Vec::with_capacity(end - begin);
        let size = (end - begin) as u64;
        source.by_ref().take(size).read_to_end(&mut data)?;
        let tensor = TensorData::new(dtype, info.shape.clone(), data)?;
        state.insert(name, tensor)?;
    }
    let mut metadata: BTreeMap<String, String> =
        header.metadata().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
    checksum::check(&mut metadata, state.iter())?;
    Ok(Checkpoint {
        state: state.strip_prefix("module.")?,
        origin: StateOrigin::default(),
        optimizer: None,
        // Where a conversion from PyTorch's form puts it, so that it survives the way back.
        epoch: metadata.get("epoch").and_then(|epoch| epoch.parse().ok()),
        extra: Vec::new(),
        metadata,
        format: Format::Safetensors,
    })
}

/// Writes a state dict with a text map beside it, and in that a checksum of everything.
///
/// Tensors with wider elements come first, as the format's own library does it for alignment,
/// otherwise in the order of the state dict. Equal input gives equal bytes. The file appears
/// whole or not at all.
pub fn write_safetensors(
    path: &Path,
    state: &StateDict,
    metadata: &BTreeMap<String, String>,
) -> Result<(), Error> {
    replace_file(path, |file| write(file, state, metadata))
}

fn write(file: &mut AtomicFile, state: &StateDict, metadata: &BTreeMap<String, String>) -> Result<(), Error> {
    let mut tensors: Vec<(&str, &TensorData)> = state.iter().collect();
    tensors.sort_by_key(|(_, tensor)| std::cmp::Reverse(tensor.dtype().size()));
    let mut header = Map::new();
    let mut metadata = metadata.clone();
    metadata.insert(checksum::KEY.to_owned(), checksum::of(&metadata, state.iter()));
    header.insert("__metadata__".to_owned(), json!(metadata));
    let mut begin = 0;
    for (name, tensor) in &tensors {
        if *name == "__metadata__" {
            let reason = "`__metadata__` cannot be the name of a tensor".to_owned();
            return Err(Error::SafetensorsHeader { reason });
        }
        let end = begin + tensor.bytes().len();
        let entry = json!({
            "dtype": code_of(tensor.dtype()),
            "shape": tensor.shape(),
            "data_offsets": [begin, end],
        });
        header.insert(name.to_string(), entry);
        begin = end;
    }
    let mut header = serde_json::Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');

    let mut out = BufWriter::new(file);
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&header)?;
    for (_, tensor) in &tensors {
        out.write_all(tensor.bytes())?;
    }
    out.flush()?;
    Ok(())
}

fn code_of(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "F32",
        DType::F16 => "F16",
        DType::BF16 => "BF16",
        DType::F64 => "F64",
        DType::I64 => "I64",
        DType::I32 => "I32",
        DType::I16 => "I16",
        DType::I8 => "I8",
        DType::U8 => "U8",
        DType::Bool => "BOOL",
    }
}

fn dtype_of(dtype: Dtype) -> Option<DType> {
    Some(match dtype {
        Dtype::F32 => DType::F32,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::BF16,
        Dtype::F64 => DType::F64,
        Dtype::I64 => DType::I64,
        Dtype::I32 => DType::I32,
        Dtype::I16 => DType::I16,
        Dtype::I8 => DType::I8,
        Dtype::U8 => DType::U8,
        Dtype::BOOL => DType::Bool,
        _ => return None,
    })
}
