//! Processes that train together, over c10d, the part of libtorch that PyTorch's own distributed training stands on: Gloo
//! for tensors on the CPU, and NCCL for those on CUDA devices where libtorch has it.

mod gradients;

pub use gradients::{GradientSums, Wire};

use crate::native::guarded::guarded;
use crate::native::torch::checked;
use Wire as RawWire;
use std::ffi::{CStr, CString, c_char, c_int};
use std::time::Duration;
use tch::{Device, Kind, Tensor};
use torch_sys::C_tensor;

// That these types are what C++ has: sizes, offsets and numbers.
include!(concat!(env!("OUT_DIR"), "/process_group_layout.rs"));

/// What the message of a failed sum begins with; C++ says the same.
const BROKEN: &str = "a sum over all processes failed";

/// `SbiMeeting`.
#[repr(C)]
struct RawMeeting {
    host: *const c_char,
    prefix: *const c_char,
    port: i64,
    serves: i64,
    rank: i64,
    size: i64,
    join_milliseconds: i64,
    step_milliseconds: i64,
    device: i64,
}

/// `SbiRanks`, which C++ owns.
#[repr(C)]
pub(in crate::native) struct RawRanks {
    _opaque: [u8; 0],
}

unsafe extern "C" {
    fn sbi_ranks_join(meeting: *const RawMeeting, error: *mut *mut c_char) -> *mut RawRanks;
    fn sbi_ranks_leave(ranks: *mut RawRanks);
    fn sbi_ranks_sum_numbers(
        ranks: *const RawRanks,
        values: *mut f64,
        count: i64,
        error: *mut *mut c_char,
    ) -> c_int;
    fn sbi_ranks_sum_tensor(
        ranks: *const RawRanks,
        tensor: *const C_tensor,
        error: *mut *mut c_char,
    ) -> c_int;
    fn sbi_ranks_gather(
        ranks: *const RawRanks,
        tensor: *const C_tensor,
        error: *mut *mut c_char,
    ) -> *mut C_tensor;
    fn sbi_ranks_tell(
        ranks: *const RawRanks,
        key: *const c_char,
        word: *const c_char,
        error: *mut *mut c_char,
    ) -> c_int;
    fn sbi_ranks_ask(ranks: *const RawRanks, key: *const c_char, error: *mut *mut c_char) -> *mut c_char;
    fn sbi_ranks_give_up(ranks: *const RawRanks);
}

/// Where processes meet, and who this one is among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// Name or address of the machine that holds the store in which they find one another.
    pub host: String,
    /// The store's port.
    pub port: u16,
    /// Whether the store is this process's own.
    pub serves: bool,
    /// What the names of all keys in the store begin with.
    pub prefix: String,
    /// This process's number, counted from 0.
    pub rank: usize,
    /// How many processes there are.
    pub size: usize,
    /// How long to wait for all of them to come.
    pub join_timeout: Duration,
    /// How long a sum may wait for a process that is alive and does not take part.
    pub sum_timeout: Duration,
}

/// A message of c10d's, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GroupError(String);

/// The processes that train together, as one of them sees it.
///
/// All of them must ask for the same sums in the same order, from one thread each. [`ProcessGroup::tell`],
/// [`ProcessGroup::ask`] and [`ProcessGroup::give_up`] may be called from any thread at any time.
pub struct ProcessGroup {
    raw: *mut RawRanks,
}

// SAFETY: the object has no tie to a thread. Its sums are libtorch's process groups, which lock what they share; words go
// through c10d's store, which locks too, and giving up sets an atomic.
unsafe impl Send for ProcessGroup {}
// SAFETY: as above.
unsafe impl Sync for ProcessGroup {}

impl ProcessGroup {
    /// Waits until all processes have come. `device`: where the tensors lie that are summed up; numbers and bytes are
    /// always exchanged by the CPUs.
    ///
    /// Fails when they do not come in time, when the store cannot be reached or its port is taken, and for a CUDA device
    /// with a libtorch that has no NCCL.
    pub fn join(meeting: &Meeting, device: Device) -> Result<Self, GroupError> {
        let (host, prefix) = (word(&meeting.host)?, word(&meeting.prefix)?);
        let milliseconds = |time: Duration| time.as_millis().min(i64::MAX as u128) as i64;
        let raw = RawMeeting {
            host: host.as_ptr(),
            prefix: prefix.as_ptr(),
            port: i64::from(meeting.port),
            serves: i64::from(meeting.serves),
            rank: meeting.rank as i64,
            size: meeting.size as i64,
            join_milliseconds: milliseconds(meeting.join_timeout),
            step_milliseconds: milliseconds(meeting.sum_timeout),
            device: match device {
                Device::Cuda(number) => number as i64,
                _ => -1,
            },
        };
        // SAFETY: the strings live through the call, which keeps copies and catches exceptions.
        let raw = guarded(|error| unsafe { sbi_ranks_join(&raw, error) }).map_err(GroupError)?;
        Ok(ProcessGroup { raw })
    }

    /// What C++ calls it.
    pub(in crate::native) fn raw(&self) -> *const RawRanks {
        self.raw
    }

    /// Replaces numbers by their sums over all processes, which are the same bits in all of them.
    ///
    /// Fails when a process is gone.
    pub fn sum_numbers(&self, values: &mut [f64]) -> Result<(), GroupError> {
        let (pointer, count) = (values.as_mut_ptr(), values.len() as i64);
        // SAFETY: the numbers are ours through the call, which waits for the sum and catches exceptions.
        guarded(|error| unsafe { sbi_ranks_sum_numbers(self.raw, pointer, count, error) })
            .map(|_| ())
            .map_err(GroupError)
    }

    /// The same for a contiguous tensor on the device of the meeting, in place.
    ///
    /// Fails when a process is gone.
    pub fn sum_tensor(&self, tensor: &Tensor) -> Result<(), GroupError> {
        assert!(tensor.is_contiguous());
        // SAFETY: the tensor lives through the call, which waits for the sum and catches exceptions.
        guarded(|error| unsafe { sbi_ranks_sum_tensor(self.raw, tensor.as_ptr(), error) })
            .map(|_| ())
            .map_err(GroupError)
    }

    /// The bytes of all processes in their order, in all of them. `rank`, `size`: this process's number, and how many there
    /// are.
    ///
    /// Fails when a process is gone.
    pub fn gather(&self, bytes: &[u8], rank: usize, size: usize) -> Result<Vec<Vec<u8>>, GroupError> {
        let mut lengths = vec![0.0; size];
        lengths[rank] = bytes.len() as f64;
        self.sum_numbers(&mut lengths)?;
        let longest = lengths.iter().fold(1.0f64, |a, &b| a.max(b)) as usize;
        let mut padded = bytes.to_vec();
        padded.resize(longest, 0);
        let padded = Tensor::from_slice(&padded);
        // SAFETY: the tensor lives through the call, which waits for the others' and catches exceptions.
        let all = guarded(|error| unsafe { sbi_ranks_gather(self.raw, padded.as_ptr(), error) });
        let all = all.map_err(GroupError)?;
        let all = checked(|_| all);
        debug_assert_eq!((all.kind(), all.size()), (Kind::Uint8, vec![size as i64, longest as i64]));
        let of = |(rank, length): (usize, &f64)| {
            let mut bytes = vec![0; *length as usize];
            all.get(rank as i64).narrow(0, 0, *length as i64).copy_data_u8(&mut bytes, *length as usize);
            bytes
        };
        Ok(lengths.iter().enumerate().map(of).collect())
    }

    /// Leaves a word under a key, for all processes to read.
    ///
    /// Fails when the store is gone.
    pub fn tell(&self, key: &str, text: &str) -> Result<(), GroupError> {
        let (key, text) = (word(key)?, word(text)?);
        // SAFETY: the strings live through the call, which keeps copies and catches exceptions.
        guarded(|error| unsafe { sbi_ranks_tell(self.raw, key.as_ptr(), text.as_ptr(), error) })
            .map(|_| ())
            .map_err(GroupError)
    }

    /// The word that a process has left under a key, if one has.
    ///
    /// Fails when the store is gone.
    pub fn ask(&self, key: &str) -> Result<Option<String>, GroupError> {
        let key = word(key)?;
        // SAFETY: the string lives through the call, which catches exceptions.
        let found = guarded(|error| unsafe { sbi_ranks_ask(self.raw, key.as_ptr(), error) });
        let found = found.map_err(GroupError)?;
        if found.is_null() {
            return Ok(None);
        }
        // SAFETY: a NUL-terminated string in memory of malloc's that nobody else owns; it is copied first.
        let text = unsafe {
            let text = CStr::from_ptr(found).to_string_lossy().into_owned();
            libc::free(found.cast());
            text
        };
        Ok(Some(text))
    }

    /// Lets sums that wait for other processes fail, now and from now on.
    pub fn give_up(&self) {
        // SAFETY: sets an atomic of an object that lives as long as this.
        unsafe { sbi_ranks_give_up(self.raw) }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        // SAFETY: made by `sbi_ranks_join`, and not used after this. Graphs that still sum have a share of their own.
        unsafe { sbi_ranks_leave(self.raw) }
    }
}

/// The failed sum that a panic tells of, where it does: operators of libtorch that sum within cannot fail otherwise.
pub fn broken_sum(payload: &(dyn std::any::Any + Send)) -> Option<GroupError> {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied())?;
    let line = text.lines().find_map(|line| line.find(BROKEN).map(|at| &line[at..]))?;
    Some(GroupError(line.to_owned()))
}

fn word(text: &str) -> Result<CString, GroupError> {
    CString::new(text).map_err(|_| GroupError(format!("{text:?} holds a NUL")))
}
