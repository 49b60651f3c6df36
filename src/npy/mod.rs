//! NumPy's `.npy` files: small arrays in one piece, stacks of faces one at a time.
//!
//! [`read_array`] and [`write_array`] move a whole array; [`FaceReader`] and [`FaceWriter`] stream `uint8`
//! stacks that would be too large for that. All of them read and write the one [`NpyHeader`]. Every file is
//! checked against its header before anything is allocated for it, and written through [`crate::atomic_file`].

mod face_reader;
mod face_writer;
mod header;
mod small;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::atomic_file;
use small::write_empty_list;

pub use face_reader::FaceReader;
pub use face_writer::FaceWriter;
pub use header::{HeaderError, NpyHeader};
pub use small::{
    Element, array_in, read_array, read_classes, read_i64_vec, write_array, write_array_unsynced,
    write_i64_vec,
};

/// An array file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be opened or read.
    #[error("{}: cannot read the array file", path.display())]
    Read {
        /// The array file.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        cause: io::Error,
    },
    /// The file could not be written.
    #[error(transparent)]
    Write(#[from] atomic_file::Error),
    /// The file does not start with a valid header.
    #[error("{}: not a valid .npy file", path.display())]
    Header {
        /// The array file.
        path: PathBuf,
        /// What is wrong with the header.
        #[source]
        cause: HeaderError,
    },
    /// The elements have another type.
    #[error("{}: expected elements of type {expected}, the file has {found}", path.display())]
    ElementType {
        /// The array file.
        path: PathBuf,
        /// NumPy's `descr` of the type asked for.
        expected: &'static str,
        /// The `descr` in the file.
        found: String,
    },
    /// The array has another shape.
    #[error("{}: expected shape {expected}, the file has {found:?}", path.display())]
    Shape {
        /// The array file.
        path: PathBuf,
        /// The shape asked for, `n` where any length will do.
        expected: String,
        /// The shape in the file.
        found: Vec<u64>,
    },
    /// The axes are stored in reverse.
    #[error("{}: expected C order, the file is in Fortran order", path.display())]
    FortranOrder {
        /// The array file.
        path: PathBuf,
    },
    /// The file is shorter or longer than its header says.
    #[error("{}: its header promises {promised} bytes, the file has {found}", path.display())]
    Length {
        /// The array file.
        path: PathBuf,
        /// Bytes of header and data together.
        promised: u64,
        /// Bytes of the file.
        found: u64,
    },
    /// A face handed over for writing has the wrong number of bytes.
    #[error("{}: a face has {expected} bytes here, got {found}", path.display())]
    FaceBytes {
        /// The array file that is being written.
        path: PathBuf,
        /// Bytes of one face.
        expected: usize,
        /// The number of bytes that was handed over.
        found: usize,
    },
}

impl Error {
    fn read(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
        |cause| Error::Read { path: path.to_path_buf(), cause }
    }
}

/// NumPy's `descr` of the element type of the empty arrays that `np.save(path, [])` writes.
const EMPTY_DESCR: &str = "<f8";

/// The header at the start of `file`, which must be followed by exactly the data it promises.
/// Leaves `file` at the first byte of the data, whose offset is the second value.
fn read_checked_header(path: &Path, file: &mut File) -> Result<(NpyHeader, u64), Error> {
    let (header, data_offset) =
        NpyHeader::read(file).map_err(|cause| Error::Header { path: path.to_path_buf(), cause })?;
    let found = file.metadata().map_err(Error::read(path))?.len();
    // A type whose size is unknown is not one that any caller accepts; the type check names it.
    if let Some(data) = header.data_bytes() {
        let promised = data.saturating_add(data_offset);
        if promised != found {
            return Err(Error::Length { path: path.to_path_buf(), promised, found });
        }
    }
    Ok((header, data_offset))
}
