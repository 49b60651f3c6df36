//! Settings of the whole process: everything in this program that changes more than the values it computes with.
//!
//! | setting | when | why | it can go when |
//! | --- | --- | --- | --- |
//! | an answer before static constructors run ([`EarlyStart`]) | the loader's `.preinit_array` | libtorch and OpenCV take half a second to wake up, and `--help` needs neither | they load lazily |
//! | a second start of the program with variables for OpenMP and huge pages ([`EarlyStart::again_for_computing`]) | `.preinit_array`, for commands that compute with libtorch | both are read only while libraries load | training runs on kernels of our own |
//! | glibc's allocator keeps what is freed, in one arena ([`prepare`]) | first thing in `main` | mapping activations anew costs more than computing them | libtorch's allocator caches on the CPU |
//! | numbers of threads of rayon, libtorch and OpenCV ([`share_cores`]) | before anything computes | each would fill all cores by itself | one pool serves all three |
//! | one thread for libtorch in workers ([`set_worker_threads`]) | each worker's start | there is a worker per core | as above |
//! | panics that are expected are not printed ([`silence_panics`]) | first use | libtorch reports lack of memory by a panic, which is caught and told as an error | `tch` returns errors from all operators |
//! | an end without static destructors ([`end_at_once`]) | the last thing in `main` | libtorch takes a tenth of a second to put itself away | it does not |
//!
//! Programs that use the library without these settings get the same numbers, later.

mod allocator;
mod end;
mod libraries;
mod panics;
mod startup;
mod threads;

pub use allocator::tune_allocator;
pub use end::end_at_once;
pub use libraries::{LIBTORCH_VERSION, blas_library};
pub use panics::silence_panics;
pub use startup::EarlyStart;
pub use threads::{alone, set_threads, set_worker_threads, share_cores, threads};

/// Sets the allocator. Call first in `main`, before anything allocates much or starts a thread.
pub fn prepare() {
    tune_allocator();
}
