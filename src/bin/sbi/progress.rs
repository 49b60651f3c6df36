//! Progress for people: a bar on a terminal, plain lines elsewhere, nothing with `--quiet`.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sbi::progress::Progress;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often a plain line is due where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Progress on standard error.
pub struct Console {
    quiet: bool,
    state: Mutex<State>,
}

struct State {
    bar: Option<ProgressBar>,
    unit: String,
    total: usize,
    done: usize,
    started: Instant,
    last_line: Instant,
    /// What `done` was in the last plain line.
    told: usize,
    /// How far the current thing is, in words.
    part: Option<String>,
}

impl Console {
    pub fn new(quiet: bool) -> Self {
        let now = Instant::now();
        let state = State {
            bar: None,
            unit: String::new(),
            total: 0,
            done: 0,
            started: now,
            last_line: now,
            told: 0,
            part: None,
        };
        Console { quiet, state: Mutex::new(state) }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }
}

impl State {
    fn line(&mut self) {
        self.told = self.done;
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = self.done as f64 / seconds.max(1e-9);
        let left = (self.total - self.done) as f64 / rate.max(1e-9);
        let part = self.part.take().map_or(String::new(), |part| format!("; {part}"));
        let State { done, total, unit, .. } = &*self;
        let left = if *done == 0 { String::new() } else { format!(", {left:.0} s left") };
        eprintln!("{done}/{total} {unit}, {rate:.2} a second{left}{part}");
    }
}

impl Progress for Console {
    fn begin(&self, total: usize, unit: &str) {
        if self.quiet {
            return;
        }
        self.with(|state| {
            (state.total, state.done, state.told, state.unit) = (total, 0, 0, unit.to_owned());
            (state.started, state.last_line) = (Instant::now(), Instant::now());
            if std::io::stderr().is_terminal() {
                let template = "{bar:30} {pos}/{len} {unit}  {per_sec}  {eta} left  {wide_msg}";
                let style = ProgressStyle::with_template(&template.replace("{unit}", unit))
                    .unwrap_or_else(|_| ProgressStyle::default_bar());
                let target = ProgressDrawTarget::stderr_with_hz(10);
                let bar = ProgressBar::with_draw_target(Some(total as u64), target).with_style(style);
                bar.enable_steady_tick(Duration::from_millis(250));
                state.bar = Some(bar);
            }
        });
    }

    fn advance(&self, name: &str) {
        if self.quiet {
            return;
        }
        self.with(|state| {
            state.done += 1;
            state.part = None;
            match &state.bar {
                Some(bar) => {
                    bar.inc(1);
                    bar.set_message(name.to_owned());
                }
                None if state.last_line.elapsed() >= LINE_EVERY => {
                    state.last_line = Instant::now();
                    state.line();
                }
                None => {}
            }
        });
    }

    fn part(&self, name: &str, done: usize, total: usize, unit: &str) {
        if self.quiet {
            return;
        }
        self.with(|state| {
            let part = format!("{name}: {done} of {total} {unit}");
            match &state.bar {
                Some(bar) => bar.set_message(part),
                None => {
                    state.part = Some(part);
                    if state.last_line.elapsed() >= LINE_EVERY {
                        state.last_line = Instant::now();
                        state.line();
                    }
                }
            }
        });
    }

    fn note(&self, message: &str) {
        if self.quiet {
            return;
        }
        self.with(|state| match &state.bar {
            Some(bar) => bar.println(message),
            None => eprintln!("{message}"),
        });
    }

    fn end(&self) {
        self.with(|state| {
            if let Some(bar) = state.bar.take() {
                bar.finish_and_clear();
            } else if !self.quiet && state.done > state.told {
                state.line();
            }
        });
    }
}
