//! What a clock has found, as numbers and as a table.

use super::clock::{StageClock, ThreadStages};
use super::processor;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// Threads and stages of less than this share of the whole are told together.
const LEAST: f64 = 0.005;

/// Where the time of a run went.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timings {
    /// From the start of the process until now, in seconds.
    pub seconds: f64,
    /// Processor time of this process, in seconds.
    pub processor_seconds: f64,
    /// Processor time of the processes that decode, in seconds.
    pub decoding_seconds: f64,
    /// Processors that this process may use.
    pub processors: usize,
    /// The stages of the thread that the run goes along, which add up to the whole; what belongs to none is called
    /// `everything else`.
    pub stages: Vec<StageTime>,
    /// The stages of other threads, which went on meanwhile.
    pub beside: Vec<StageTime>,
    /// Processor time by the names of threads that have not ended, the busiest first.
    pub threads: Vec<ThreadTime>,
}

/// A stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageTime {
    /// What was done.
    pub name: String,
    /// How long it took in all, waiting included, without the stages inside it, in seconds.
    pub seconds: f64,
    /// How often it was begun.
    pub times: usize,
}

/// Threads of one name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ThreadTime {
    /// The name that they were given.
    pub name: String,
    /// How many there are.
    pub count: usize,
    /// Their processor time, in seconds.
    pub processor_seconds: f64,
}

impl Timings {
    /// What the clock has found until now.
    pub fn of(clock: &StageClock) -> Self {
        let process = processor::this_process();
        let running = clock.started.elapsed();
        let age = process.as_ref().and_then(|stat| stat.age()).unwrap_or_default().max(running);
        let (own, ended) =
            process.map_or((Duration::ZERO, Duration::ZERO), |stat| (stat.own(), stat.children()));
        let mut threads = clock.threads();
        let home = threads.remove(&clock.home).unwrap_or_default();
        let mut stages =
            vec![StageTime { name: "starting".to_owned(), seconds: (age - running).as_secs_f64(), times: 1 }];
        stages.extend(stages_of(&home, true));
        let told: f64 = stages.iter().map(|stage| stage.seconds).sum();
        let rest = (age.as_secs_f64() - told).max(0.0);
        stages.push(StageTime { name: "everything else".to_owned(), seconds: rest, times: 1 });
        let mut beside: Vec<StageTime> = Vec::new();
        for stage in threads.values().flat_map(|thread| stages_of(thread, false)) {
            match beside.iter_mut().find(|other| other.name == stage.name) {
                Some(same) => {
                    same.seconds += stage.seconds;
                    same.times += stage.times;
                }
                None => beside.push(stage),
            }
        }
        beside.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        Timings {
            seconds: age.as_secs_f64(),
            processor_seconds: own.as_secs_f64(),
            decoding_seconds: (ended + processor::helpers()).as_secs_f64(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            stages,
            beside,
            threads: by_name(processor::threads()),
        }
    }

    /// The share of all processors' time that was used, 0..1.
    pub fn busy(&self) -> f64 {
        (self.processor_seconds + self.decoding_seconds) / (self.seconds * self.processors as f64).max(1e-9)
    }
}

/// The stages of a thread; where it is not that of the run, by its name too.
fn stages_of(thread: &ThreadStages, home: bool) -> Vec<StageTime> {
    let told = |(name, spent): &(&'static str, super::clock::Spent)| StageTime {
        name: match &thread.name {
            Some(thread) if !home => format!("{thread}: {name}"),
            _ => (*name).to_owned(),
        },
        seconds: spent.time.as_secs_f64(),
        times: spent.times,
    };
    thread.stages.iter().map(told).collect()
}

fn by_name(threads: Vec<processor::Stat>) -> Vec<ThreadTime> {
    let mut found: Vec<ThreadTime> = Vec::new();
    for stat in threads {
        let seconds = stat.own().as_secs_f64();
        match found.iter_mut().find(|other| other.name == stat.name) {
            Some(same) => {
                same.count += 1;
                same.processor_seconds += seconds;
            }
            None => found.push(ThreadTime { name: stat.name, count: 1, processor_seconds: seconds }),
        }
    }
    found.sort_by(|a, b| b.processor_seconds.total_cmp(&a.processor_seconds));
    found
}

impl fmt::Display for Timings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |seconds: f64| 100.0 * seconds / self.seconds.max(1e-9);
        writeln!(f, "{:<34} {:>8}  {:>6}  {:>7}", "where the time went", "seconds", "share", "times")?;
        let mut row = |name: &str, seconds: f64, times: usize| {
            writeln!(f, "  {name:<32} {seconds:>8.2}  {:>4.0} %  {times:>7}", share(seconds))
        };
        for stage in &self.stages {
            row(&stage.name, stage.seconds, stage.times)?;
        }
        row("all", self.seconds, 1)?;
        let mut beside = self.beside.iter().filter(|stage| stage.seconds >= LEAST * self.seconds).peekable();
        if beside.peek().is_some() {
            writeln!(f, "meanwhile, on other threads")?;
        }
        for stage in beside {
            writeln!(
                f,
                "  {:<32} {:>8.2}  {:>4.0} %  {:>7}",
                stage.name,
                stage.seconds,
                share(stage.seconds),
                stage.times
            )?;
        }
        writeln!(f, "processor time")?;
        let shown = |thread: &&ThreadTime| thread.processor_seconds >= LEAST * self.seconds;
        for thread in self.threads.iter().filter(shown) {
            let name = match thread.count {
                1 => format!("thread {}", thread.name),
                count => format!("{count} threads {}", thread.name),
            };
            writeln!(f, "  {name:<32} {:>8.2}", thread.processor_seconds)?;
        }
        writeln!(f, "  {:<32} {:>8.2}", "this process, ended threads too", self.processor_seconds)?;
        writeln!(f, "  {:<32} {:>8.2}", "decoding, in processes of its own", self.decoding_seconds)?;
        let busy = 100.0 * self.busy();
        write!(f, "  {:<32} {busy:>6.0} %", format!("{} processors busy", self.processors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timings::stage;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn stages_add_up_to_the_whole_and_those_of_other_threads_stand_apart() {
        let clock = StageClock::new();
        let subscriber = tracing_subscriber::registry().with(clock.clone());
        let dispatch = tracing::Dispatch::new(subscriber);
        tracing::dispatcher::with_default(&dispatch, || {
            let waiting = stage!("waiting");
            let dispatch = dispatch.clone();
            let busy = move || {
                tracing::dispatcher::with_default(&dispatch, || {
                    let _computing = stage!("computing");
                    std::thread::sleep(Duration::from_millis(30));
                });
            };
            std::thread::Builder::new().name("helper".to_owned()).spawn(busy).unwrap().join().unwrap();
            drop(waiting);
        });
        let timings = Timings::of(&clock);
        let sum: f64 = timings.stages.iter().map(|stage| stage.seconds).sum();
        assert!((sum - timings.seconds).abs() < 1e-6, "{timings:?}");
        let own = timings.stages.iter().find(|stage| stage.name.ends_with("waiting")).unwrap();
        assert!(own.seconds >= 0.03);
        assert_eq!((timings.beside.len(), timings.beside[0].name.as_str()), (1, "helper: computing"));
        // In a process that runs for minutes nobody would be told of so little.
        let table = Timings { seconds: 1.0, ..timings }.to_string();
        for words in ["waiting", "meanwhile", "helper: computing", "processors busy"] {
            assert!(table.contains(words), "{words}: {table}");
        }
    }
}
