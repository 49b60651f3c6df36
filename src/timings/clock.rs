//! Adds up how long stages last.

use super::TARGET;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};
use tracing::span::Id;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// A stage that is open on a thread.
struct Open {
    entered: Instant,
    /// What the stages inside it have taken.
    inside: Duration,
}

thread_local! {
    /// The stages that are open on this thread, the innermost last.
    static OPEN: RefCell<Vec<Open>> = const { RefCell::new(Vec::new()) };
}

/// What a stage has taken on one thread, without the stages inside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spent {
    pub time: Duration,
    pub times: usize,
}

/// The stages of a thread, in the order in which they first ended.
#[derive(Clone, Debug, Default)]
pub(super) struct ThreadStages {
    pub name: Option<String>,
    pub stages: Vec<(&'static str, Spent)>,
}

impl ThreadStages {
    fn add(&mut self, stage: &'static str, time: Duration) {
        let at = self.stages.iter().position(|(name, _)| *name == stage).unwrap_or_else(|| {
            self.stages.push((stage, Spent::default()));
            self.stages.len() - 1
        });
        let spent = &mut self.stages[at].1;
        spent.time += time;
        spent.times += 1;
    }
}

/// A layer of a subscriber of [`tracing`] that adds up how long stages last. Its clones add to the same sums.
#[derive(Clone)]
pub struct StageClock {
    pub(super) started: Instant,
    pub(super) home: ThreadId,
    threads: Arc<Mutex<HashMap<ThreadId, ThreadStages>>>,
}

impl StageClock {
    /// A clock that runs from now on. The calling thread is the one whose time is told as a whole.
    #[expect(clippy::new_without_default, reason = "it begins to count")]
    pub fn new() -> Self {
        StageClock { started: Instant::now(), home: std::thread::current().id(), threads: Arc::default() }
    }

    /// What each thread has spent so far.
    pub(super) fn threads(&self) -> HashMap<ThreadId, ThreadStages> {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<ThreadId, ThreadStages>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_stage(metadata: &Metadata) -> bool {
    metadata.target() == TARGET
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for StageClock {
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if context.metadata(id).is_some_and(is_stage) {
            OPEN.with_borrow_mut(|open| open.push(Open { entered: Instant::now(), inside: Duration::ZERO }));
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(metadata) = context.metadata(id).filter(|metadata| is_stage(metadata)) else { return };
        let own = OPEN.with_borrow_mut(|open| {
            let Open { entered, inside } = open.pop()?;
            let all = entered.elapsed();
            if let Some(around) = open.last_mut() {
                around.inside += all;
            }
            Some(all.saturating_sub(inside))
        });
        let Some(own) = own else { return };
        let thread = std::thread::current();
        let mut threads = self.locked();
        let stages = threads
            .entry(thread.id())
            .or_insert_with(|| ThreadStages { name: thread.name().map(str::to_owned), stages: Vec::new() });
        stages.add(metadata.name(), own);
    }
}

#[cfg(test)]
mod tests {
    use super::super::stage;
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn a_stage_counts_without_those_inside_it_and_by_thread() {
        let clock = StageClock::new();
        let subscriber = tracing_subscriber::registry().with(clock.clone());
        tracing::subscriber::with_default(subscriber, || {
            let outer = stage!("outer");
            std::thread::sleep(SHORT);
            for _ in 0..2 {
                let _inner = stage!("inner");
                std::thread::sleep(SHORT);
            }
            let other = tracing::info_span!(target: "elsewhere", "no stage").entered();
            std::thread::sleep(SHORT);
            drop((other, outer));
        });
        let threads = clock.threads();
        let stages = &threads[&std::thread::current().id()].stages;
        let of = |name| stages.iter().find(|(stage, _)| *stage == name).map(|(_, spent)| *spent).unwrap();
        assert_eq!((stages.len(), of("inner").times, of("outer").times), (2, 2, 1));
        for name in ["inner", "outer"] {
            assert!(of(name).time >= 2 * SHORT, "{name}: {:?}", of(name).time);
        }
        assert!(of("inner").time + of("outer").time <= clock.started.elapsed());
    }
}
