//! Whether the other processes are still there. A sum waits for all of them; without this, a process that is gone would
//! keep the others waiting.
//!
//! Each process leaves a sign of life in the store every second and watches that of the next one, in a ring. Who finds a
//! neighbour silent, or ends with an error, says so under [`LOST`], which all look at. A sum that fails tells that
//! something is wrong at once (a killed process's connections close), but not who: then the signs of life need to be
//! missing for a moment only.

use super::error::{Loss, RanksError};
use crate::native::process_group::{GroupError, ProcessGroup};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often a sign of life is left and looked for.
const BEAT: Duration = Duration::from_secs(1);
/// Silence after which a process counts as lost.
const SILENCE: Duration = Duration::from_secs(25);
/// The same once something has failed.
const SILENCE_AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How long a process whose sum has failed waits to be told who is lost.
const VERDICT: Duration = Duration::from_secs(12);
/// How long this process's own look at the store may take until the store's machine counts as down.
const STORE_SILENCE: Duration = Duration::from_secs(35);
/// A look that comes so much later than the one before tells of this process, not of others.
const STOPPED: Duration = Duration::from_secs(4);
/// How long the run may take to end by itself once a process is lost.
const GRACE: Duration = Duration::from_secs(15);
/// How long a process that fails waits for the others to read why.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Looks at a store that may fail before it counts as gone.
const FAILURES: usize = 2;

/// Key of what is known of a lost process.
const LOST: &str = "lost";
/// Key that is there once a sum has failed somewhere.
const SUSPICION: &str = "suspicion";

fn life(rank: usize) -> String {
    format!("alive/{rank}")
}

fn read_by(rank: usize) -> String {
    format!("read/{rank}")
}

/// What is told of a lost process.
#[derive(Serialize, Deserialize)]
struct Report {
    rank: usize,
    error: Option<String>,
}

/// Called with what has happened when the process cannot end by itself: it waits for a device or a file. Must end the
/// process.
pub type LastResort = fn(&RanksError);

struct Shared {
    group: Arc<ProcessGroup>,
    rank: usize,
    size: usize,
    lost: Mutex<Option<(RanksError, Instant)>>,
    news: Condvar,
    suspicious: AtomicBool,
    ending: AtomicBool,
    beat: Mutex<Instant>,
}

/// The threads that watch.
pub struct Watch {
    shared: Arc<Shared>,
    beats: Option<thread::JoinHandle<()>>,
}

impl Watch {
    /// Begins to watch.
    pub fn start(group: Arc<ProcessGroup>, rank: usize, size: usize, last_resort: LastResort) -> Self {
        let shared = Arc::new(Shared {
            group,
            rank,
            size,
            lost: Mutex::new(None),
            news: Condvar::new(),
            suspicious: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            beat: Mutex::new(Instant::now()),
        });
        let (of_beats, of_guard) = (Arc::clone(&shared), Arc::clone(&shared));
        let beats = thread::spawn(move || of_beats.beat());
        thread::spawn(move || of_guard.guard(last_resort));
        Watch { shared, beats: Some(beats) }
    }

    /// What to say of a sum that failed with `error`: who is lost, where that comes out within a moment.
    pub fn verdict(&self, error: &GroupError) -> RanksError {
        let shared = &self.shared;
        shared.suspicious.store(true, Ordering::SeqCst);
        self.wake();
        let lost = locked(&shared.lost);
        let waited = shared.news.wait_timeout_while(lost, VERDICT, |lost| lost.is_none());
        let (lost, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match &*lost {
            Some((lost, _)) => lost.clone(),
            None => RanksError::Broken { rank: shared.rank, size: shared.size, cause: error.to_string() },
        }
    }

    /// Tells the others why this process ends, and gives them time to read it.
    pub fn tell(&self, error: &str) {
        let Shared { group, rank, size, lost, .. } = &*self.shared;
        if locked(lost).is_some() {
            return;
        }
        match group.ask(LOST) {
            Ok(None) => {}
            Ok(Some(_)) => {
                // Another one was first, and need not wait for this one. A store that is gone tells nobody.
                let _ = group.tell(&read_by(*rank), "1");
                return;
            }
            Err(_) => return,
        }
        let report = Report { rank: *rank, error: Some(error.to_owned()) };
        let Ok(report) = serde_json::to_string(&report) else { return };
        if group.tell(LOST, &report).is_err() {
            return;
        }
        let end = Instant::now() + LAST_WORDS;
        let others = (0..*size).filter(|other| other != rank);
        for other in others {
            while Instant::now() < end && matches!(group.ask(&read_by(other)), Ok(None)) {
                thread::sleep(BEAT / 10);
            }
        }
    }

    /// Stops watching at the end of a run, when all processes are through.
    pub fn stop(mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(beats) = self.beats.take() {
            // It ends with its current look at the store; a panic there has been printed.
            let _ = beats.join();
        }
    }

    fn wake(&self) {
        if let Some(beats) = &self.beats {
            beats.thread().unpark();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Without waiting for a look at a store that may never answer.
        self.shared.ending.store(true, Ordering::SeqCst);
        self.wake();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The last sign of life of the neighbour.
struct Neighbour {
    rank: usize,
    sign: Option<String>,
    seen: Instant,
}

impl Shared {
    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    fn error_of(&self, rank: usize, why: Loss) -> RanksError {
        RanksError::Lost { rank, size: self.size, why }
    }

    /// From now on this process knows of a loss, and its sums fail.
    fn declare(&self, error: RanksError) {
        locked(&self.lost).get_or_insert((error, Instant::now()));
        self.group.give_up();
        self.news.notify_all();
    }

    /// The thread that leaves signs of life and looks for others'.
    fn beat(&self) {
        let next = (self.rank + 1) % self.size;
        let mut neighbour = Neighbour { rank: next, sign: None, seen: Instant::now() };
        let mut failures = 0;
        for count in 0u64.. {
            if self.is_ending() {
                return;
            }
            // Whoever was stopped himself (by a signal, by a machine without a free core) has not seen others be silent.
            if locked(&self.beat).elapsed() > STOPPED {
                neighbour.seen = Instant::now();
            }
            match self.look(count, &mut neighbour) {
                Ok(None) => failures = 0,
                Ok(Some(lost)) => return self.declare(lost),
                Err(_) if self.is_ending() => return,
                Err(_) => failures += 1,
            }
            if failures == FAILURES {
                // Who holds the store is rank 0, or torchrun on its machine.
                return self.declare(self.error_of(0, Loss::Silent));
            }
            *locked(&self.beat) = Instant::now();
            thread::park_timeout(BEAT);
        }
    }

    fn look(&self, count: u64, neighbour: &mut Neighbour) -> Result<Option<RanksError>, GroupError> {
        let group = &self.group;
        group.tell(&life(self.rank), &count.to_string())?;
        if self.suspicious.load(Ordering::SeqCst) {
            group.tell(SUSPICION, "1")?;
        }
        let sign = group.ask(&life(neighbour.rank))?;
        if sign != neighbour.sign {
            *neighbour = Neighbour { sign, seen: Instant::now(), ..*neighbour };
        }
        let limit = match group.ask(SUSPICION)? {
            Some(_) => SILENCE_AFTER_FAILURE,
            None => SILENCE,
        };
        let told = group.ask(LOST)?;
        if told.is_none() && neighbour.seen.elapsed() > limit {
            let report = Report { rank: neighbour.rank, error: None };
            group.tell(LOST, &serde_json::to_string(&report).unwrap_or_default())?;
            return Ok(Some(self.error_of(neighbour.rank, Loss::Silent)));
        }
        let Some(told) = told.and_then(|told| serde_json::from_str::<Report>(&told).ok()) else {
            return Ok(None);
        };
        group.tell(&read_by(self.rank), "1")?;
        // What this process has told itself is no news to it.
        let news = told.rank != self.rank;
        Ok(news.then(|| self.error_of(told.rank, told.error.map_or(Loss::Silent, Loss::Told))))
    }

    /// The thread that ends the process when nothing else does. It never touches the store.
    fn guard(&self, last_resort: LastResort) {
        loop {
            let slept = Instant::now();
            thread::sleep(BEAT);
            if self.is_ending() {
                return;
            }
            if slept.elapsed() > STOPPED {
                continue;
            }
            let lost = locked(&self.lost).clone();
            match lost {
                Some((error, since)) if since.elapsed() > GRACE => return last_resort(&error),
                Some(_) => {}
                None if locked(&self.beat).elapsed() > STORE_SILENCE => {
                    self.declare(self.error_of(0, Loss::Silent));
                }
                None => {}
            }
        }
    }
}
