//! Landmark and box files.

use super::Error;
use crate::npy;
use crate::types::{BBox, FaceBox, Landmarks};
use ndarray::Array3;
use std::path::Path;

/// Rows that a box file has for each face: two corners and five points.
const BOX_POINTS: usize = 7;

/// Reads the landmarks of a frame's faces, the largest first: `int64`, `(faces, 68 or 81, 2)`.
///
/// Fails with [`Error::Shape`] for other shapes, also without faces, and with [`Error::Coordinate`] for points that
/// are no pixels of any image.
pub fn read_landmarks(path: &Path) -> Result<Vec<Landmarks>, Error> {
    landmarks_of(path, npy::read_array(path)?)
}

/// The landmarks that an array holds, which was read from `path`.
pub(super) fn landmarks_of(path: &Path, array: Array3<i64>) -> Result<Vec<Landmarks>, Error> {
    let expected = "landmarks (faces, 68 or 81, 2)";
    let &[faces, points, 2] = array.shape() else { return Err(shape_error(path, expected, array.shape())) };
    if faces == 0 || !matches!(points, Landmarks::FACE | Landmarks::WITH_FOREHEAD) {
        return Err(shape_error(path, expected, array.shape()));
    }
    const FARTHEST: i64 = Landmarks::FARTHEST as i64;
    if let Some(&value) = array.iter().find(|value| !(-FARTHEST..=FARTHEST).contains(value)) {
        return Err(Error::Coordinate { path: path.to_owned(), value: value as f64 });
    }
    let pixel = |value: i64| i32::try_from(value).expect("within FARTHEST");
    let face = |points: ndarray::ArrayView2<i64>| {
        let points = points.outer_iter().map(|xy| (pixel(xy[0]), pixel(xy[1]))).collect();
        Landmarks::new(points).expect("68 or 81 points")
    };
    Ok(array.outer_iter().map(face).collect())
}

/// Writes the landmarks of a frame's faces, which have equally many points: `int64`, `(faces, points, 2)`.
///
/// # Panics
/// Without faces.
pub fn write_landmarks(path: &Path, faces: &[Landmarks]) -> Result<(), Error> {
    let points = faces.first().expect("a landmark file has a face").points().len();
    let array = Array3::from_shape_fn((faces.len(), points, 2), |(face, point, axis)| {
        let (x, y) = faces[face].points()[point];
        i64::from(if axis == 0 { x } else { y })
    });
    Ok(npy::write_array_unsynced(path, array.view())?)
}

/// Reads the boxes of a frame's faces, the largest first: `float64`, `(faces, 7, 2)`.
///
/// Fails as [`read_landmarks`] does, also where a number is not finite.
pub fn read_boxes(path: &Path) -> Result<Vec<FaceBox>, Error> {
    boxes_of(path, npy::read_array(path)?)
}

/// The boxes that an array holds, which was read from `path`.
pub(super) fn boxes_of(path: &Path, array: Array3<f64>) -> Result<Vec<FaceBox>, Error> {
    if !matches!(array.shape(), &[faces, BOX_POINTS, 2] if faces > 0) {
        return Err(shape_error(path, "boxes (faces, 7, 2)", array.shape()));
    }
    const FARTHEST: f64 = Landmarks::FARTHEST as f64;
    if let Some(&value) = array.iter().find(|value| !(-FARTHEST..=FARTHEST).contains(value)) {
        return Err(Error::Coordinate { path: path.to_owned(), value });
    }
    let face = |rows: ndarray::ArrayView2<f64>| FaceBox {
        bbox: BBox { x0: rows[[0, 0]], y0: rows[[0, 1]], x1: rows[[1, 0]], y1: rows[[1, 1]] },
        points: std::array::from_fn(|i| (rows[[i + 2, 0]], rows[[i + 2, 1]])),
    };
    Ok(array.outer_iter().map(face).collect())
}

/// Writes the boxes of a frame's faces: `float64`, `(faces, 7, 2)`.
///
/// # Panics
/// Without faces.
pub fn write_boxes(path: &Path, faces: &[FaceBox]) -> Result<(), Error> {
    assert!(!faces.is_empty(), "a box file has a face");
    let array = Array3::from_shape_fn((faces.len(), BOX_POINTS, 2), |(face, row, axis)| {
        let FaceBox { bbox, points } = &faces[face];
        let (x, y) = match row {
            0 => (bbox.x0, bbox.y0),
            1 => (bbox.x1, bbox.y1),
            point => points[point - 2],
        };
        if axis == 0 { x } else { y }
    });
    Ok(npy::write_array_unsynced(path, array.view())?)
}

fn shape_error(path: &Path, expected: &'static str, found: &[usize]) -> Error {
    Error::Shape { path: path.to_owned(), expected, found: found.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Ix3;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("000.npy");
        let face = |by: i32| Landmarks::new((0..68).map(|i| (i - by, 2 * i + by)).collect()).unwrap();
        let faces = [face(3), face(-40)];
        write_landmarks(&path, &faces).unwrap();
        assert_eq!(read_landmarks(&path).unwrap(), faces);
        let corner = BBox { x0: -1.25, y0: 2.5, x1: 30.01, y1: 44.99 };
        let points = std::array::from_fn(|i| (i as f64, -0.5 * i as f64));
        let boxes = [FaceBox { bbox: corner, points }];
        write_boxes(&path, &boxes).unwrap();
        assert_eq!(read_boxes(&path).unwrap(), boxes);
        let raw = npy::read_array::<f64, Ix3>(&path).unwrap();
        assert_eq!(raw.shape(), [1, 7, 2]);
        assert_eq!([raw[[0, 1, 0]], raw[[0, 1, 1]], raw[[0, 4, 1]]], [30.01, 44.99, -1.0]);
    }

    #[test]
    fn other_shapes_are_named_with_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("000.npy");
        for shape in [(1, 5, 2), (0, 81, 2), (1, 81, 3)] {
            npy::write_array(&path, Array3::<i64>::zeros(shape).view()).unwrap();
            let error = read_landmarks(&path).unwrap_err().to_string();
            assert!(error.contains("68 or 81") && error.contains("anew"), "{error}");
        }
        npy::write_array(&path, Array3::<f64>::zeros((1, 4, 2)).view()).unwrap();
        assert!(matches!(read_boxes(&path), Err(Error::Shape { .. })));
    }

    #[test]
    fn numbers_that_are_no_pixels_are_named_with_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("000.npy");
        let far = i64::from(Landmarks::FARTHEST);
        let landmarks = |value: i64| {
            let mut points = Array3::zeros((2, 68, 2));
            points[[1, 67, 1]] = value;
            npy::write_array(&path, points.view()).unwrap();
            read_landmarks(&path)
        };
        let boxes = |value: f64| {
            let mut rows = Array3::zeros((2, 7, 2));
            rows[[1, 6, 0]] = value;
            npy::write_array(&path, rows.view()).unwrap();
            read_boxes(&path)
        };
        for within in [-far, far] {
            assert_eq!(i64::from(landmarks(within).unwrap()[1].points()[67].1), within);
            assert_eq!(boxes(within as f64).unwrap()[1].points[4].0, within as f64);
        }
        let message = |error: Error| {
            assert!(matches!(error, Error::Coordinate { .. }), "{error}");
            error.to_string()
        };
        for beyond in [far + 1, -far - 1, i64::MAX, i64::MIN] {
            let error = message(landmarks(beyond).unwrap_err());
            assert!(error.contains("000.npy: ") && error.contains(&(beyond as f64).to_string()), "{error}");
        }
        for beyond in [f64::NAN, f64::INFINITY, -1e6 - 0.5] {
            let error = message(boxes(beyond).unwrap_err());
            assert!(error.contains("000.npy: ") && error.contains(&beyond.to_string()), "{error}");
        }
    }
}
