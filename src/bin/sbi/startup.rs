//! From the command line's words to a process that is set up for them. What the settings are and why:
//! [`sbi::native::process`].

use crate::args::Cli;
use clap::Parser;
use sbi::native::process;

/// Reads the command line and sets up the process. Call first in `main`.
pub fn begin() -> Cli {
    process::prepare();
    let cli = Cli::parse();
    process::share_cores(cli.global.threads, cli.command.needs_openmp());
    cli
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
        Ok(_) => {}
        Err(answer) => {
            let _ = answer.print();
            let _ = std::io::Write::flush(&mut std::io::stdout());
            start.exit(answer.exit_code())
        }
    }
}
