//! All integration tests in one binary, because each one links libtorch and OpenCV.

/// Weight files: PyTorch's, hostile ones, damaged ones, our own.
mod checkpoints;
/// Numbers of the PyTorch reference.
mod vectors;
