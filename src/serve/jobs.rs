//! The queue: what was uploaded, what is scored, what came of it.

use super::account::Share;
use super::telling::Telling;
use crate::progress::Cancel;
use serde::Serialize;
use std::fs::File;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// All jobs, in the order in which they came.
pub(super) struct Jobs {
    state: Mutex<State>,
    changed: Condvar,
    /// Results that are kept.
    kept: usize,
}

#[derive(Default)]
struct State {
    jobs: Vec<Job>,
    /// No job is begun any more.
    closed: bool,
}

struct Job {
    id: String,
    name: String,
    bytes: u64,
    received: String,
    cancel: Arc<Cancel>,
    telling: Arc<Telling>,
    phase: Phase,
}

enum Phase {
    Queued(Upload),
    Running(Instant),
    Done(Duration, Arc<Scored>),
    Failed(String),
}

/// A whole upload: its file, and its share of the server's room.
pub(super) struct Upload {
    pub file: File,
    pub bytes: u64,
    pub share: Share,
}

/// A job that is to be scored now.
pub(super) struct Task {
    pub id: String,
    pub name: String,
    pub file: File,
    pub cancel: Arc<Cancel>,
    pub telling: Arc<Telling>,
    _share: Share,
}

/// How a task ended.
pub(super) enum Outcome {
    Done(Scored),
    /// Why there is nothing to tell.
    Failed(String),
    Stopped,
}

/// What came of a job.
pub(super) struct Scored {
    pub verdict: VerdictView,
    /// What infer writes as JSON.
    pub result: Document,
    /// The report, a page; none where it could not be written, which a note tells.
    pub report: Option<Document>,
}

/// A finished text in a file without a name.
pub(super) struct Document {
    pub file: File,
    pub bytes: u64,
}

/// A verdict as it is told in lists of jobs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct VerdictView {
    /// `likely_fake`, `no_trace_found` or `undecided`; none for detectors that are not calibrated.
    pub verdict: Option<crate::infer::Verdict>,
    /// The same in words, with the passage that it is about; without a verdict the score.
    pub words: String,
    /// Calibrated probability of a fake.
    pub probability: Option<f64>,
    /// The score, 0..1.
    pub score: Option<f64>,
    /// Sentences, the most important first.
    pub reasons: Vec<String>,
}

/// A job as it is told to visitors.
#[derive(Clone, Debug, Serialize)]
pub(super) struct JobView {
    pub id: String,
    pub name: String,
    pub bytes: u64,
    /// When the upload was complete, in universal time.
    pub received: String,
    /// `queued`, `running`, `done` or `failed`.
    pub state: &'static str,
    /// Of a queued job: how many come before it, the running one included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<usize>,
    /// Of a running job, and of one that is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<FramesView>,
    /// How long scoring has taken so far, or took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    pub notes: Vec<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<VerdictView>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Where the report is, once it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// Where the result is, once it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct FramesView {
    /// Frames that were looked at.
    pub done: usize,
    /// Frames that will be; 0 until that is known.
    pub total: usize,
}

/// Why a job has nothing to give.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// There is no such job, or no longer.
    Job,
    /// It is not done, or failed.
    Result(&'static str),
}

impl Jobs {
    pub fn new(kept: usize) -> Self {
        Jobs { state: Mutex::default(), changed: Condvar::new(), kept }
    }

    /// Takes in an upload. `None` where the server is about to end.
    pub fn add(&self, id: String, name: String, upload: Upload) -> Option<JobView> {
        let mut state = self.state();
        if state.closed {
            return None;
        }
        let received = jiff::Timestamp::now().round(jiff::Unit::Second);
        let received = received.map_or_else(|_| String::new(), |at| at.to_string());
        let bytes = upload.bytes;
        let (cancel, telling) = (Arc::new(Cancel::new()), Arc::new(Telling::default()));
        state.jobs.push(Job { id, name, bytes, received, cancel, telling, phase: Phase::Queued(upload) });
        self.changed.notify_all();
        Some(state.view(state.jobs.len() - 1))
    }

    /// The next job to score: waits for one. `None` once the queue is closed.
    pub fn next(&self) -> Option<Task> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            let waiting = state.jobs.iter_mut().find(|job| matches!(job.phase, Phase::Queued(_)));
            if let Some(job) = waiting
                && let Phase::Queued(Upload { file, share, .. }) =
                    std::mem::replace(&mut job.phase, Phase::Running(Instant::now()))
            {
                return Some(Task {
                    id: job.id.clone(),
                    name: job.name.clone(),
                    file,
                    cancel: Arc::clone(&job.cancel),
                    telling: Arc::clone(&job.telling),
                    _share: share,
                });
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes in what came of a task; of one that was deleted meanwhile nothing is kept.
    pub fn finish(&self, task: Task, outcome: Outcome) {
        let mut state = self.state();
        if let Some(at) = state.position(&task.id) {
            let job = &mut state.jobs[at];
            let took = if let Phase::Running(since) = &job.phase { since.elapsed() } else { Duration::ZERO };
            match outcome {
                Outcome::Done(scored) => job.phase = Phase::Done(took, Arc::new(scored)),
                Outcome::Failed(reason) => job.phase = Phase::Failed(reason),
                Outcome::Stopped => drop(state.jobs.remove(at)),
            }
        }
        let finished = |job: &Job| matches!(job.phase, Phase::Done(..) | Phase::Failed(_));
        let count = state.jobs.iter().filter(|job| finished(job)).count();
        if count > self.kept
            && let Some(oldest) = state.jobs.iter().position(finished)
        {
            state.jobs.remove(oldest);
        }
    }

    /// Stops a job and forgets it; whether there was one.
    pub fn remove(&self, id: &str) -> bool {
        let mut state = self.state();
        let Some(at) = state.position(id) else { return false };
        let job = state.jobs.remove(at);
        job.cancel.request();
        true
    }

    /// Begins nothing any more and asks what runs to stop.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.jobs.iter().for_each(|job| job.cancel.request());
        self.changed.notify_all();
    }

    /// Whether the server is about to end.
    pub fn is_closed(&self) -> bool {
        self.state().closed
    }

    pub fn all(&self) -> Vec<JobView> {
        let state = self.state();
        (0..state.jobs.len()).map(|at| state.view(at)).collect()
    }

    pub fn view(&self, id: &str) -> Option<JobView> {
        let state = self.state();
        state.position(id).map(|at| state.view(at))
    }

    /// The file's name, and what came of it.
    pub fn scored(&self, id: &str) -> Result<(String, Arc<Scored>), Missing> {
        let state = self.state();
        let job = &state.jobs[state.position(id).ok_or(Missing::Job)?];
        match &job.phase {
            Phase::Done(_, scored) => Ok((job.name.clone(), Arc::clone(scored))),
            other => Err(Missing::Result(other.word())),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn position(&self, id: &str) -> Option<usize> {
        self.jobs.iter().position(|job| job.id == id)
    }

    fn view(&self, at: usize) -> JobView {
        let job = &self.jobs[at];
        let (done, total) = job.telling.frames();
        let unfinished = |job: &&Job| matches!(job.phase, Phase::Queued(_) | Phase::Running(_));
        let ahead = self.jobs[..at].iter().filter(unfinished).count();
        let link = |what: &str| Some(format!("/jobs/{}/{what}", job.id));
        let mut view = JobView {
            id: job.id.clone(),
            name: job.name.clone(),
            bytes: job.bytes,
            received: job.received.clone(),
            state: job.phase.word(),
            ahead: None,
            frames: None,
            seconds: None,
            notes: job.telling.notes(),
            verdict: None,
            error: None,
            report: None,
            result: None,
        };
        match &job.phase {
            Phase::Queued(_) => view.ahead = Some(ahead),
            Phase::Running(since) => {
                view.frames = Some(FramesView { done, total });
                view.seconds = Some(rounded(since.elapsed()));
            }
            Phase::Done(took, scored) => {
                view.frames = Some(FramesView { done, total });
                view.seconds = Some(rounded(*took));
                view.verdict = Some(scored.verdict.clone());
                view.report = scored.report.as_ref().and_then(|_| link("report"));
                view.result = link("result");
            }
            Phase::Failed(reason) => view.error = Some(reason.clone()),
        }
        view
    }
}

impl Phase {
    fn word(&self) -> &'static str {
        match self {
            Phase::Queued(_) => "queued",
            Phase::Running(_) => "running",
            Phase::Done(..) => "done",
            Phase::Failed(_) => "failed",
        }
    }
}

/// To the hundredth of a second.
fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 100.0).round() / 100.0
}
