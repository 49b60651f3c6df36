//! Weight files: reading what PyTorch and safetensors write, and writing both.
//!
//! The border of this module is the [`StateDict`]: tensors by name, as plain bytes. It knows no
//! network, no device and no other library's tensors.
//!
//! Files come from strangers. Nothing in them is executed, every length is compared with the
//! file's size before memory is taken, and the memory that one file may claim is bounded by a
//! multiple of its own length. What a file is, its bytes decide, never its extension.

mod budget;
mod checksum;
mod error;
mod foreign;
mod gather;
mod legacy;
mod object;
mod origin;
mod outer_zip;
mod pickle;
mod pickler;
mod safetensors;
mod save;
mod sniff;
mod state_dict;
mod tensor;
mod torch_zip;
mod value;
mod write;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use sniff::Kind;

pub use error::{Error, InFile};
pub use origin::StateOrigin;
pub use safetensors::write_safetensors;
pub use save::{LeftOut, Precision, StatePlace, WrittenForm};
pub use state_dict::{BATCH_COUNTER, Mismatch, ShapeMismatch, StateDict};
pub use tensor::{DType, TensorData};
pub use value::Value;
pub use write::{write_bare_torch, write_torch};

/// Zip archives in zip archives that are opened: PyTorch's model zoo wraps its files once.
const MAX_WRAPPINGS: u32 = 2;

/// What a weight file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The weights, without the prefix `module.` that data-parallel training adds.
    pub state: StateDict,
    /// Where in the file the weights were found.
    pub origin: StateOrigin,
    /// The optimiser's state, when it was asked for and is there.
    pub optimizer: Option<Value>,
    /// The epoch after which a training file was written.
    pub epoch: Option<i64>,
    /// Everything else beside the state dict, in the file's order, when the optimiser was asked
    /// for. A bare state dict's entries that are not tensors are here too.
    pub extra: Vec<(String, Value)>,
    /// The text map that safetensors files may have, and our own training files in PyTorch's form.
    pub metadata: BTreeMap<String, String>,
    /// The format of the file.
    pub format: Format,
}

/// Format of a weight file; a plain zip around it does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `torch.save` since PyTorch 1.6: a zip archive.
    TorchZip,
    /// `torch.save` before: a row of pickles and raw storages.
    TorchLegacy,
    /// A JSON header and raw tensors.
    Safetensors,
}

/// How much of a file to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// The weights and the epoch. Tensors of the optimiser are skipped in the file.
    Weights,
    /// The optimiser's state and whatever else there is, too.
    Everything,
}

/// What to read of a file.
#[derive(Debug, Clone, Copy)]
struct Request<'a> {
    contents: Contents,
    /// The key that the state dict must stand under; `None`: wherever it is found.
    key: Option<&'a str>,
}

/// Reads the weights of a file, skipping what an optimiser has saved.
///
/// Fails with [`Error::InFile`] around what is wrong; a file is read whole or not at all.
pub fn read(path: &Path) -> Result<Checkpoint, Error> {
    read_path(path, Request { contents: Contents::Weights, key: None })
}

/// Reads a file with its optimiser state, to go on with the training it comes from.
///
/// Fails like [`read`].
pub fn read_with_optimizer(path: &Path) -> Result<Checkpoint, Error> {
    read_path(path, Request { contents: Contents::Everything, key: None })
}

/// Reads a file like [`read_with_optimizer`], with the state dict that stands under `key`.
///
/// Fails like [`read`], and with [`Error::NoSuchKey`] where there is none; safetensors files have no keys.
pub fn read_under(path: &Path, key: &str) -> Result<Checkpoint, Error> {
    read_path(path, Request { contents: Contents::Everything, key: Some(key) })
}

/// Reads a checkpoint from anything that can seek; errors carry no path.
pub fn read_from<R: Read + Seek>(source: R, contents: Contents) -> Result<Checkpoint, Error> {
    read_wrapped(source, Request { contents, key: None }, MAX_WRAPPINGS)
}

fn read_path(path: &Path, request: Request) -> Result<Checkpoint, Error> {
    let read = || read_wrapped(File::open(path)?, request, MAX_WRAPPINGS);
    read().map_err(|error| error.with_path(path))
}

/// Reads a checkpoint that may lie in up to `wrappings` plain zip archives.
fn read_wrapped<R: Read + Seek>(
    mut source: R,
    request: Request,
    wrappings: u32,
) -> Result<Checkpoint, Error> {
    let len = source.seek(SeekFrom::End(0))?;
    source.rewind()?;
    let kind = sniff::kind_of(&mut source, len)?;
    source.rewind()?;
    match (kind, request.key) {
        (Kind::Legacy, _) => legacy::read(source, len, request),
        (Kind::Safetensors, None) => safetensors::read(source, len),
        (Kind::Safetensors, Some(key)) => {
            let found = "a safetensors file, which holds one state dict and no keys".to_owned();
            Err(Error::NoSuchKey { key: key.to_owned(), found })
        }
        (Kind::Zip, _) => {
            let mut archive = torch_zip::open(source, len)?;
            match torch_zip::root_of(&archive)? {
                Some(root) => torch_zip::read(&mut archive, &root, len, request),
                None => {
                    let inner = outer_zip::unpack(&mut archive, wrappings)?;
                    read_wrapped(inner, request, wrappings - 1)
                }
            }
        }
    }
}
