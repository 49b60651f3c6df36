//! Help, version and usage errors, answered before the heavy libraries wake up.
//!
//! libtorch and OpenCV's many dependencies spend half a second in their static constructors. A function in the
//! executable's `.preinit_array` runs after loading and before all of these, so a command line that needs no
//! network is answered within tens of milliseconds. Everything else falls through to `main`.

use crate::args::Cli;
use clap::Parser;
use std::ffi::{c_char, c_int, CStr, OsString};
use std::os::unix::ffi::OsStringExt;

type Hook = extern "C" fn(c_int, *const *const c_char, *const *const c_char);

#[used]
#[link_section = ".preinit_array"]
static BEFORE_CONSTRUCTORS: Hook = answer_early;

extern "C" fn answer_early(count: c_int, arguments: *const *const c_char, environment: *const *const c_char) {
    extern "C" {
        static mut environ: *const *const c_char;
    }
    // SAFETY: the loader passes the process's own argument and environment vectors; no other thread exists yet.
    // The C library has not set `environ` at this point; it will set it to the same vector.
    let arguments: Vec<OsString> = unsafe {
        environ = environment;
        (0..count as usize)
            .map(|i| OsString::from_vec(CStr::from_ptr(*arguments.add(i)).to_bytes().to_vec()))
            .collect()
    };
    if let Err(answer) = Cli::try_parse_from(arguments) {
        let _ = answer.print();
        let _ = std::io::Write::flush(&mut std::io::stdout());
        // SAFETY: ends the process without destructors, which suits libraries that were never constructed.
        unsafe { libc::_exit(answer.exit_code()) }
    }
}
