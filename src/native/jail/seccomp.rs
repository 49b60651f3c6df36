//! Calls of the kernel that decoding needs; all others fail.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};
use std::collections::BTreeMap;

/// Without conditions. They fail or succeed as always; what the rest would need besides (files, names, other processes,
/// sockets of its own) is missing here.
const ALLOWED: &[libc::c_long] = &[
    // Handles that are open.
    libc::SYS_read,
    libc::SYS_pread64,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_poll,
    libc::SYS_ppoll,
    // Memory.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // Threads.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_set_tid_address,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_tgkill,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_restart_syscall,
    // Time and chance.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
];

/// Has all other calls fail with "not permitted", for this thread and those that it starts.
pub(super) fn forbid_calls() -> Result<(), seccompiler::Error> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|&call| (call, Vec::new())).collect();
    // Memory that can be written is never run.
    let not_executable =
        SeccompCondition::new(2, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64), 0)?;
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(call, vec![SeccompRule::new(vec![not_executable.clone()])?]);
    }
    // Threads, no processes.
    let thread = SeccompCondition::new(
        0,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64),
        libc::CLONE_THREAD as u64,
    )?;
    rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![thread])?]);
    // The name of a thread, and nothing else of what this call can do.
    let name = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, libc::PR_SET_NAME as u64)?;
    rules.insert(libc::SYS_prctl, vec![SeccompRule::new(vec![name])?]);
    // A copy of a handle, whose flags may be read.
    let copies = [libc::F_DUPFD_CLOEXEC, libc::F_GETFD, libc::F_GETFL];
    let copies = copies.map(|command| {
        let command = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, command as u64)?;
        SeccompRule::new(vec![command])
    });
    rules.insert(libc::SYS_fcntl, copies.into_iter().collect::<Result<_, _>>()?);
    // The C library starts threads by a newer call, whose arguments no filter can read, and falls back to the older one
    // only where it is told that the newer does not exist. That takes a filter of its own, and the stricter one counts.
    rules.insert(libc::SYS_clone3, Vec::new());
    let newer = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);

    let target = std::env::consts::ARCH.try_into()?;
    let missing = SeccompAction::Errno(libc::ENOSYS as u32);
    let forbidden = SeccompAction::Errno(libc::EPERM as u32);
    let newer: BpfProgram = SeccompFilter::new(newer, SeccompAction::Allow, missing, target)?.try_into()?;
    let all: BpfProgram = SeccompFilter::new(rules, forbidden, SeccompAction::Allow, target)?.try_into()?;
    apply_filter(&newer)?;
    apply_filter(&all)
}
