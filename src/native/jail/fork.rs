//! Workers: copies of a server, one for each input.

use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_parent_process_death_signal, waitpid};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;

/// Who comes back from a fork.
pub enum Fork {
    /// The new process.
    Worker,
    /// The old one, with the new one's number.
    Server(Pid),
}

/// How a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Exited(status) => write!(f, "exit status {status}"),
            Ended::Killed(signal) => match Signal::from_named_raw(*signal) {
                Some(Signal::SEGV) => f.write_str("segmentation fault"),
                Some(Signal::ABORT) => f.write_str("abort"),
                Some(Signal::BUS) => f.write_str("bus error"),
                Some(Signal::ILL) => f.write_str("illegal instruction"),
                Some(Signal::FPE) => f.write_str("arithmetic error"),
                Some(Signal::KILL) => f.write_str("killed"),
                _ => write!(f, "signal {signal}"),
            },
        }
    }
}

impl Ended {
    /// Whether it had computed for longer than allowed.
    pub fn by_time_limit(self) -> bool {
        self == Ended::Killed(libc::SIGXCPU)
    }

    /// Whether it gave up by itself, as programs do that get no memory.
    pub fn by_abort(self) -> bool {
        self == Ended::Killed(libc::SIGABRT)
    }
}

/// Splits this process in two. The worker dies with its server.
///
/// # Safety
/// This process must have one thread only: locks that others hold would stay locked in the worker.
pub unsafe fn fork() -> io::Result<Fork> {
    // SAFETY: as the caller promises.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // Failing leaves a worker that ends a little later: when it next writes to whoever has gone.
            let _ = set_parent_process_death_signal(Some(Signal::KILL));
            Ok(Fork::Worker)
        }
        pid => Ok(Fork::Server(
            Pid::from_raw(pid).ok_or_else(|| io::Error::other("a process without a number"))?,
        )),
    }
}

/// How a worker ended; `None` as long as it runs.
pub fn reap(worker: Pid) -> Option<Ended> {
    match waitpid(Some(worker), WaitOptions::NOHANG) {
        Ok(None) => None,
        Ok(Some((_, status))) => Some(match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Ended::Exited(code),
            (None, signal) => Ended::Killed(signal.unwrap_or(0)),
        }),
        Err(_) => Some(Ended::Exited(-1)),
    }
}

/// Ends a worker at once.
pub fn kill(worker: Pid) {
    let _ = kill_process(worker, Signal::KILL);
}

/// Has signals that a terminal sends to a whole group of processes ignored: whoever gave the orders decides what becomes
/// of them, and this process ends when it does.
pub fn quiet_signals() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGPIPE] {
        // SAFETY: ignoring a signal installs no code.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Ends this process at once, without destructors.
pub fn end(status: i32) -> ! {
    // SAFETY: ends the process; there is nothing that would have to be put in order first.
    unsafe { libc::_exit(status) }
}
