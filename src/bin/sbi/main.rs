//! `sbi`: parse, dispatch, print the error chain, choose the exit status. Everything else is elsewhere.

mod args;
mod bench;
mod calibrate;
mod convert;
mod doctor;
// Linux runs such hooks; elsewhere, and in the test harness, `main` does it all.
#[cfg(all(target_os = "linux", not(test)))]
mod early;
mod infer;
mod npy_pack;
mod preprocess;
mod preview;
mod progress;
mod report;
mod robustness;
mod train;

use args::{Cli, Command, Global};
use clap::Parser;
use progress::Console;
use sbi::progress::Cancel;
use std::process::ExitCode;

/// Set by Ctrl-C; stages look at it between frames.
static CANCEL: Cancel = Cancel::new();

/// How a command that could do its work ended.
pub enum Outcome {
    /// All inputs were fine.
    AllDone,
    /// Some inputs failed and were listed.
    SomeFailed,
    /// No input could be used.
    NothingDone,
    /// Ctrl-C: what was finished is kept.
    Interrupted,
}

impl Outcome {
    fn exit_code(&self) -> u8 {
        match self {
            Outcome::AllDone => 0,
            Outcome::SomeFailed => 1,
            Outcome::NothingDone => 2,
            Outcome::Interrupted => 130,
        }
    }
}

/// What every command gets.
pub struct Session<'a> {
    pub global: &'a Global,
    pub progress: &'a Console,
    pub cancel: &'static Cancel,
}

fn main() -> ExitCode {
    // Before anything allocates or starts a thread.
    sbi::native::process::tune_allocator();
    sbi::native::process::silence_decoders();
    let cli = Cli::parse();
    let session = Session { global: &cli.global, progress: &Console::new(cli.global.quiet), cancel: &CANCEL };
    let result = set_up(&cli.global, &cli.command).and_then(|()| match &cli.command {
        Command::Preprocess(args) => preprocess::run(args, &session),
        Command::Train(args) => train::run(args, &session),
        Command::Preview(args) => preview::run(args, &session),
        Command::NpyPack(args) => npy_pack::run(args, &session),
        Command::Infer(args) => infer::run(args, &session),
        Command::Calibrate(args) => calibrate::run(args, &session),
        Command::Robustness(args) => robustness::run(args, &session),
        Command::Convert(args) => convert::run(args),
        Command::Bench(args) => bench::run(args, &session),
        Command::Doctor(args) => doctor::run(args, &session),
    });
    match result {
        Ok(outcome) => ExitCode::from(outcome.exit_code()),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn set_up(global: &Global, command: &Command) -> anyhow::Result<()> {
    let level = match global.verbose {
        0 => tracing::Level::WARN,
        1 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).without_time().init();
    if let Some(threads) = global.threads {
        sbi::native::process::set_threads(threads);
    }
    sbi::native::process::keep_opencv_single_threaded();
    if !command.needs_openmp() {
        sbi::native::process::keep_libtorch_single_threaded();
    }
    ctrlc::set_handler(|| {
        if CANCEL.is_requested() {
            std::process::exit(130);
        }
        CANCEL.request();
        eprintln!(
            "\ninterrupted: leaving off after the current step or video; press Ctrl-C again to stop at once"
        );
    })?;
    Ok(())
}
