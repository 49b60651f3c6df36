//! What can be wrong with a weight file.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::DType;

/// Failure to read or write a weight file.
///
/// The functions that take a path wrap every other variant in [`Error::InFile`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Any of the other failures, with the file it happened in.
    #[error(transparent)]
    InFile(InFile),
    /// The operating system refused to read or write.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file could not be written.
    #[error(transparent)]
    Write(#[from] crate::atomic_file::Error),
    /// A file to write whose extension does not say in which form.
    #[error("{}: the extension must be .safetensors, or .tar, .pth or .pt for PyTorch's form", path.display())]
    Extension {
        /// The file.
        path: PathBuf,
    },
    /// A file that would be replaced, which nobody asked for.
    #[error("{}: exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// A web page was saved in place of the weights.
    #[error(
        "this is a web page, not a weight file: the download failed (the site may ask for a click or a login)"
    )]
    WebPage,
    /// The pointer that Git LFS leaves when the real file was not fetched.
    #[error("this is a Git LFS pointer, not the weights: fetch the file itself with `git lfs pull`")]
    GitLfsPointer,
    /// Readable text, which no weight format is.
    #[error("this is a text file, not a weight file; it begins with {beginning:?}")]
    Text {
        /// The file's first line, shortened.
        beginning: String,
    },
    /// A known format that holds no state dict that can be read here.
    #[error("this is {what}, not a PyTorch or safetensors file; {help}")]
    OtherFormat {
        /// The format's name with its article, such as "a gzip file".
        what: &'static str,
        /// What to do about it.
        help: &'static str,
    },
    /// Not one of the known formats.
    #[error("not a PyTorch or safetensors file; its first bytes are {}", hex(first_bytes))]
    Unknown {
        /// Up to 16 bytes from the beginning of the file.
        first_bytes: Vec<u8>,
    },
    /// A zip archive that ends before its table of contents.
    #[error(
        "the zip archive has no readable table of contents at its end, so the file ({len} bytes) was probably cut while downloading: {reason}"
    )]
    CutZip {
        /// Length of the file in bytes.
        len: u64,
        /// What the zip reader missed.
        reason: String,
    },
    /// A zip entry that cannot be read, or that fails its checksum.
    #[error("zip entry {entry}: {reason}")]
    ZipEntry {
        /// Name of the entry.
        entry: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A TorchScript program: weights and code, not a state dict.
    #[error(
        "this is a TorchScript archive (it has {entry}), not a state dict: save `model.state_dict()` with `torch.save`"
    )]
    TorchScript {
        /// The entry that gives it away.
        entry: String,
    },
    /// A plain zip archive in which nothing, or more than one thing, looks like a weight file.
    #[error("a zip archive must hold exactly one weight file, this one holds {found} among: {}", names.join(", "))]
    NotOneInZip {
        /// How many entries look like weight files.
        found: usize,
        /// The first names in the archive.
        names: Vec<String>,
    },
    /// Bytes that do not follow the format.
    #[error("{part}, byte {at}: expected {expected}, found {found}")]
    Malformed {
        /// The file itself, or the entry of the archive.
        part: String,
        /// Offset from the beginning of `part`.
        at: u64,
        /// What the format wants there.
        expected: Cow<'static, str>,
        /// What is there.
        found: String,
    },
    /// More of something than any weight file has: hostile or damaged.
    #[error("{part}, byte {at}: {what} exceeds the limit of {limit}")]
    TooMuch {
        /// The file itself, or the entry of the archive.
        part: String,
        /// Offset from the beginning of `part`.
        at: u64,
        /// What there is too much of.
        what: &'static str,
        /// How much of it a file may have.
        limit: u64,
    },
    /// Tensors or values that would take far more memory than the file has bytes.
    #[error("{what} would need more memory than this file may claim ({limit} bytes)")]
    OverBudget {
        /// The tensor or value that went over.
        what: String,
        /// Total for everything read from one file, in bytes.
        limit: u64,
    },
    /// A storage whose number of bytes is not what the object says.
    #[error("storage {key}: the object says {expected} bytes, the file has {found}")]
    StorageSize {
        /// Key of the storage.
        key: String,
        /// Bytes according to the pickled object.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// A storage that the object names but the file lacks.
    #[error("storage {key}, which a tensor uses, is not in the file")]
    NoStorage {
        /// Key of the storage.
        key: String,
    },
    /// Numbers stored with the most significant byte first.
    #[error(
        "the numbers are stored big-endian, which is not supported: save the file again on a little-endian machine"
    )]
    BigEndian,
    /// An element type that no model here uses, such as complex or quantised numbers.
    #[error("{name}: the element type {class} is not supported")]
    ElementType {
        /// Name of the tensor.
        name: String,
        /// The type, in the file's words.
        class: String,
    },
    /// The object is not a state dict and holds none.
    #[error(
        "no state dict here: expected tensors by name, or a dict with one under `model`, `state_dict`, `net`, `model_state_dict` or any other key; found {found}"
    )]
    NoStateDict {
        /// What the object is instead.
        found: String,
    },
    /// Several dicts of tensors, none of them under a known key.
    #[error("several state dicts here, and none under a known key: {}", quoted(keys))]
    SeveralStateDicts {
        /// The keys that they stand under, in the file's order; at most the first ten.
        keys: Vec<String>,
    },
    /// The file has no dict of tensors under the key that was asked for.
    #[error("no state dict under the key `{key}`; found {found}")]
    NoSuchKey {
        /// The key.
        key: String,
        /// What the file holds instead.
        found: String,
    },
    /// A state dict entry that is not a tensor.
    #[error("state dict entry {name}: expected a tensor, found {found}")]
    NotATensor {
        /// Name of the entry.
        name: String,
        /// What the entry is.
        found: String,
    },
    /// Two tensors of one name, perhaps only after `module.` was taken off.
    #[error("two tensors are called {name}")]
    DuplicateName {
        /// The name that occurs twice.
        name: String,
    },
    /// A safetensors header that breaks the rules of the format.
    #[error("safetensors header: {reason}")]
    SafetensorsHeader {
        /// The rule that is broken.
        reason: String,
    },
    /// A file whose contents are not those that its checksum was made of.
    #[error(
        "the contents do not match the checksum in the file: it was damaged or changed after it was written"
    )]
    Checksum,
    /// Data whose length is not shape times element size.
    #[error("a {dtype} tensor of shape {shape:?} was given {found} bytes")]
    TensorLength {
        /// Type of the tensor's elements.
        dtype: DType,
        /// Lengths of the tensor's axes.
        shape: Vec<usize>,
        /// How many bytes were given.
        found: usize,
    },
    /// A value that cannot be written, since it was opaque when it was read.
    #[error("a value of class {class} cannot be written")]
    Unwritable {
        /// Module and name of the value's class.
        class: String,
    },
    /// Lists in lists, deeper than any optimiser state.
    #[error("values are nested deeper than {limit} levels")]
    TooDeep {
        /// The deepest nesting that is read or written.
        limit: usize,
    },
}

/// A failure and the weight file it happened in. It is the failure itself with its place told, so its cause is the
/// failure's cause.
#[derive(Debug)]
pub struct InFile {
    /// The weight file.
    pub path: PathBuf,
    /// What was wrong with it.
    pub error: Box<Error>,
}

impl fmt::Display for InFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for InFile {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl Error {
    /// Adds the file's path, unless it is there already.
    pub(super) fn with_path(self, path: &Path) -> Error {
        match self {
            named @ Error::InFile(_) => named,
            error => Error::InFile(InFile { path: path.to_owned(), error: Box::new(error) }),
        }
    }
}

/// Names in backquotes, joined by commas.
pub(super) fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}
