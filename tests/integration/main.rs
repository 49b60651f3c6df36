//! All integration tests in one binary, because each one links libtorch and OpenCV.

mod checkpoints;
