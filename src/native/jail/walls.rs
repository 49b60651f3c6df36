//! Giving up rights, for good.

use super::seccomp;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus,
};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};

/// What a worker may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Seconds of computing, over all its threads.
    pub seconds: u64,
    /// Bytes of memory besides what it has already.
    pub memory: u64,
}

/// The walls that stand around a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walls {
    /// It can start no program that has more rights than itself.
    pub no_new_rights: bool,
    /// It can open no file and no connection (Landlock).
    pub no_files: bool,
    /// It can call nothing of the kernel but what decoding needs (seccomp).
    pub no_calls: bool,
    /// Its memory is bounded.
    pub memory: bool,
    /// Its time is bounded.
    pub time: bool,
}

/// Gives up all rights but those to compute and to use the handles that are open. Each wall that the kernel does not
/// offer is left out; what is returned says which stand.
pub fn give_up_rights(limits: Limits) -> Walls {
    let no_new_rights = rustix::thread::set_no_new_privs(true).is_ok();
    let bound = |resource, most: u64| {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).is_ok()
    };
    bound(Resource::Core, 0);
    // Children of its own, were it able to have any, and files.
    bound(Resource::Fsize, 0);
    let memory = bound(Resource::As, address_space().saturating_add(limits.memory));
    // The first bound ends it with a signal that says why.
    let seconds = limits.seconds.max(1);
    let time =
        setrlimit(Resource::Cpu, Rlimit { current: Some(seconds), maximum: Some(seconds + 1) }).is_ok();
    let no_files = forbid_files().unwrap_or(false);
    let no_calls = no_new_rights && seccomp::forbid_calls().is_ok();
    // Believed when it was tried.
    let no_files = no_files && std::fs::File::open("/").is_err();
    let no_calls = no_calls && socket_is_refused();
    Walls { no_new_rights, no_files, no_calls, memory, time }
}

/// Whether a call that decoding does not need fails.
fn socket_is_refused() -> bool {
    use rustix::net::{AddressFamily, SocketType, socket};
    socket(AddressFamily::UNIX, SocketType::STREAM, None).is_err()
}

/// Bytes of address space that are in use: libraries and the memory for frames among them.
fn address_space() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages =
        pages.as_deref().and_then(|text| text.split(' ').next()).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(1 << 19) * rustix::param::page_size() as u64
}

/// No file is opened any more, whatever it is called. Whether the kernel can do that.
fn forbid_files() -> Result<bool, landlock::RulesetError> {
    const KNOWN: ABI = ABI::V5;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::from_all(KNOWN))?
        .create()?
        .restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}
