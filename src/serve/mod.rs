//! A page in the browser, and a small interface for programs, over the library's [`infer`](crate::infer): files are
//! uploaded, wait in a queue, are scored one after the other, and their results are fetched.
//!
//! The thread that calls [`Server::run`] scores; a second one speaks HTTP and does nothing that takes long.
//!
//! What keeps strangers out:
//!
//! * It listens on the loopback device. Elsewhere it asks for a [`Token`].
//! * `http`: the `Host` of every request must be a name of this server, so that no foreign name can be made to point
//!   here; its `Origin` must be the server itself, so that no other web site in the same browser starts or reads anything.
//! * Uploads are bounded in size, number, time and sum ([`ServeLimits`]). They lie in files without a name in a private
//!   folder (`folder`): when the process ends, however it ends, they are gone.
//! * A file's name is never part of a path, and never markup.
//! * Files are decoded behind the walls of [`media`](crate::media), as always.

mod account;
mod config;
mod error;
mod folder;
mod http;
mod jobs;
mod name;
mod scorer;
mod telling;
mod token;

pub use config::{Config, DEFAULT_PORT, ServeLimits};
pub use error::ServeError;
pub use token::Token;

use crate::Result;
use crate::file_error::FileError;
use crate::progress::{Cancel, Progress};
use account::Account;
use folder::PrivateFolder;
use jobs::{Jobs, Outcome, Task};
use scorer::{InferScorer, Scorer};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A server that listens, but does not answer yet.
pub struct Server {
    config: Config,
    listener: std::net::TcpListener,
    address: SocketAddr,
    folder: Arc<PrivateFolder>,
}

/// What a server has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServeSummary {
    /// Files that were scored.
    pub scored: usize,
    /// Files that could not be.
    pub failed: usize,
    /// Files that were stopped before they were done.
    pub stopped: usize,
}

impl Server {
    /// Makes the private folder, deletes those of servers that were killed, and begins to listen.
    ///
    /// Fails for an address that cannot be had or may not be used without a token, where no private folder can be made,
    /// and when the detectors' weights are not there.
    pub fn open(config: Config) -> Result<Server> {
        // A visitor could only be told, with each file again.
        let weights = &config.scoring.weights;
        std::fs::metadata(weights).map_err(FileError::of(weights))?;
        config.scoring.face_detector.resolve()?;
        Server::listen(config)
    }

    fn listen(config: Config) -> Result<Server> {
        config.check()?;
        let unusable = |cause| ServeError::Address { address: config.address, cause };
        let listener = std::net::TcpListener::bind(config.address).map_err(unusable)?;
        listener.set_nonblocking(true).map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        let folder = Arc::new(PrivateFolder::create(&config.folder)?);
        Ok(Server { config, listener, address, folder })
    }

    /// Where it listens; with the port that it was given where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The page's address, for a browser on this machine or another one.
    pub fn page(&self) -> String {
        let ip = self.address.ip();
        if ip.is_unspecified() {
            // All addresses of the machine; its name is the one that is sure to be one.
            let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
            return format!("http://{name}:{}/", self.address.port());
        }
        format!("http://{}/", self.address)
    }

    /// The page's address with the token, where one is needed: whoever has it is let in.
    pub fn link(&self) -> String {
        let token = self.config.token.as_ref().map(|token| format!("?token={}", token.word()));
        format!("{}{}", self.page(), token.unwrap_or_default())
    }

    /// Answers and scores until `cancel` is requested; then the running job is dropped and everything is deleted.
    ///
    /// Fails when HTTP cannot be spoken at all.
    pub fn run(self, progress: &dyn Progress, cancel: &Cancel) -> Result<ServeSummary> {
        let scorer = InferScorer::new(self.config.scoring.clone(), Arc::clone(&self.folder));
        self.run_with(&scorer, progress, cancel)
    }

    fn run_with(self, scorer: &dyn Scorer, progress: &dyn Progress, cancel: &Cancel) -> Result<ServeSummary> {
        let Server { config, listener, address, folder } = self;
        let account = Arc::new(Account::new(config.limits));
        let jobs = Arc::new(Jobs::new(config.limits.kept));
        let site = http::Site::new(&config, address, Arc::clone(&jobs), account, Arc::clone(&folder));
        std::thread::scope(|scope| {
            let speaking = scope.spawn(|| {
                // Whatever ends it, nobody is to wait for jobs that cannot come any more.
                let closing = closing(&jobs);
                let spoken = http::speak(listener, site, cancel);
                drop(closing);
                spoken
            });
            let mut summary = ServeSummary::default();
            while let Some(task) = jobs.next() {
                let outcome = score(scorer, &folder, &task);
                match &outcome {
                    Outcome::Done(done) => {
                        summary.scored += 1;
                        progress.note(&format!("{}: {}", task.name, done.verdict.words));
                    }
                    Outcome::Failed(reason) => {
                        summary.failed += 1;
                        progress.note(&format!("{}: {reason}", task.name));
                    }
                    Outcome::Stopped => {
                        summary.stopped += 1;
                        progress.note(&format!("{}: stopped", task.name));
                    }
                }
                jobs.finish(task, outcome);
            }
            let spoken = speaking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            spoken.map(|()| summary).map_err(Into::into)
        })
    }
}

/// Closes the queue when it is dropped.
fn closing(jobs: &Jobs) -> impl Drop + '_ {
    struct Closing<'a>(&'a Jobs);
    impl Drop for Closing<'_> {
        fn drop(&mut self) {
            self.0.close();
        }
    }
    Closing(jobs)
}

/// Scores one upload. A fault of the program at one file must not take the others with it.
fn score(scorer: &dyn Scorer, folder: &PrivateFolder, task: &Task) -> Outcome {
    let link = match folder.link(&task.file, &task.name) {
        Ok(link) => link,
        Err(error) => return Outcome::Failed(crate::causes::with_causes(&error)),
    };
    let scored = catch_unwind(AssertUnwindSafe(|| {
        scorer.score(link.path(), &task.name, &*task.telling, &task.cancel)
    }));
    match scored {
        // What was scored although somebody wanted it stopped is not told as a result of all frames.
        _ if task.cancel.is_requested() => Outcome::Stopped,
        Ok(Ok(scored)) => Outcome::Done(scored),
        Ok(Err(reason)) => Outcome::Failed(reason),
        Err(_) => Outcome::Failed("a fault of the program: what it printed says more".to_owned()),
    }
}

#[cfg(test)]
mod tests;
