//! Whole arrays, for files that fit memory many times over.

use std::fs::File;
use std::io::{self, BufReader, Seek, Write};
use std::path::Path;

use ndarray::{Array, Array1, ArrayView, Dimension};
use ndarray_npy::{ReadNpyExt, ReadableElement, WritableElement, WriteNpyExt};

use super::{EMPTY_DESCR, Error, NpyHeader, read_checked_header};
use crate::atomic_file;

/// An element type of the array files of this program.
pub trait Element: ReadableElement + WritableElement {
    /// The type in NumPy's notation.
    const DESCR: &'static str;
}

impl Element for u8 {
    const DESCR: &'static str = "|u1";
}
impl Element for i64 {
    const DESCR: &'static str = "<i8";
}
impl Element for f32 {
    const DESCR: &'static str = "<f4";
}
impl Element for f64 {
    const DESCR: &'static str = "<f8";
}

/// Reads an array of exactly this element type and number of axes, in C or Fortran order.
///
/// Fails with [`Error`] when the file cannot be read, is no `.npy` file, holds another type or
/// number of axes, or is shorter or longer than its header says.
pub fn read_array<T: Element, D: Dimension>(path: &Path) -> Result<Array<T, D>, Error> {
    let mut file = File::open(path).map_err(Error::read(path))?;
    let (header, _) = read_checked_header(path, &mut file)?;
    if header.descr != T::DESCR {
        let path = path.to_path_buf();
        return Err(Error::ElementType { path, expected: T::DESCR, found: header.descr });
    }
    if let Some(axes) = D::NDIM.filter(|&axes| axes != header.shape.len()) {
        let expected = format!("[{}]", vec!["n"; axes].join(", "));
        return Err(Error::Shape { path: path.to_path_buf(), expected, found: header.shape });
    }
    file.rewind().map_err(Error::read(path))?;
    Array::read_npy(BufReader::new(file))
        .map_err(|e| Error::Data { path: path.to_path_buf(), reason: e.to_string() })
}

/// Writes an array that `numpy.load` reads: whole or not at all.
///
/// Fails with [`Error::Write`] when the folder does not exist or the disk is full.
pub fn write_array<T: Element, D: Dimension>(path: &Path, array: ArrayView<'_, T, D>) -> Result<(), Error> {
    atomic_file::write(path, |file| array.write_npy(file).map_err(io::Error::other))?;
    Ok(())
}

/// Writes an array like [`write_array`], but does not wait until it has reached the disk: for many small files. A power
/// cut may damage such a file, a killed process may not.
pub fn write_array_unsynced<T: Element, D: Dimension>(
    path: &Path,
    array: ArrayView<'_, T, D>,
) -> Result<(), Error> {
    atomic_file::write_unsynced(path, |file| array.write_npy(file).map_err(io::Error::other))?;
    Ok(())
}

/// Reads a one-dimensional `int64` array, `(n,)`. An empty `float64` array, which is what NumPy
/// writes for an empty list, counts as an empty one.
///
/// Fails as [`read_array`] does.
pub fn read_i64_vec(path: &Path) -> Result<Vec<i64>, Error> {
    let mut file = File::open(path).map_err(Error::read(path))?;
    let (header, _) = read_checked_header(path, &mut file)?;
    if header.descr == EMPTY_DESCR && header.shape == [0] {
        return Ok(Vec::new());
    }
    read_array::<i64, ndarray::Ix1>(path).map(Array1::into_raw_vec_and_offset).map(|(values, _)| values)
}

/// Writes a one-dimensional `int64` array, `(n,)`, whole or not at all.
///
/// The bytes are those that NumPy writes. Fails when the file cannot be written.
pub fn write_i64_vec(path: &Path, values: &[i64]) -> Result<(), Error> {
    let header = NpyHeader { descr: "<i8".into(), fortran_order: false, shape: vec![values.len() as u64] };
    atomic_file::write(path, |file| {
        file.write_all(&header.to_bytes())?;
        values.iter().try_for_each(|value| file.write_all(&value.to_le_bytes()))
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ndarray::{Array2, Ix2, array};

    use super::*;

    fn fixture(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/npy").join(name)
    }

    #[test]
    fn reads_what_numpy_wrote_and_what_it_writes_itself() {
        let indices = read_i64_vec(&fixture("indices.npy")).unwrap();
        assert_eq!(indices, [0, 0, 12, 25]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("indices.npy");
        write_i64_vec(&path, &indices).unwrap();
        assert_eq!(read_i64_vec(&path).unwrap(), indices);
        write_i64_vec(&path, &[]).unwrap();
        assert!(read_i64_vec(&path).unwrap().is_empty());
    }

    #[test]
    fn an_empty_float_array_is_an_empty_list() {
        assert!(read_i64_vec(&fixture("empty_float64.npy")).unwrap().is_empty());
    }

    #[test]
    fn fortran_order_is_put_right() {
        let points: Array2<f32> = read_array(&fixture("fortran_float32.npy")).unwrap();
        assert_eq!(points, array![[0., 1., 2.], [3., 4., 5.]]);
    }

    #[test]
    fn names_expected_and_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        write_array(&path, array![[1.5_f64]].view()).unwrap();
        let error = read_array::<f32, Ix2>(&path).unwrap_err().to_string();
        assert!(error.contains("expected elements of type <f4, the file has <f8"), "{error}");
        let error = read_array::<f64, ndarray::Ix3>(&path).unwrap_err().to_string();
        assert!(error.contains("expected shape [n, n, n], the file has [1, 1]"), "{error}");
        let error = read_i64_vec(&path).unwrap_err().to_string();
        assert!(error.contains("expected elements of type <i8"), "{error}");
    }

    #[test]
    fn cut_and_missing_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        assert!(matches!(read_i64_vec(&path), Err(Error::Read { .. })));
        write_i64_vec(&path, &[1, 2, 3]).unwrap();
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        let error = read_i64_vec(&path).unwrap_err();
        assert!(matches!(error, Error::Length { promised: 152, found: 151, .. }), "{error}");
    }
}
