//! From the command line's words to a process that is set up for them. What the settings are and why:
//! [`sbi::native::process`].

use crate::args::{Cli, Command};
use clap::Parser;
use sbi::native::process;
use sbi::ranks::{Launch, Launcher};

/// Reads the command line and sets up the process. Call first in `main`.
pub fn begin() -> Cli {
    process::prepare();
    let cli = Cli::parse();
    let threads = cli.global.threads.or_else(|| threads_among_processes(&cli.command));
    process::share_cores(threads, cli.command.needs_openmp());
    cli
}

/// Threads of a process that trains together with others of its machine: its share of the cores. torchrun sets
/// OMP_NUM_THREADS to 1 where nobody has set it, so that value says nothing.
fn threads_among_processes(command: &Command) -> Option<usize> {
    let Command::Train(_) = command else { return None };
    // What is wrong with the variables is told later.
    let launch = Launch::from_environment().ok().flatten().filter(|launch| launch.size > 1)?;
    let chosen = std::env::var("OMP_NUM_THREADS").ok().and_then(|threads| threads.parse().ok());
    match chosen {
        Some(threads) if threads > 1 || launch.launcher != Launcher::Torchrun => Some(threads),
        _ => launch.threads(),
    }
}

// In the test harness the command line is another one.
#[cfg(all(target_os = "linux", not(test)))]
sbi::before_constructors!(answer_early);

/// Answers what needs no network (help, version, usage errors) within tens of milliseconds; everything else falls
/// through to `main`.
#[cfg(all(target_os = "linux", not(test)))]
fn answer_early(start: &process::EarlyStart) {
    // The command line of a decoder is none of ours.
    sbi::media::serve_if_asked(start);
    match Cli::try_parse_from(start.arguments()) {
        Ok(cli) if cli.command.needs_openmp() => start.again_for_computing(),
        // Half of the time in which libtorch wakes up on one core is enough for a decoder to wake up on another.
        Ok(cli) if cli.command.decodes() => sbi::media::start_early(),
        Ok(_) => {}
        Err(answer) => {
            let _ = answer.print();
            let _ = std::io::Write::flush(&mut std::io::stdout());
            start.exit(answer.exit_code())
        }
    }
}
