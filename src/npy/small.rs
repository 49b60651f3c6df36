//! Whole arrays, for files that fit memory many times over.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use ndarray::{Array, Array1, ArrayView, Dimension, Ix1, ShapeBuilder};

use super::{EMPTY_DESCR, Error, NpyHeader, read_checked_header};
use crate::atomic_file::{self, AtomicFile};

/// An element type of the array files of this program.
pub trait Element: Copy {
    /// The type in NumPy's notation.
    const DESCR: &'static str;
    /// Bytes of one element.
    const BYTES: usize;
    /// The number that these bytes, [`Self::BYTES`] of them, stand for in a file.
    fn from_file(bytes: &[u8]) -> Self;
    /// Appends the bytes that stand for the number in a file.
    fn append_to(self, bytes: &mut Vec<u8>);
}

macro_rules! elements {
    ($($number:ty => $descr:literal),*) => {$(
        impl Element for $number {
            const DESCR: &'static str = $descr;
            const BYTES: usize = size_of::<$number>();

            fn from_file(bytes: &[u8]) -> Self {
                Self::from_le_bytes(bytes.try_into().expect("as many bytes as the type has"))
            }

            fn append_to(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

elements!(u8 => "|u1", i64 => "<i8", f32 => "<f4", f64 => "<f8");

impl Element for bool {
    const DESCR: &'static str = "|b1";
    const BYTES: usize = 1;

    fn from_file(bytes: &[u8]) -> Self {
        bytes[0] != 0
    }

    fn append_to(self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(self));
    }
}

/// Reads an array of exactly this element type and number of axes, in C or Fortran order.
///
/// Fails with [`Error`] when the file cannot be read, is no `.npy` file, holds another type or
/// number of axes, or is shorter or longer than its header says.
pub fn read_array<T: Element, D: Dimension>(path: &Path) -> Result<Array<T, D>, Error> {
    let mut file = File::open(path).map_err(Error::read(path))?;
    let (header, _) = read_checked_header(path, &mut file)?;
    read_data(path, file, header)
}

/// The array that `bytes` hold, which are those of a whole file; messages call it `path`.
///
/// Fails as [`read_array`] does.
pub fn array_in<T: Element, D: Dimension>(path: &Path, mut bytes: &[u8]) -> Result<Array<T, D>, Error> {
    let found = bytes.len() as u64;
    let header = NpyHeader::read(&mut bytes);
    let (header, offset) = header.map_err(|cause| Error::Header { path: path.to_path_buf(), cause })?;
    if let Some(promised) = header.data_bytes().map(|data| data.saturating_add(offset))
        && promised != found
    {
        return Err(Error::Length { path: path.to_path_buf(), promised, found });
    }
    read_data(path, bytes, header)
}

/// The array whose data begin where `file` stands and are as long as `header` says.
fn read_data<T: Element, D: Dimension>(
    path: &Path,
    mut file: impl Read,
    header: NpyHeader,
) -> Result<Array<T, D>, Error> {
    if header.descr != T::DESCR {
        let path = path.to_path_buf();
        return Err(Error::ElementType { path, expected: T::DESCR, found: header.descr });
    }
    let axes = D::NDIM.unwrap_or(header.shape.len());
    let wrong_shape = |found| {
        let expected = format!("[{}]", vec!["n"; axes].join(", "));
        Error::Shape { path: path.to_path_buf(), expected, found }
    };
    // A count whose bytes overflow was never compared with the length of the file.
    if axes != header.shape.len() || header.data_bytes().is_none() {
        return Err(wrong_shape(header.shape));
    }
    let mut shape = D::zeros(axes);
    for (axis, &length) in shape.slice_mut().iter_mut().zip(&header.shape) {
        *axis = length as usize;
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(Error::read(path))?;
    let numbers = bytes.chunks_exact(T::BYTES).map(T::from_file).collect();
    Array::from_shape_vec(shape.set_f(header.fortran_order), numbers).map_err(|_| wrong_shape(header.shape))
}

/// Writes an array that `numpy.load` reads: whole or not at all, in C order.
///
/// Fails with [`Error::Write`] when the folder does not exist or the disk is full.
pub fn write_array<T: Element, D: Dimension>(path: &Path, array: ArrayView<'_, T, D>) -> Result<(), Error> {
    Ok(atomic_file::write(path, contents(&array))?)
}

/// Writes an array like [`write_array`], but does not wait until it has reached the disk: for many small files. A power
/// cut may damage such a file, a killed process may not.
pub fn write_array_unsynced<T: Element, D: Dimension>(
    path: &Path,
    array: ArrayView<'_, T, D>,
) -> Result<(), Error> {
    Ok(atomic_file::write_unsynced(path, contents(&array))?)
}

/// Writes the header of an array and its numbers.
fn contents<T: Element, D: Dimension>(
    array: &ArrayView<'_, T, D>,
) -> impl FnOnce(&mut AtomicFile) -> std::io::Result<()> {
    let shape = array.shape().iter().map(|&axis| axis as u64).collect();
    let mut bytes = NpyHeader { descr: T::DESCR.into(), fortran_order: false, shape }.to_bytes_without_room();
    bytes.reserve(array.len() * T::BYTES);
    array.iter().for_each(|number| number.append_to(&mut bytes));
    move |file| file.write_all(&bytes)
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
    read_data::<i64, Ix1>(path, file, header).map(Array1::into_raw_vec_and_offset).map(|(values, _)| values)
}

/// Reads a one-dimensional array of classes, `(n,)`: `int64`, or `bool` for 0 and 1, which is what a comparison gives in
/// NumPy.
///
/// Fails as [`read_array`] does.
pub fn read_classes(path: &Path) -> Result<Vec<i64>, Error> {
    let mut file = File::open(path).map_err(Error::read(path))?;
    let (header, _) = read_checked_header(path, &mut file)?;
    if header.descr != bool::DESCR {
        return read_i64_vec(path);
    }
    let classes = read_data::<bool, Ix1>(path, file, header)?;
    Ok(classes.into_iter().map(i64::from).collect())
}

/// Writes a one-dimensional `int64` array, `(n,)`, whole or not at all; an empty one as NumPy writes an empty list,
/// `float64`, which [`read_i64_vec`] reads.
///
/// The bytes are those that NumPy writes. Fails when the file cannot be written.
pub fn write_i64_vec(path: &Path, values: &[i64]) -> Result<(), Error> {
    if values.is_empty() {
        return write_empty_list(path);
    }
    let header = NpyHeader { descr: "<i8".into(), fortran_order: false, shape: vec![values.len() as u64] };
    atomic_file::write(path, |file| {
        file.write_all(&header.to_bytes())?;
        values.iter().try_for_each(|value| file.write_all(&value.to_le_bytes()))
    })?;
    Ok(())
}

/// Writes what NumPy writes for an empty list: `float64` of shape `(0,)`.
pub(super) fn write_empty_list(path: &Path) -> Result<(), Error> {
    let header = NpyHeader { descr: EMPTY_DESCR.into(), fortran_order: false, shape: vec![0] };
    Ok(atomic_file::write(path, |file| file.write_all(&header.to_bytes()))?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ndarray::{Array2, Array3, Ix2, Ix3, array, s};

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
        assert_eq!(fs::read(&path).unwrap(), fs::read(fixture("empty_float64.npy")).unwrap());
    }

    #[test]
    fn classes_may_be_true_and_false() {
        assert_eq!(read_classes(&fixture("classes_bool.npy")).unwrap(), [1, 0, 0, 1]);
        assert_eq!(read_classes(&fixture("indices.npy")).unwrap(), [0, 0, 12, 25]);
        assert!(read_i64_vec(&fixture("classes_bool.npy")).unwrap_err().to_string().contains("|b1"));
        let error = read_classes(&fixture("fortran_float32.npy")).unwrap_err().to_string();
        assert!(error.contains("expected elements of type <i8"), "{error}");
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
    fn what_is_written_is_read_again_whatever_lies_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let array = Array3::from_shape_fn((2, 3, 4), |(x, y, z)| (100 * x + 10 * y + z) as i64 - 7);
        for view in [array.view(), array.view().reversed_axes(), array.slice(s![.., ..;2, 1..])] {
            write_array(&path, view).unwrap();
            assert_eq!(read_array::<i64, Ix3>(&path).unwrap(), view);
        }
        write_array(&path, array![0.5_f32, -1.0].view()).unwrap();
        assert_eq!(read_array::<f32, Ix1>(&path).unwrap(), array![0.5, -1.0]);
        // Every set prepared by an earlier release has this header.
        write_array(&path, array.slice(s![..1, .., ..2])).unwrap();
        let bytes = fs::read(&path).unwrap();
        let expected = "{'descr': '<i8', 'fortran_order': False, 'shape': (1, 3, 2)}";
        assert_eq!((&bytes[10..10 + expected.len()], bytes.len()), (expected.as_bytes(), 128 + 48));
    }

    #[test]
    fn an_absurd_shape_is_refused_without_allocating() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        for shape in [vec![u64::MAX, 2, 2], vec![0, u64::MAX, u64::MAX], vec![1 << 40, 1, 1]] {
            let header = NpyHeader { descr: "<i8".into(), fortran_order: false, shape };
            fs::write(&path, header.to_bytes_without_room()).unwrap();
            assert!(read_array::<i64, Ix3>(&path).is_err(), "{header:?}");
        }
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
