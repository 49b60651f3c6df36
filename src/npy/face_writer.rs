//! Writes a stack of faces one face at a time.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use super::{Error, NpyHeader, write_empty_list};
use crate::atomic_file::{self, AtomicFile};

/// A `uint8` stack of faces, `(n, channels, height, width)`, while it grows.
///
/// The finished file has the bytes that `numpy.save` gives the same array. Until
/// [`finish`](FaceWriter::finish) there is only a temporary file, which is deleted on drop.
#[derive(Debug)]
pub struct FaceWriter {
    file: AtomicFile,
    face_shape: [usize; 3],
    faces: u64,
}

impl FaceWriter {
    /// Starts a stack of faces of shape `face_shape`, (channels, height, width), which will become
    /// the file `path`.
    ///
    /// Fails with [`Error::Write`] when the folder of `path` cannot be written.
    pub fn create(path: &Path, face_shape: [usize; 3]) -> Result<Self, Error> {
        let mut writer = Self { file: AtomicFile::create(path)?, face_shape, faces: 0 };
        // The count is not known yet; the header leaves room for any.
        let header = writer.header();
        writer.file.write_all(&header).map_err(|e| writer.failed(e))?;
        Ok(writer)
    }

    /// Adds one face: channel, row, column, as bytes 0 to 255.
    ///
    /// Fails with [`Error::FaceBytes`] when the number of bytes is not that of one face, with
    /// [`Error::Write`] when the disk is full.
    pub fn append(&mut self, face: &[u8]) -> Result<(), Error> {
        let expected = self.face_shape.iter().product();
        if face.len() != expected {
            let path = self.file.path().to_path_buf();
            return Err(Error::FaceBytes { path, expected, found: face.len() });
        }
        self.file.write_all(face).map_err(|e| self.failed(e))?;
        self.faces += 1;
        Ok(())
    }

    /// Number of faces so far.
    pub fn faces(&self) -> u64 {
        self.faces
    }

    /// Puts the count into the header and gives the file its name; returns the count. Without any
    /// face the file is NumPy's empty list, `float64` of shape `(0,)`: the original programs take an
    /// array of any other shape for faces.
    ///
    /// Fails with [`Error::Write`]; no file remains then.
    pub fn finish(mut self) -> Result<u64, Error> {
        if self.faces == 0 {
            let path = self.file.path().to_path_buf();
            drop(self.file);
            write_empty_list(&path)?;
            return Ok(0);
        }
        let header = self.header();
        self.file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(&header))
            .map_err(|e| self.failed(e))?;
        self.file.commit()?;
        Ok(self.faces)
    }

    /// The header for the present count; its length does not depend on the count.
    fn header(&self) -> Vec<u8> {
        let mut shape = vec![self.faces];
        shape.extend(self.face_shape.map(|axis| axis as u64));
        NpyHeader { descr: "|u1".into(), fortran_order: false, shape }.to_bytes()
    }

    fn failed(&self, cause: io::Error) -> Error {
        let path = self.file.path().to_path_buf();
        Error::Write(atomic_file::Error { path, action: "write", cause })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;
    use crate::npy::FaceReader;

    #[test]
    fn writes_the_bytes_that_numpy_writes() {
        let folder = tempfile::tempdir().unwrap();
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/npy");
        for (name, faces) in [("faces.npy", 3), ("empty_float64.npy", 0), ("many_faces.npy", 12)] {
            let path = folder.path().join(name);
            let mut writer = FaceWriter::create(&path, [3, 4, 5]).unwrap();
            for face in 0..faces {
                let bytes: Vec<u8> = (0..60).map(|i| ((face * 60 + i) % 251) as u8).collect();
                writer.append(&bytes).unwrap();
            }
            assert_eq!(writer.finish().unwrap(), faces);
            assert_eq!(fs::read(&path).unwrap(), fs::read(fixtures.join(name)).unwrap(), "{name}");
        }
    }

    #[test]
    fn dropping_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = FaceWriter::create(&folder.path().join("1.npy"), [1, 1, 1]).unwrap();
        writer.append(&[7]).unwrap();
        drop(writer);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_face_of_another_size_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = FaceWriter::create(&folder.path().join("1.npy"), [3, 2, 2]).unwrap();
        let error = writer.append(&[0; 11]).unwrap_err().to_string();
        assert!(error.contains("a face has 12 bytes here, got 11"), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_is_written_is_read_again(
            faces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 12), 0..9),
            batch in 1_usize..5,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("1.npy");
            let mut writer = FaceWriter::create(&path, [3, 2, 2]).unwrap();
            for face in &faces {
                writer.append(face).unwrap();
            }
            writer.finish().unwrap();
            let mut reader = FaceReader::open(&path, [3, 2, 2]).unwrap();
            prop_assert_eq!(reader.faces(), faces.len());
            let (mut bytes, mut all) = (Vec::new(), Vec::new());
            while reader.read_batch(batch, &mut bytes).unwrap() > 0 {
                all.extend_from_slice(&bytes);
            }
            prop_assert_eq!(all, faces.concat());
        }
    }
}
