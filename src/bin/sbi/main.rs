//! `sbi`: parse, dispatch, print the error chain, choose the exit status. Everything else is elsewhere.

mod advice;
mod args;
mod average;
mod bench;
mod calibrate;
mod compare;
mod convert;
mod doctor;
mod files_report;
mod infer;
mod inputs;
mod merge;
mod npy_pack;
mod preprocess;
mod preview;
mod progress;
mod protocols;
mod reconstruct;
mod report;
mod robustness;
mod serve;
mod signals;
mod startup;
mod train;
mod verify;

use args::{Command, Global};
use progress::Console;
use sbi::native::process;
use sbi::progress::Cancel;
use sbi::timings::{StageClock, Timings};
use signals::Signals;
use std::io::Write;
use tracing_subscriber::filter::{FilterExt, LevelFilter, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Set by Ctrl-C; stages look at it between frames.
static CANCEL: Cancel = Cancel::new();
/// What a signal does.
static SIGNALS: Signals = Signals::new();

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
    /// The flags that all commands have.
    pub global: &'a Global,
    /// Where the command tells how far it is.
    pub progress: &'a Console,
    /// Set by Ctrl-C.
    pub cancel: &'static Cancel,
    /// What Ctrl-C does.
    pub signals: &'static Signals,
}

impl Session<'_> {
    /// Tells a person something in one line.
    pub fn note(&self, message: &str) {
        sbi::progress::Progress::note(self.progress, message);
    }
}

fn main() -> ! {
    let code = run();
    // What is still in the buffer goes out; that nobody reads it any more is no failure.
    let _ = std::io::stdout().flush();
    // Not by way of the libraries' destructors: libtorch takes a tenth of a second to put itself away.
    process::end_at_once(i32::from(code))
}

/// Does what the command line asks for; the exit status.
fn run() -> u8 {
    let cli = startup::begin();
    let progress = &Console::new(cli.global.quiet);
    let session = Session { global: &cli.global, progress, cancel: &CANCEL, signals: &SIGNALS };
    let clock = cli.global.timings.then(StageClock::new);
    let result = set_up(&cli.global, clock.clone()).and_then(|()| match &cli.command {
        Command::Preprocess(args) => preprocess::run(args, &session),
        Command::Reconstruct(args) => reconstruct::run(args, &session),
        Command::Train(args) => train::run(args, &session),
        Command::Preview(args) => preview::run(args, &session),
        Command::NpyPack(args) => npy_pack::run(args, &session),
        Command::Infer(args) => infer::run(args, &session),
        Command::Merge(args) => merge::run(args, &session),
        Command::Verify(args) => verify::run(args, &session),
        Command::Compare(args) => compare::run(args),
        Command::Calibrate(args) => calibrate::run(args, &session),
        Command::Robustness(args) => robustness::run(args, &session),
        Command::Serve(args) => serve::run(args, &session),
        Command::Convert(args) => convert::run(args),
        Command::Average(args) => average::run(args),
        Command::Bench(args) => bench::run(args, &session),
        Command::Doctor(args) => doctor::run(args, &session),
    });
    if let Some(clock) = clock {
        eprintln!("{}", Timings::of(&clock));
    }
    match result {
        Ok(outcome) => outcome.exit_code(),
        Err(error) => {
            eprintln!("error: {}", advice::told(&error));
            2
        }
    }
}

fn set_up(global: &Global, clock: Option<StageClock>) -> anyhow::Result<()> {
    let level = match global.verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    // Stages are for the clock alone.
    let messages = filter_fn(|metadata| metadata.target() != sbi::timings::TARGET).and(level);
    let written = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).without_time();
    tracing_subscriber::registry().with(written.with_filter(messages)).with(clock).init();
    ctrlc::set_handler(|| SIGNALS.arrived(&CANCEL))?;
    Ok(())
}
