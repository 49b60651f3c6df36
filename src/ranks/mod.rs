//! Several processes that train together, one a rank: started by torchrun, by srun, or by hand.
//!
//! [`Launch`] is what the environment says of a process, [`Ranks`] the processes once they have met, [`Share`] what one of
//! them has of a batch. Sums run over c10d, in [`native::process_group`](crate::native::process_group); `watch` notices when
//! a process is gone.

mod error;
mod launch;
mod share;
mod slurm;
mod watch;

pub use error::{LaunchError, Loss, RanksError};
pub use launch::{Launch, Launcher};
pub use share::Share;
pub use watch::LastResort;

use crate::native::process::silence_panics;
use crate::native::process_group::{GradientSums, GroupError, Meeting, ProcessGroup, Wire, broken_sum};
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Once};
use std::time::Duration;
use tch::{Device, Tensor};
use watch::Watch;

/// How long a sum may wait for a process that is alive and does not take part: as c10d has it.
const SUM_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// The processes of a run, as one of them sees it; or one that is alone.
pub struct Ranks {
    rank: usize,
    size: usize,
    team: Option<Team>,
}

struct Team {
    group: Arc<ProcessGroup>,
    watch: Watch,
}

impl Ranks {
    /// One process alone: all of this costs nothing then.
    pub fn alone() -> Self {
        Ranks { rank: 0, size: 1, team: None }
    }

    /// Meets the other processes. `device`: where this one's networks are; `last_resort` ends the process where a lost
    /// process leaves it no other way.
    ///
    /// Fails when they do not come in time, or the place to meet cannot be reached or is taken.
    pub fn join(launch: &Launch, device: Device, last_resort: LastResort) -> Result<Self, RanksError> {
        let &Launch { rank, size, .. } = launch;
        if size == 1 {
            return Ok(Ranks::alone());
        }
        let meeting = Meeting {
            host: launch.host.clone(),
            port: launch.port,
            serves: rank == 0 && !launch.store_is_there,
            prefix: format!("sbi/{}/", launch.restarts),
            rank,
            size,
            join_timeout: launch.patience,
            sum_timeout: SUM_TIMEOUT,
        };
        let group = ProcessGroup::join(&meeting, device).map_err(|error| RanksError::NoMeeting {
            rank,
            size,
            address: format!("{}:{}", launch.host, launch.port),
            cause: error.to_string(),
        })?;
        let group = Arc::new(group);
        let watch = Watch::start(Arc::clone(&group), rank, size, last_resort);
        Ok(Ranks { rank, size, team: Some(Team { group, watch }) })
    }

    /// This process's number, counted from 0.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// How many processes there are.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether there is no other process.
    pub fn is_alone(&self) -> bool {
        self.team.is_none()
    }

    /// Whether this is the process that writes and prints.
    pub fn is_first(&self) -> bool {
        self.rank == 0
    }

    /// This process's part of `count` things, consecutive ones; parts differ by one at most.
    pub fn part(&self, count: usize) -> Range<usize> {
        self.rank * count / self.size..(self.rank + 1) * count / self.size
    }

    /// This process's share of a batch of `all` pairs, `own` from number `first` on. `None` where it is alone. `norms`:
    /// whether batch norms take the statistics of all of them.
    pub fn share(&self, [first, own, all]: [usize; 3], norms: bool) -> Option<Share> {
        self.team.as_ref().map(|team| Share::new(Arc::clone(&team.group), [first, own, all], norms))
    }

    /// Replaces numbers by their sums over all processes: the same bits everywhere.
    ///
    /// Fails when a process is lost.
    pub fn sum(&self, values: &mut [f64]) -> Result<(), RanksError> {
        match &self.team {
            Some(team) => team.group.sum_numbers(values).map_err(|error| team.watch.verdict(&error)),
            None => Ok(()),
        }
    }

    /// Replaces a tensor, contiguous and on the device of the meeting, by its sum over all processes.
    ///
    /// Fails when a process is lost.
    pub fn sum_tensor(&self, tensor: &Tensor) -> Result<(), RanksError> {
        match &self.team {
            Some(team) => team.group.sum_tensor(tensor).map_err(|error| team.watch.verdict(&error)),
            None => Ok(()),
        }
    }

    /// Whether it is so in any process.
    ///
    /// Fails when a process is lost.
    pub fn any(&self, flag: bool) -> Result<bool, RanksError> {
        let mut flags = [f64::from(u8::from(flag))];
        self.sum(&mut flags)?;
        Ok(flags[0] > 0.0)
    }

    /// The bytes of all processes, in their order.
    ///
    /// Fails when a process is lost.
    pub fn gather(&self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, RanksError> {
        match &self.team {
            Some(team) => {
                let all = team.group.gather(bytes, self.rank, self.size);
                all.map_err(|error| team.watch.verdict(&error))
            }
            None => Ok(vec![bytes.to_vec()]),
        }
    }

    /// The bytes of rank 0; what the others give does not matter.
    ///
    /// Fails when a process is lost.
    pub fn of_first(&self, bytes: Vec<u8>) -> Result<Vec<u8>, RanksError> {
        let own = if self.is_first() { bytes } else { Vec::new() };
        Ok(self.gather(&own)?.swap_remove(0))
    }

    /// Fails, in all processes, when `value` is not in all of them what it is in rank 0. `what`: what differs then, as in
    /// "other weights".
    pub fn check_same(&self, value: u64, what: &'static str) -> Result<(), RanksError> {
        let all = self.gather(&value.to_le_bytes())?;
        match all.iter().position(|other| *other != all[0]) {
            Some(rank) => Err(RanksError::Differs { rank, what }),
            None => Ok(()),
        }
    }

    /// Sums of the gradients of `parameters` over all processes, in the order in which they are given. `None` where the
    /// process is alone.
    ///
    /// Fails when memory runs out.
    pub fn gradient_sums(
        &self,
        parameters: &[Tensor],
        wire: Wire,
    ) -> Result<Option<GradientSums>, RanksError> {
        let Some(team) = &self.team else { return Ok(None) };
        let sums = GradientSums::new(&team.group, parameters, wire);
        sums.map(Some).map_err(|error| self.broken(&error))
    }

    /// What to say where something failed that waits for the others: who is lost, where one is.
    pub fn broken(&self, error: &GroupError) -> RanksError {
        match &self.team {
            Some(team) => team.watch.verdict(error),
            None => RanksError::Broken { rank: 0, size: 1, cause: error.to_string() },
        }
    }

    /// What `work` gives, in which operators of libtorch sum over all processes; these fail by a panic.
    ///
    /// Fails when a process is lost.
    pub fn guarded<T>(&self, work: impl FnOnce() -> T) -> Result<T, RanksError> {
        let Some(team) = &self.team else { return Ok(work()) };
        static QUIET: Once = Once::new();
        QUIET.call_once(|| silence_panics(|payload| broken_sum(payload).is_some()));
        match panic::catch_unwind(AssertUnwindSafe(work)) {
            Ok(value) => Ok(value),
            Err(payload) => match broken_sum(payload.as_ref()) {
                Some(error) => Err(team.watch.verdict(&error)),
                None => panic::resume_unwind(payload),
            },
        }
    }

    /// Ends together with the others: waits until all are through.
    ///
    /// Fails when a process is lost.
    pub fn end(mut self) -> Result<(), RanksError> {
        self.sum(&mut [0.0])?;
        if let Some(Team { group, watch }) = self.team.take() {
            watch.stop();
            drop(group);
        }
        Ok(())
    }

    /// Ends alone, because of an error, which the others are told.
    pub fn leave(mut self, error: &str) {
        if let Some(Team { group, watch }) = self.team.take() {
            watch.tell(error);
            // Sums under way may wait for others until long after this process should have ended, and taking the group
            // down waits for them.
            std::mem::forget(group);
        }
    }
}

#[cfg(test)]
mod tests;
