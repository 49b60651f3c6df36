//! Reads a stack of faces in batches, so that memory does not grow with the video.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{EMPTY_DESCR, Error, read_checked_header};

/// An open `uint8` stack of faces, `(n, channels, height, width)` in C order.
#[derive(Debug)]
pub struct FaceReader {
    path: PathBuf,
    file: File,
    face_bytes: usize,
    faces: usize,
    left: usize,
}

impl FaceReader {
    /// Opens a stack whose faces have the shape `face_shape`, (channels, height, width).
    ///
    /// A `float64` array of shape `(0,)`, which NumPy writes for an empty list, is a stack of no
    /// faces. Fails with [`Error`] when the file cannot be read, its header is invalid, its type,
    /// order or shape is another, or its length is not the one its header promises.
    pub fn open(path: &Path, face_shape: [usize; 3]) -> Result<Self, Error> {
        let mut file = File::open(path).map_err(Error::read(path))?;
        let (header, _) = read_checked_header(path, &mut file)?;
        let path = path.to_path_buf();
        let face_bytes = face_shape.iter().product();
        if header.descr == EMPTY_DESCR && header.shape == [0] {
            return Ok(Self { path, file, face_bytes, faces: 0, left: 0 });
        }
        if header.descr != "|u1" {
            return Err(Error::ElementType { path, expected: "|u1", found: header.descr });
        }
        let wrong_shape = |found| {
            let [channels, height, width] = face_shape;
            let expected = format!("[n, {channels}, {height}, {width}]");
            Error::Shape { path: path.clone(), expected, found }
        };
        let faces = match header.shape.as_slice() {
            [faces, face @ ..] if face == face_shape.map(|axis| axis as u64) => usize::try_from(*faces).ok(),
            _ => None,
        };
        let Some(faces) = faces else {
            return Err(wrong_shape(header.shape));
        };
        if header.fortran_order {
            return Err(Error::FortranOrder { path });
        }
        // A count whose bytes overflow was never compared with the length of the file.
        if header.data_bytes().is_none() {
            return Err(wrong_shape(header.shape));
        }
        Ok(Self { path, file, face_bytes, faces, left: faces })
    }

    /// Number of faces in the file.
    pub fn faces(&self) -> usize {
        self.faces
    }

    /// Replaces the content of `batch` by the next faces, at most `max_faces`, and returns how many
    /// there are; 0 at the end. Bytes are in the order of the file: face, channel, row, column.
    ///
    /// Fails with [`Error::Read`] when the disk does, or when the file was cut since it was opened.
    pub fn read_batch(&mut self, max_faces: usize, batch: &mut Vec<u8>) -> Result<usize, Error> {
        let faces = max_faces.min(self.left);
        batch.resize(faces * self.face_bytes, 0);
        self.file.read_exact(batch).map_err(Error::read(&self.path))?;
        self.left -= faces;
        Ok(faces)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const SHAPE: [usize; 3] = [3, 4, 5];

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/npy").join(name)
    }

    fn open_error(path: &Path, shape: [usize; 3]) -> String {
        FaceReader::open(path, shape).unwrap_err().to_string()
    }

    #[test]
    fn yields_all_faces_in_bounded_batches() {
        let mut reader = FaceReader::open(&fixture("faces.npy"), SHAPE).unwrap();
        assert_eq!(reader.faces(), 3);
        let (mut batch, mut all, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
        while reader.read_batch(2, &mut batch).unwrap() > 0 {
            sizes.push(batch.len() / 60);
            all.extend_from_slice(&batch);
        }
        assert_eq!(sizes, [2, 1]);
        // The script fills the array with 0, 1, 2, … modulo 251.
        let expected: Vec<u8> = (0..180).map(|i| (i % 251) as u8).collect();
        assert_eq!(all, expected);
    }

    #[test]
    fn an_empty_float_array_holds_no_faces() {
        let mut reader = FaceReader::open(&fixture("empty_float64.npy"), SHAPE).unwrap();
        assert_eq!(reader.faces(), 0);
        assert_eq!(reader.read_batch(8, &mut vec![1, 2]).unwrap(), 0);
    }

    #[test]
    fn refuses_other_types_shapes_and_orders() {
        let error = open_error(&fixture("indices.npy"), SHAPE);
        assert!(error.contains("expected elements of type |u1, the file has <i8"), "{error}");
        let error = open_error(&fixture("faces.npy"), [3, 380, 380]);
        assert!(error.contains("expected shape [n, 3, 380, 380], the file has [3, 3, 4, 5]"), "{error}");
        let error = open_error(&fixture("fortran_faces.npy"), SHAPE);
        assert!(error.contains("Fortran order"), "{error}");
    }

    #[test]
    fn a_cut_or_padded_file_names_both_lengths() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.npy");
        let whole = fs::read(fixture("faces.npy")).unwrap();
        fs::write(&path, &whole[..200]).unwrap();
        let error = open_error(&path, SHAPE);
        assert!(error.contains("promises 308 bytes, the file has 200"), "{error}");
        fs::write(&path, [whole.as_slice(), b"x"].concat()).unwrap();
        assert!(open_error(&path, SHAPE).contains("the file has 309"));
        fs::write(&path, &whole[..20]).unwrap();
        assert!(open_error(&path, SHAPE).contains("not a valid .npy file"));
    }

    #[test]
    fn an_absurd_count_is_refused_without_allocating() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.npy");
        for faces in [u64::MAX, 1 << 50] {
            let shape = vec![faces, 3, 4, 5];
            let header = super::super::NpyHeader { descr: "|u1".into(), fortran_order: false, shape };
            fs::write(&path, header.to_bytes()).unwrap();
            assert!(FaceReader::open(&path, SHAPE).is_err());
        }
    }
}
