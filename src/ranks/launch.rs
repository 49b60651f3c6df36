//! Who started this process, and with whom it trains: the variables of torchrun and of srun.

use super::error::LaunchError;
use super::slurm;
use std::fs;
use std::time::Duration;

/// Ports for jobs of Slurm that name none: below those that systems hand out by themselves.
const FIRST_PORT: u64 = 15_000;
const PORTS: u64 = 15_000;
/// Numbers of Slurm's steps from which on they are no steps of srun's: batch scripts, interactive shells.
const SPECIAL_STEPS: u64 = 0xffff_fff0;
/// How long processes wait for one another at first: machines of a job do not start at once.
const PATIENCE: Duration = Duration::from_secs(300);

/// What started the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launcher {
    /// RANK, WORLD_SIZE and so on, set by a script or by hand.
    Variables,
    /// torchrun.
    Torchrun,
    /// srun.
    Slurm,
}

/// A process among those that train together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// What started it.
    pub launcher: Launcher,
    /// This process's number, counted from 0.
    pub rank: usize,
    /// How many there are.
    pub size: usize,
    /// Its number on its machine, which chooses its CUDA device; `None` where nothing says it.
    pub local_rank: Option<usize>,
    /// How many of them run on its machine, as far as known.
    pub local_size: usize,
    /// Where they meet.
    pub host: String,
    /// The port there.
    pub port: u16,
    /// Whether somebody else holds the store at that place: torchrun's agent. Otherwise rank 0 does.
    pub store_is_there: bool,
    /// How often the same processes have been started before, because one of them failed.
    pub restarts: u64,
    /// What all starts of the same processes have in common, and nobody else has.
    pub key: Option<String>,
    /// The cores that Slurm gave the process.
    pub cores: Option<usize>,
    /// How long to wait for the others to come.
    pub patience: Duration,
}

/// Variables, by name.
type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Launch {
    /// What this process's environment says; `None`: it trains alone, as far as that goes.
    ///
    /// torchrun's variables go before srun's, for torchrun may run within a job of Slurm. Fails when variables contradict
    /// one another or lack what the others need.
    pub fn from_environment() -> Result<Option<Launch>, LaunchError> {
        Self::from_variables(&|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// The same for any variables.
    pub fn from_variables(variable: Variables) -> Result<Option<Launch>, LaunchError> {
        match (variable("RANK"), variable("WORLD_SIZE")) {
            (None, None) => of_slurm(variable),
            (Some(_), None) => Err(missing("WORLD_SIZE", "RANK", "the number of processes")),
            (None, Some(_)) => {
                Err(missing("RANK", "WORLD_SIZE", "this process's number, from 0 to WORLD_SIZE - 1"))
            }
            (Some(_), Some(_)) => of_torchrun(variable).map(Some),
        }
    }

    /// Threads that this process should compute with where nobody has said: its share of the machine's cores; `None` where
    /// that is all of them.
    pub fn threads(&self) -> Option<usize> {
        (self.local_size > 1 || self.cores.is_some()).then(|| self.share_of_cores())
    }

    /// This process's share of the machine's cores.
    pub fn share_of_cores(&self) -> usize {
        let all = std::thread::available_parallelism().map_or(1, usize::from);
        self.cores.unwrap_or(all / self.local_size).clamp(1, all)
    }
}

fn missing(name: &'static str, because: &'static str, expected: &'static str) -> LaunchError {
    LaunchError::Missing { name, because, expected }
}

fn number(variable: Variables, name: &'static str) -> Result<Option<u64>, LaunchError> {
    let Some(value) = variable(name) else { return Ok(None) };
    match value.trim().parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => {
            Err(LaunchError::Value { name, value, expected: "a whole number of at least 0".to_owned() })
        }
    }
}

/// A number below another one.
fn below(value: u64, name: &'static str, limit: u64, limit_name: &str) -> Result<usize, LaunchError> {
    match value < limit {
        true => Ok(value as usize),
        false => {
            let expected =
                format!("a number from 0 to {} ({limit_name} is {limit})", limit.saturating_sub(1));
            Err(LaunchError::Value { name, value: value.to_string(), expected })
        }
    }
}

fn at_least_1(value: u64, name: &'static str) -> Result<u64, LaunchError> {
    match value {
        0 => Err(LaunchError::Value { name, value: "0".to_owned(), expected: "at least 1".to_owned() }),
        _ => Ok(value),
    }
}

fn port(variable: Variables) -> Result<Option<u16>, LaunchError> {
    let name = "MASTER_PORT";
    let Some(value) = variable(name) else { return Ok(None) };
    match value.trim().parse() {
        Ok(port) if port > 0 => Ok(Some(port)),
        _ => Err(LaunchError::Value { name, value, expected: "a port from 1 to 65535".to_owned() }),
    }
}

fn of_torchrun(variable: Variables) -> Result<Launch, LaunchError> {
    let size = at_least_1(number(variable, "WORLD_SIZE")?.unwrap_or_default(), "WORLD_SIZE")?;
    let rank = below(number(variable, "RANK")?.unwrap_or_default(), "RANK", size, "WORLD_SIZE")?;
    let local_rank = number(variable, "LOCAL_RANK")?;
    let local_rank = local_rank.map(|local| below(local, "LOCAL_RANK", size, "WORLD_SIZE")).transpose()?;
    let (host, port) = match (variable("MASTER_ADDR"), port(variable)?) {
        (Some(host), Some(port)) => (host, port),
        // One process meets nobody.
        _ if size == 1 => (String::new(), 0),
        (None, _) => {
            return Err(missing("MASTER_ADDR", "WORLD_SIZE", "name or address of the machine of rank 0"));
        }
        (_, None) => return Err(missing("MASTER_PORT", "WORLD_SIZE", "a free port on that machine")),
    };
    let local_size = match number(variable, "LOCAL_WORLD_SIZE")? {
        Some(local_size) => at_least_1(local_size, "LOCAL_WORLD_SIZE")?.min(size) as usize,
        // Who meets at the loopback is on one machine.
        None if is_loopback(&host) => size as usize,
        None => 1,
    };
    let elastic = variable("TORCHELASTIC_RUN_ID");
    let restarts = number(variable, "TORCHELASTIC_RESTART_COUNT")?.unwrap_or_default();
    Ok(Launch {
        launcher: if elastic.is_some() { Launcher::Torchrun } else { Launcher::Variables },
        rank,
        size: size as usize,
        local_rank,
        local_size,
        host,
        port,
        store_is_there: variable("TORCHELASTIC_USE_AGENT_STORE").as_deref() == Some("True"),
        restarts,
        key: elastic.and_then(|run| key_of_torchrun(&run)),
        cores: None,
        patience: PATIENCE,
    })
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host == "::1" || host.starts_with("127.")
}

/// Runs of torchrun without a name of their own are told by the agent's process.
fn key_of_torchrun(run: &str) -> Option<String> {
    match run {
        "none" => parent_process().map(|parent| format!("torchrun {parent}")),
        named => Some(format!("torchrun {named}")),
    }
}

/// The parent process: machine, number, and when it was started.
fn parent_process() -> Option<String> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let parent = std::os::unix::process::parent_id();
    let stat = fs::read_to_string(format!("/proc/{parent}/stat")).ok()?;
    // The name, in parentheses, may hold anything; field 22 is the time of the start, field 3 follows the name.
    let started = stat.rsplit_once(')')?.1.split_whitespace().nth(22 - 3)?;
    Some(format!("{} {} {parent} {started}", host.trim(), boot.trim()))
}

fn of_slurm(variable: Variables) -> Result<Option<Launch>, LaunchError> {
    let tasks = match number(variable, "SLURM_STEP_NUM_TASKS")? {
        Some(tasks) => Some(tasks),
        None => number(variable, "SLURM_NTASKS")?,
    };
    let (Some(rank), Some(size)) = (number(variable, "SLURM_PROCID")?, tasks) else { return Ok(None) };
    // A batch script has these variables as well, and is one process.
    let step = number(variable, "SLURM_STEP_ID")?;
    let batch = step.is_none() && variable("ENVIRONMENT").as_deref() == Some("BATCH");
    if batch || step.is_some_and(|step| step >= SPECIAL_STEPS) {
        return Ok(None);
    }
    let size = at_least_1(size, "SLURM_NTASKS")?;
    let rank = below(rank, "SLURM_PROCID", size, "SLURM_NTASKS")?;
    let job = variable("SLURM_JOB_ID").or_else(|| variable("SLURM_JOBID"));
    let node = number(variable, "SLURM_NODEID")?.unwrap_or_default() as usize;
    let on_node = variable("SLURM_STEP_TASKS_PER_NODE").or_else(|| variable("SLURM_TASKS_PER_NODE"));
    let local_size = on_node.and_then(|list| slurm::tasks_on(&list, node)).unwrap_or(1);
    let local_rank = number(variable, "SLURM_LOCALID")?;
    let local_rank =
        local_rank.map(|local| below(local, "SLURM_LOCALID", size, "SLURM_NTASKS")).transpose()?;
    let (host, port) = match size {
        1 => (String::new(), 0),
        _ => (host_of_slurm(variable)?, port_of_slurm(variable, job.as_deref(), step.unwrap_or_default())?),
    };
    Ok(Some(Launch {
        launcher: Launcher::Slurm,
        rank,
        size: size as usize,
        local_rank,
        local_size: local_size.clamp(1, size as usize),
        host,
        port,
        store_is_there: false,
        restarts: number(variable, "SLURM_RESTART_COUNT")?.unwrap_or_default(),
        key: job.map(|job| format!("slurm {job} {}", step.unwrap_or_default())),
        cores: number(variable, "SLURM_CPUS_PER_TASK")?.map(|cores| cores.max(1) as usize),
        patience: PATIENCE,
    }))
}

fn host_of_slurm(variable: Variables) -> Result<String, LaunchError> {
    if let Some(host) = variable("MASTER_ADDR") {
        return Ok(host);
    }
    let lists = ["SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST", "SLURM_NODELIST"];
    let Some((name, list)) = lists.into_iter().find_map(|name| Some((name, variable(name)?))) else {
        return Err(missing("MASTER_ADDR", "SLURM_PROCID", "the machine of rank 0, or SLURM_JOB_NODELIST"));
    };
    match slurm::nodes(&list, 1) {
        Some(nodes) => Ok(nodes[0].clone()),
        None => {
            let expected = "a list of nodes such as node[01-04,7]".to_owned();
            Err(LaunchError::Value { name, value: list, expected })
        }
    }
}

fn port_of_slurm(variable: Variables, job: Option<&str>, step: u64) -> Result<u16, LaunchError> {
    if let Some(port) = port(variable)? {
        return Ok(port);
    }
    let Some(job) = job.and_then(|job| job.trim().parse::<u64>().ok()) else {
        return Err(missing("MASTER_PORT", "SLURM_PROCID", "a free port, or SLURM_JOB_ID to choose one by"));
    };
    // Jobs side by side, and steps of a job, should not meet one another.
    Ok((FIRST_PORT + (job.wrapping_mul(7).wrapping_add(step)) % PORTS) as u16)
}

#[cfg(test)]
mod tests;
