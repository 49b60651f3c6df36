//! Help, version and usage errors, answered before the heavy libraries wake up.
//!
//! libtorch and OpenCV's many dependencies spend half a second in their static constructors. A function in the
//! executable's `.preinit_array` runs after loading and before all of these, so a command line that needs no
//! network is answered within tens of milliseconds. Everything else falls through to `main`.

use crate::args::Cli;
use clap::Parser;
use std::ffi::{CStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStringExt;

type Hook = extern "C" fn(c_int, *const *const c_char, *const *const c_char);

#[used]
#[unsafe(link_section = ".preinit_array")]
static BEFORE_CONSTRUCTORS: Hook = answer_early;

extern "C" fn answer_early(
    count: c_int,
    raw_arguments: *const *const c_char,
    environment: *const *const c_char,
) {
    unsafe extern "C" {
        static mut environ: *const *const c_char;
    }
    // SAFETY: the loader passes the process's own argument and environment vectors; no other thread exists yet.
    // The C library has not set `environ` at this point; it will set it to the same vector.
    let arguments: Vec<OsString> = unsafe {
        environ = environment;
        (0..count as usize)
            .map(|i| OsString::from_vec(CStr::from_ptr(*raw_arguments.add(i)).to_bytes().to_vec()))
            .collect()
    };
    match Cli::try_parse_from(arguments) {
        Ok(Cli { command, .. }) if command.needs_openmp() => {
            restart_for_computing(raw_arguments, environment)
        }
        Ok(_) => {}
        Err(answer) => {
            let _ = answer.print();
            let _ = std::io::Write::flush(&mut std::io::stdout());
            // SAFETY: ends the process without destructors, which suits libraries that were never constructed.
            unsafe { libc::_exit(answer.exit_code()) }
        }
    }
}

/// Starts the program again with variables that GNU's OpenMP and allocator read when they are loaded, unless the user
/// has chosen how threads wait.
///
/// OpenMP's threads wait for one another by spinning, for milliseconds. Where other threads decode videos or make samples
/// on the same cores, or the machine has other work, that can take all the time there is: a training step of 0.2 s was
/// seen to take 4 s, and beside two busy processes faces were scored at a tenth of the speed. Some tens of microseconds
/// are enough to be as fast on a quiet machine.
fn restart_for_computing(arguments: *const *const c_char, environment: *const *const c_char) {
    const CHOICES: [&str; 2] = ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"];
    if CHOICES.iter().any(|name| std::env::var_os(name).is_some()) {
        return;
    }
    let waiting = c"GOMP_SPINCOUNT=10000";
    // Activations in pages of 2 MiB: taking small ones from the kernel costs a fifth of a training step.
    let pages = c"GLIBC_TUNABLES=glibc.malloc.hugetlb=1";
    let pages = Some(pages).filter(|_| std::env::var_os("GLIBC_TUNABLES").is_none());
    // SAFETY: the loader's vectors end with a null pointer, and so does the copy. When the call fails, which it may
    // where /proc is not mounted, everything is as it was.
    unsafe {
        let mut copy = Vec::new();
        let mut at = environment;
        while !(*at).is_null() {
            copy.push(*at);
            at = at.add(1);
        }
        copy.push(waiting.as_ptr());
        copy.extend(pages.map(|pages| pages.as_ptr()));
        copy.push(std::ptr::null());
        libc::execve(c"/proc/self/exe".as_ptr(), arguments, copy.as_ptr());
    }
}
