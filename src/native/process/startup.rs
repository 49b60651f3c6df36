//! Code that runs before the static constructors of the libraries.

use std::ffi::{CStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStringExt;

/// What the loader hands to a function in the executable's `.preinit_array`, which runs after loading and before all
/// static constructors. No other thread exists yet. [`before_constructors!`](crate::before_constructors) places such a
/// function; it must not use the libraries.
pub struct EarlyStart {
    count: c_int,
    arguments: *const *const c_char,
    environment: *const *const c_char,
}

impl EarlyStart {
    /// Called by what [`before_constructors!`](crate::before_constructors) places, and by nobody else.
    ///
    /// # Safety
    /// The three must be the process's own argument and environment vectors, as the loader passes them, and no other
    /// thread may exist.
    #[doc(hidden)]
    pub unsafe fn run(
        count: c_int,
        arguments: *const *const c_char,
        environment: *const *const c_char,
        answer: fn(&EarlyStart),
    ) {
        unsafe extern "C" {
            static mut environ: *const *const c_char;
        }
        // SAFETY: there is no other thread. The C library has not set `environ` at this point; it will set it to the
        // same vector.
        unsafe { environ = environment };
        answer(&EarlyStart { count, arguments, environment });
    }

    /// The command line, the program's name first.
    pub fn arguments(&self) -> Vec<OsString> {
        let argument = |i: usize| {
            // SAFETY: the loader's vector holds `count` C strings that live as long as the process.
            let bytes = unsafe { CStr::from_ptr(*self.arguments.add(i)) }.to_bytes();
            OsString::from_vec(bytes.to_vec())
        };
        (0..self.count as usize).map(argument).collect()
    }

    /// Ends the process at once, without destructors, which suits libraries that were never constructed.
    pub fn exit(&self, code: i32) -> ! {
        // SAFETY: ends the process; there is nothing that would have to be put in order first.
        unsafe { libc::_exit(code) }
    }

    /// Starts the program again with variables that GNU's OpenMP and allocator read when they are loaded, unless the
    /// user has chosen how threads wait; comes back where nothing is to be changed or starting fails.
    ///
    /// OpenMP's threads wait for one another by spinning, for milliseconds. Where other threads decode videos or make
    /// samples on the same cores, or the machine has other work, that can take all the time there is: a training step
    /// of 0.2 s was seen to take 4 s, and beside two busy processes faces were scored at a tenth of the speed. Some tens
    /// of microseconds are enough to be as fast on a quiet machine.
    pub fn again_for_computing(&self) {
        const CHOICES: [&str; 2] = ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"];
        if CHOICES.iter().any(|name| std::env::var_os(name).is_some()) {
            return;
        }
        let waiting = c"GOMP_SPINCOUNT=10000";
        // Activations in pages of 2 MiB: taking small ones from the kernel costs a fifth of a training step.
        let pages = c"GLIBC_TUNABLES=glibc.malloc.hugetlb=1";
        let pages = Some(pages).filter(|_| std::env::var_os("GLIBC_TUNABLES").is_none());
        let mut environment = Vec::new();
        let mut at = self.environment;
        // SAFETY: the loader's vector ends with a null pointer.
        while let entry = unsafe { *at }
            && !entry.is_null()
        {
            environment.push(entry);
            // SAFETY: not at the end yet.
            at = unsafe { at.add(1) };
        }
        environment.push(waiting.as_ptr());
        environment.extend(pages.map(CStr::as_ptr));
        environment.push(std::ptr::null());
        // SAFETY: both vectors end with a null pointer and hold C strings. When the call fails, which it may where /proc
        // is not mounted, everything is as it was.
        unsafe { libc::execve(c"/proc/self/exe".as_ptr(), self.arguments, environment.as_ptr()) };
    }
}

/// Has a function `fn(&EarlyStart)` run before the libraries' static constructors. For executables on Linux, once.
#[macro_export]
macro_rules! before_constructors {
    ($answer:path) => {
        const _: () = {
            use std::ffi::{c_char, c_int};

            type Hook = extern "C" fn(c_int, *const *const c_char, *const *const c_char);

            extern "C" fn hook(
                count: c_int,
                arguments: *const *const c_char,
                environment: *const *const c_char,
            ) {
                // SAFETY: the loader passes the process's own vectors and has started no thread.
                unsafe { $crate::native::process::EarlyStart::run(count, arguments, environment, $answer) }
            }

            #[used]
            #[unsafe(link_section = ".preinit_array")]
            static HOOK: Hook = hook;
        };
    };
}
