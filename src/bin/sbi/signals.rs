//! What Ctrl-C, SIGTERM and SIGHUP do: the first one asks the command to leave off, the second one ends it.

use sbi::progress::Cancel;
use sbi::ranks::Launch;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Signals within this time are one wish where a launcher is about: of Ctrl-C both it and its processes hear, and it then
/// sends them a signal of its own.
const ONE_WISH: Duration = Duration::from_secs(5);

/// What signals find.
pub struct Signals {
    state: Mutex<State>,
}

struct State {
    /// When the first one came.
    since: Option<Instant>,
    /// Whether the process was started together with others.
    launched: bool,
    /// Whether it tells what it does.
    tells: bool,
}

impl Signals {
    /// Of a process that is alone.
    pub const fn new() -> Self {
        Signals { state: Mutex::new(State { since: None, launched: false, tells: true }) }
    }

    /// From now on the process is one of several, if it is: rank 0 tells for all.
    pub fn among_processes(&self, launch: Option<&Launch>) {
        if let (Some(launch), Ok(mut state)) = (launch, self.state.lock()) {
            state.launched = true;
            state.tells = launch.rank == 0;
        }
    }

    /// A signal has come.
    pub fn arrived(&self, cancel: &Cancel) {
        let Ok(mut state) = self.state.lock() else { std::process::exit(130) };
        let Some(since) = state.since else {
            state.since = Some(Instant::now());
            cancel.request();
            let how = match state.launched {
                true => "saving after the current step, in all processes",
                false => "leaving off after the current step or video; press Ctrl-C again to stop at once",
            };
            if state.tells {
                eprintln!("\ninterrupted: {how}");
            }
            return;
        };
        if !state.launched || since.elapsed() > ONE_WISH {
            std::process::exit(130);
        }
    }
}
