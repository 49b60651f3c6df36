//! The numbers of one tensor, as they lie in a file.

use std::fmt;
use std::sync::Arc;

use half::{bf16, f16};

use super::Error;

/// Type of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DType {
    /// 32-bit float, IEEE single precision.
    F32,
    /// 16-bit float, IEEE half precision.
    F16,
    /// 16-bit float with the exponent of a 32-bit one.
    BF16,
    /// 64-bit float, IEEE double precision.
    F64,
    /// Signed 64-bit integer.
    I64,
    /// Signed 32-bit integer.
    I32,
    /// Signed 16-bit integer.
    I16,
    /// Signed 8-bit integer.
    I8,
    /// Unsigned 8-bit integer.
    U8,
    /// Truth value in one byte, 0 or 1.
    Bool,
}

impl DType {
    /// Every element type.
    pub const ALL: [DType; 10] = [
        DType::F32,
        DType::F16,
        DType::BF16,
        DType::F64,
        DType::I64,
        DType::I32,
        DType::I16,
        DType::I8,
        DType::U8,
        DType::Bool,
    ];

    /// Bytes per element.
    pub fn size(self) -> usize {
        match self {
            DType::F64 | DType::I64 => 8,
            DType::F32 | DType::I32 => 4,
            DType::F16 | DType::BF16 | DType::I16 => 2,
            DType::I8 | DType::U8 | DType::Bool => 1,
        }
    }

    /// PyTorch's name, such as `float32`.
    pub fn name(self) -> &'static str {
        match self {
            DType::F32 => "float32",
            DType::F16 => "float16",
            DType::BF16 => "bfloat16",
            DType::F64 => "float64",
            DType::I64 => "int64",
            DType::I32 => "int32",
            DType::I16 => "int16",
            DType::I8 => "int8",
            DType::U8 => "uint8",
            DType::Bool => "bool",
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A dense tensor in memory: little-endian elements in C (row-major) order, without gaps.
///
/// Clones share the bytes, so tied weights cost their memory once.
#[derive(Clone, PartialEq)]
pub struct TensorData {
    dtype: DType,
    shape: Vec<usize>,
    data: Arc<Vec<u8>>,
}

impl TensorData {
    /// Takes the raw little-endian elements of a tensor.
    ///
    /// Fails with [`Error::TensorLength`] unless `data` has shape times element size bytes.
    pub fn new(dtype: DType, shape: Vec<usize>, data: Vec<u8>) -> Result<TensorData, Error> {
        TensorData::shared(dtype, shape, Arc::new(data))
    }

    /// A tensor over bytes that it may share with another tensor; checked as in [`TensorData::new`].
    pub(super) fn shared(dtype: DType, shape: Vec<usize>, data: Arc<Vec<u8>>) -> Result<TensorData, Error> {
        let expected = element_count(&shape).and_then(|count| count.checked_mul(dtype.size()));
        if expected != Some(data.len()) {
            let found = data.len();
            return Err(Error::TensorLength { dtype, shape, found });
        }
        Ok(TensorData { dtype, shape, data })
    }

    /// A float32 tensor; `values` in C order. Fails when their number is not that of `shape`.
    pub fn from_f32(shape: &[usize], values: &[f32]) -> Result<TensorData, Error> {
        let data = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        TensorData::new(DType::F32, shape.to_vec(), data)
    }

    /// An int64 tensor; `values` in C order. Fails when their number is not that of `shape`.
    pub fn from_i64(shape: &[usize], values: &[i64]) -> Result<TensorData, Error> {
        let data = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        TensorData::new(DType::I64, shape.to_vec(), data)
    }

    /// Type of the elements.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Lengths of the axes; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements as they are stored, little-endian, in C order.
    pub fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// Number of elements.
    pub fn element_count(&self) -> usize {
        self.data.len() / self.dtype.size()
    }

    /// The elements in C order as float32, rounded to nearest where that is coarser.
    pub fn to_f32_vec(&self) -> Vec<f32> {
        match self.dtype {
            DType::F32 => self.map(f32::from_le_bytes),
            DType::F16 => self.map(|b| f16::from_le_bytes(b).to_f32()),
            DType::BF16 => self.map(|b| bf16::from_le_bytes(b).to_f32()),
            DType::F64 => self.map(|b| f64::from_le_bytes(b) as f32),
            DType::I64 => self.map(|b| i64::from_le_bytes(b) as f32),
            DType::I32 => self.map(|b| i32::from_le_bytes(b) as f32),
            DType::I16 => self.map(|b| f32::from(i16::from_le_bytes(b))),
            DType::I8 => self.map(|b| f32::from(i8::from_le_bytes(b))),
            DType::U8 => self.map(|[b]| f32::from(b)),
            DType::Bool => self.map(|[b]| f32::from(u8::from(b != 0))),
        }
    }

    /// The elements in C order as int64; floats are cut towards zero and held within its range.
    pub fn to_i64_vec(&self) -> Vec<i64> {
        match self.dtype {
            DType::F32 => self.map(|b| f32::from_le_bytes(b) as i64),
            DType::F16 => self.map(|b| f16::from_le_bytes(b).to_f32() as i64),
            DType::BF16 => self.map(|b| bf16::from_le_bytes(b).to_f32() as i64),
            DType::F64 => self.map(|b| f64::from_le_bytes(b) as i64),
            DType::I64 => self.map(i64::from_le_bytes),
            DType::I32 => self.map(|b| i64::from(i32::from_le_bytes(b))),
            DType::I16 => self.map(|b| i64::from(i16::from_le_bytes(b))),
            DType::I8 => self.map(|b| i64::from(i8::from_le_bytes(b))),
            DType::U8 => self.map(|[b]| i64::from(b)),
            DType::Bool => self.map(|[b]| i64::from(b != 0)),
        }
    }

    /// Where the bytes lie, the same for clones: what PyTorch calls sharing a storage.
    pub(super) fn identity(&self) -> *const u8 {
        self.data.as_ptr()
    }

    fn map<const N: usize, T>(&self, decode: impl Fn([u8; N]) -> T) -> Vec<T> {
        let element = |chunk: &[u8]| {
            let bytes: [u8; N] = chunk.try_into().expect("chunks_exact gives N bytes");
            decode(bytes)
        };
        self.data.chunks_exact(N).map(element).collect()
    }
}

impl fmt::Debug for TensorData {
    /// Type and shape only: the numbers of a network fill no screen usefully.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", self.dtype, self.shape)
    }
}

/// Product of the axis lengths, or `None` when it does not fit.
pub(super) fn element_count(shape: &[usize]) -> Option<usize> {
    // A zero anywhere makes the tensor empty, even where the other lengths overflow.
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(1usize, |count, &axis| count.checked_mul(axis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_must_match_shape() {
        assert!(TensorData::from_f32(&[2, 2], &[1.0; 4]).is_ok());
        assert!(TensorData::from_f32(&[2, 2], &[1.0; 3]).is_err());
        assert!(TensorData::new(DType::U8, vec![usize::MAX, 2], vec![0; 4]).is_err());
        assert!(TensorData::new(DType::U8, vec![usize::MAX, 2, 0], vec![]).is_ok());
    }

    #[test]
    fn a_scalar_has_one_element() {
        let scalar = TensorData::from_i64(&[], &[7]).unwrap();
        assert_eq!(scalar.element_count(), 1);
        assert_eq!(scalar.to_f32_vec(), [7.0]);
    }

    #[test]
    fn every_type_converts() {
        let one_and_minus_two: [(DType, Vec<u8>); 6] = [
            (DType::F16, vec![0x00, 0x3c, 0x00, 0xc0]),
            (DType::BF16, vec![0x80, 0x3f, 0x00, 0xc0]),
            (DType::I16, vec![1, 0, 0xfe, 0xff]),
            (DType::I8, vec![1, 0xfe]),
            (DType::I32, [1i32, -2].map(i32::to_le_bytes).concat()),
            (DType::F64, [1f64, -2.0].map(f64::to_le_bytes).concat()),
        ];
        for (dtype, bytes) in one_and_minus_two {
            let tensor = TensorData::new(dtype, vec![2], bytes).unwrap();
            assert_eq!(tensor.to_f32_vec(), [1.0, -2.0], "{dtype}");
            assert_eq!(tensor.to_i64_vec(), [1, -2], "{dtype}");
        }
        let bytes = TensorData::new(DType::U8, vec![2], vec![1, 254]).unwrap();
        assert_eq!(bytes.to_f32_vec(), [1.0, 254.0]);
        let bools = TensorData::new(DType::Bool, vec![2], vec![1, 0]).unwrap();
        assert_eq!(bools.to_i64_vec(), [1, 0]);
    }
}
