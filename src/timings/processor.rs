//! Processor time of threads and processes, as Linux tells it under `/proc`.

use std::path::Path;
use std::time::Duration;

/// Fields of `/proc/*/stat` behind the name, counted from 0: processor time of the process or thread, and of its children
/// that have ended, in ticks.
const OWN: [usize; 2] = [11, 12];
const CHILDREN: [usize; 2] = [13, 14];
/// When it was started, in ticks since the machine was.
const STARTED: usize = 19;

/// A thread or process, as its `stat` file describes it.
pub(super) struct Stat {
    /// At most 15 bytes.
    pub name: String,
    fields: Vec<u64>,
}

impl Stat {
    /// Reads a `stat` file; `None` where there is none.
    pub fn read(path: &Path) -> Option<Self> {
        Stat::parse(&std::fs::read_to_string(path).ok()?)
    }

    /// A name may have spaces and brackets.
    fn parse(text: &str) -> Option<Self> {
        let (before, after) = text.rsplit_once(')')?;
        let name = before.split_once('(')?.1.to_owned();
        // A few fields may be negative; none that is asked for.
        let fields = after.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
        Some(Stat { name, fields })
    }

    fn ticks(&self, fields: [usize; 2]) -> Duration {
        let ticks: u64 = fields.iter().filter_map(|&at| self.fields.get(at)).sum();
        Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    /// Processor time of its own.
    pub fn own(&self) -> Duration {
        self.ticks(OWN)
    }

    /// Processor time of its children that have ended.
    pub fn children(&self) -> Duration {
        self.ticks(CHILDREN)
    }

    /// How long ago it was started, to a tick.
    pub fn age(&self) -> Option<Duration> {
        let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
        let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
        let ticks = *self.fields.get(STARTED)?;
        let started = ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
        Some(Duration::from_secs_f64((uptime - started).max(0.0)))
    }
}

/// This process.
pub(super) fn this_process() -> Option<Stat> {
    Stat::read(Path::new("/proc/self/stat"))
}

/// Its threads that have not ended.
pub(super) fn threads() -> Vec<Stat> {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    tasks.filter_map(|task| Stat::read(&task.ok()?.path().join("stat"))).collect()
}

/// Processor time of the processes that this one has started and that still run, and of their own children.
pub(super) fn helpers() -> Duration {
    let listed = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    let children = |text: &str| {
        let numbers: Vec<u32> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        numbers
    };
    let mut all = children(&listed);
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Duration::ZERO };
    for task in tasks.flatten() {
        all.extend(children(&std::fs::read_to_string(task.path().join("children")).unwrap_or_default()));
    }
    all.sort_unstable();
    all.dedup();
    let stat = |id: &u32| Stat::read(Path::new(&format!("/proc/{id}/stat")));
    all.iter().filter_map(stat).map(|stat| stat.own() + stat.children()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whatever_the_name() {
        let line = "7 (a b) c) S 1 7 7 0 -1 4194304 99 0 0 0 250 50 30 70 20 0 1 0 1234 0 0";
        let stat = Stat::parse(line).unwrap();
        let second = rustix::param::clock_ticks_per_second() as f64;
        assert_eq!(stat.name, "a b) c");
        assert_eq!(stat.own(), Duration::from_secs_f64(300.0 / second));
        assert_eq!(stat.children(), Duration::from_secs_f64(100.0 / second));
        assert_eq!(stat.fields[STARTED], 1234);
        assert!(Stat::parse("nonsense").is_none());
    }

    #[test]
    fn this_process_has_a_past() {
        let stat = this_process().unwrap();
        assert!(stat.age().unwrap() > Duration::ZERO);
        assert!(!threads().is_empty());
    }
}
