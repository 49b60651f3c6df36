//! Event files that TensorBoard shows: scalars over epochs.
//!
//! A file is a row of records, each `length: u64, masked CRC of the length, data, masked CRC of the data`, little
//! endian; the data is a protocol buffer `Event`. Only the few fields that scalars need are encoded here. A resumed
//! run opens another file, which tells TensorBoard to forget what it knows of the epochs that are done again.

use super::run_folder::{RunFolderError, failed};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// First event of each file.
const FILE_VERSION: &str = "brain.Event:2";
/// The value of `SessionLog.SessionStatus.START` in TensorBoard's protocol.
const SESSION_START: u64 = 1;

/// Numbers of fields in `Event`, `Summary`, `Summary.Value` and `SessionLog`.
mod field {
    pub const WALL_TIME: u64 = 1;
    pub const STEP: u64 = 2;
    pub const FILE_VERSION: u64 = 3;
    pub const SUMMARY: u64 = 5;
    pub const SESSION_LOG: u64 = 7;
    pub const VALUE: u64 = 1;
    pub const TAG: u64 = 1;
    pub const SIMPLE_VALUE: u64 = 2;
    pub const STATUS: u64 = 1;
}

/// An open event file.
#[derive(Debug)]
pub struct EventWriter {
    file: File,
    path: PathBuf,
}

impl EventWriter {
    /// A new event file in a folder of logs. `resumed_after`: the last epoch that stays valid, where a run goes on.
    ///
    /// Fails when the file cannot be written.
    pub fn create(
        logs: &Path,
        now: SystemTime,
        resumed_after: Option<usize>,
    ) -> Result<Self, RunFolderError> {
        let mut writer = Self::open_new(logs, now)?;
        let mut version = event(now, 0);
        bytes(&mut version, field::FILE_VERSION, FILE_VERSION.as_bytes());
        writer.write(&version)?;
        if let Some(epoch) = resumed_after {
            let mut session = Vec::new();
            integer(&mut session, field::STATUS, SESSION_START);
            let mut start = event(now, epoch + 1);
            bytes(&mut start, field::SESSION_LOG, &session);
            writer.write(&start)?;
        }
        Ok(writer)
    }

    /// TensorBoard reads the files of a folder in the order of their names, so these count upwards.
    fn open_new(logs: &Path, now: SystemTime) -> Result<Self, RunFolderError> {
        let seconds = since_epoch(now) as u64;
        for number in 0.. {
            let path = logs.join(format!("events.out.tfevents.{seconds:010}.sbi.{number}"));
            match OpenOptions::new().append(true).create_new(true).open(&path) {
                Ok(file) => return Ok(EventWriter { file, path }),
                Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(cause) => return Err(failed("create", &path)(cause)),
            }
        }
        unreachable!("some number is free")
    }

    /// Writes the values of an epoch; names with `/` are shown in groups.
    pub fn scalars(
        &mut self,
        epoch: usize,
        now: SystemTime,
        values: &[(String, f64)],
    ) -> Result<(), RunFolderError> {
        let mut summary = Vec::new();
        for (tag, number) in values {
            let mut value = Vec::new();
            bytes(&mut value, field::TAG, tag.as_bytes());
            float(&mut value, field::SIMPLE_VALUE, *number as f32);
            bytes(&mut summary, field::VALUE, &value);
        }
        let mut event = event(now, epoch);
        bytes(&mut event, field::SUMMARY, &summary);
        self.write(&event)
    }

    fn write(&mut self, event: &[u8]) -> Result<(), RunFolderError> {
        self.file.write_all(&record(event)).map_err(failed("write", &self.path))
    }
}

fn since_epoch(now: SystemTime) -> f64 {
    now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// The fields that all events have.
fn event(now: SystemTime, step: usize) -> Vec<u8> {
    let mut event = Vec::new();
    double(&mut event, field::WALL_TIME, since_epoch(now));
    if step > 0 {
        integer(&mut event, field::STEP, step as u64);
    }
    event
}

fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(data.len() + 16);
    record.extend(length);
    record.extend(masked_crc(&length).to_le_bytes());
    record.extend(data);
    record.extend(masked_crc(data).to_le_bytes());
    record
}

/// CRC-32C, rotated and shifted so that a CRC of data that holds CRCs is not weak.
fn masked_crc(data: &[u8]) -> u32 {
    const MASK: u32 = 0xa282_ead8;
    crc32c::crc32c(data).rotate_right(15).wrapping_add(MASK)
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How a field's value is laid out.
#[derive(Clone, Copy)]
enum Wire {
    Varint = 0,
    Bits64 = 1,
    Length = 2,
    Bits32 = 5,
}

fn key(out: &mut Vec<u8>, field: u64, wire: Wire) {
    varint(out, field << 3 | wire as u64);
}

fn integer(out: &mut Vec<u8>, field: u64, value: u64) {
    key(out, field, Wire::Varint);
    varint(out, value);
}

fn double(out: &mut Vec<u8>, field: u64, value: f64) {
    key(out, field, Wire::Bits64);
    out.extend(value.to_le_bytes());
}

fn float(out: &mut Vec<u8>, field: u64, value: f32) {
    key(out, field, Wire::Bits32);
    out.extend(value.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    key(out, field, Wire::Length);
    varint(out, value.len() as u64);
    out.extend(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    /// CRC-32C bit by bit.
    fn slow_crc(data: &[u8]) -> u32 {
        let mut crc = !0u32;
        for byte in data {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
            }
        }
        !crc
    }

    fn take<'a>(data: &mut &'a [u8], count: usize) -> &'a [u8] {
        let (head, tail) = data.split_at(count);
        *data = tail;
        head
    }

    /// The events of a file, each CRC checked.
    fn events(mut file: &[u8]) -> Vec<Vec<u8>> {
        let checked = |data: &[u8], crc: &[u8]| {
            let unmasked = u32::from_le_bytes(crc.try_into().unwrap()).wrapping_sub(0xa282_ead8);
            assert_eq!(unmasked.rotate_left(15), slow_crc(data));
        };
        let mut events = Vec::new();
        while !file.is_empty() {
            let length = take(&mut file, 8);
            checked(length, take(&mut file, 4));
            let event = take(&mut file, u64::from_le_bytes(length.try_into().unwrap()) as usize);
            checked(event, take(&mut file, 4));
            events.push(event.to_vec());
        }
        events
    }

    #[derive(Clone, Debug, PartialEq)]
    enum Found {
        Integer(u64),
        Fixed(Vec<u8>),
        Bytes(Vec<u8>),
    }

    fn read_varint(data: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = take(data, 1)[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    }

    /// The fields of a message.
    fn fields(mut data: &[u8]) -> Vec<(u64, Found)> {
        let mut fields = Vec::new();
        while !data.is_empty() {
            let key = read_varint(&mut data);
            let found = match key & 7 {
                0 => Found::Integer(read_varint(&mut data)),
                1 => Found::Fixed(take(&mut data, 8).to_vec()),
                2 => {
                    let length = read_varint(&mut data) as usize;
                    Found::Bytes(take(&mut data, length).to_vec())
                }
                5 => Found::Fixed(take(&mut data, 4).to_vec()),
                other => panic!("wire type {other}"),
            };
            fields.push((key >> 3, found));
        }
        fields
    }

    fn message(found: &Found) -> Vec<(u64, Found)> {
        let Found::Bytes(data) = found else { panic!("{found:?} is no message") };
        fields(data)
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 500)
    }

    #[test]
    fn known_checksums() {
        // RFC 3720, B.4.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c::crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(slow_crc(b"123456789"), 0xe306_9283);
        // How every event file of TensorFlow starts: a record of 24 bytes.
        let folder = tempfile::tempdir().unwrap();
        let writer = EventWriter::create(folder.path(), at(9), None).unwrap();
        let file = std::fs::read(&writer.path).unwrap();
        assert_eq!(file[..13], *b"\x18\x00\x00\x00\x00\x00\x00\x00\xa3\x7fK\"\x09");
    }

    #[test]
    fn scalars_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(folder.path(), at(1_700_000_000), None).unwrap();
        let values = [("val/auc".to_owned(), 0.75), ("loss/rf".to_owned(), -2.0)];
        writer.scalars(300, at(1_700_000_001), &values).unwrap();
        let events = events(&std::fs::read(&writer.path).unwrap());
        let time = |seconds: f64| (1, Found::Fixed(seconds.to_le_bytes().to_vec()));
        assert_eq!(fields(&events[0]), [time(1_700_000_000.5), (3, Found::Bytes(b"brain.Event:2".to_vec()))]);
        let scalars = fields(&events[1]);
        assert_eq!(scalars[..2], [time(1_700_000_001.5), (2, Found::Integer(300))]);
        assert_eq!((events.len(), scalars.len(), scalars[2].0), (2, 3, 5));
        let read: Vec<_> =
            message(&scalars[2].1).iter().map(|(number, value)| (*number, message(value))).collect();
        let expected = |tag: &str, number: f32| {
            let number = Found::Fixed(number.to_le_bytes().to_vec());
            (1, vec![(1, Found::Bytes(tag.as_bytes().to_vec())), (2, number)])
        };
        assert_eq!(read, [expected("val/auc", 0.75), expected("loss/rf", -2.0)]);
    }

    #[test]
    fn a_resumed_run_opens_another_file_that_starts_at_its_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let first = EventWriter::create(folder.path(), at(5), None).unwrap();
        let before = std::fs::read(&first.path).unwrap();
        let second = EventWriter::create(folder.path(), at(5), Some(7)).unwrap();
        assert!(first.path < second.path, "{:?} {:?}", first.path, second.path);
        assert_eq!(std::fs::read(&first.path).unwrap(), before);
        let start = fields(&events(&std::fs::read(&second.path).unwrap())[1]);
        assert_eq!(start[1], (2, Found::Integer(8)));
        assert_eq!((start[2].0, message(&start[2].1)), (7, vec![(1, Found::Integer(1))]));
    }

    proptest! {
        #[test]
        fn checksums_and_varints_agree_with_slow_ones(data: Vec<u8>, value: u64) {
            prop_assert_eq!(crc32c::crc32c(&data), slow_crc(&data));
            let mut encoded = Vec::new();
            varint(&mut encoded, value);
            let mut rest = encoded.as_slice();
            prop_assert_eq!(read_varint(&mut rest), value);
            prop_assert!(rest.is_empty());
        }
    }
}
