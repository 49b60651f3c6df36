//! Packets: encoded frames.

use super::library::loaded;
use super::sys;
use std::ptr::NonNull;

/// "No time stamp", as FFmpeg writes it.
const NONE: i64 = i64::MIN;

/// An encoded frame of one stream, with its time stamps in the stream's own unit.
pub struct Packet(NonNull<sys::AVPacket>);

// SAFETY: a packet owns its struct, and its data is counted by atomic references.
unsafe impl Send for Packet {}

impl Packet {
    /// A packet without data, to be filled.
    pub(super) fn empty() -> Packet {
        // SAFETY: takes nothing; returns a packet that is ours, or null.
        let packet = unsafe { loaded().av.av_packet_alloc() };
        Packet(NonNull::new(packet).expect("memory for a packet"))
    }

    pub(super) fn as_ptr(&self) -> *mut sys::AVPacket {
        self.0.as_ptr()
    }

    fn raw(&self) -> &sys::AVPacket {
        // SAFETY: the struct is ours, and FFmpeg writes to it only while we call it with the pointer.
        unsafe { self.0.as_ref() }
    }

    fn raw_mut(&mut self) -> &mut sys::AVPacket {
        // SAFETY: as above, borrowed mutably.
        unsafe { self.0.as_mut() }
    }

    /// Position of its stream in the container.
    pub fn stream(&self) -> usize {
        self.raw().stream_index as usize
    }

    /// When the frame is shown, where the container tells.
    pub fn shown_at(&self) -> Option<i64> {
        Some(self.raw().pts).filter(|&time| time != NONE)
    }

    /// When it is decoded, where the container tells.
    pub fn decoded_at(&self) -> Option<i64> {
        Some(self.raw().dts).filter(|&time| time != NONE)
    }

    /// Replaces both times.
    pub fn set_times(&mut self, shown: Option<i64>, decoded: Option<i64>) {
        self.raw_mut().pts = shown.unwrap_or(NONE);
        self.raw_mut().dts = decoded.unwrap_or(NONE);
    }

    /// Where in the file it begins, where that is known.
    pub fn position(&self) -> Option<u64> {
        u64::try_from(self.raw().pos).ok()
    }

    /// Whether decoding may begin here.
    pub fn is_key(&self) -> bool {
        self.flag(sys::AV_PKT_FLAG_KEY)
    }

    /// Whether the container knows that it is damaged.
    pub fn is_damaged(&self) -> bool {
        self.flag(sys::AV_PKT_FLAG_CORRUPT)
    }

    /// Whether its frame is not to be shown: an edit list cuts it off.
    pub fn is_cut_off(&self) -> bool {
        self.flag(sys::AV_PKT_FLAG_DISCARD)
    }

    fn flag(&self, flag: u32) -> bool {
        self.raw().flags & flag as i32 != 0
    }

    /// The encoded bytes.
    pub fn data(&self) -> &[u8] {
        let raw = self.raw();
        if raw.data.is_null() {
            return &[];
        }
        // SAFETY: FFmpeg keeps `size` bytes at `data` as long as the packet holds its reference.
        unsafe { std::slice::from_raw_parts(raw.data, raw.size.max(0) as usize) }
    }

    /// Whether the data is encrypted.
    pub fn is_encrypted(&self) -> bool {
        let raw = self.raw();
        (0..raw.side_data_elems.max(0) as usize).any(|number| {
            // SAFETY: there are `side_data_elems` entries at `side_data`.
            let kind = unsafe { (*raw.side_data.add(number)).type_ };
            kind == sys::AV_PKT_DATA_ENCRYPTION_INFO || kind == sys::AV_PKT_DATA_ENCRYPTION_INIT_INFO
        })
    }
}

impl Drop for Packet {
    fn drop(&mut self) {
        let mut packet = self.as_ptr();
        // SAFETY: the packet is ours and not used again.
        unsafe { loaded().av.av_packet_free(&mut packet) };
    }
}
