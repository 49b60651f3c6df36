//! What becomes of a file whose decoder is killed, kept waiting, or asks for too much.

use super::client::{Server, Session, SessionError, SessionFrame};
use super::probe_walls;
use crate::imaging::write_image;
use crate::media::{DecodeReport, Error, MediaFile, MediaKind, MediaLimits, Reading, Wanted};
use crate::types::RgbImage;
use crate::video::VideoWriter;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn video(folder: &Path, frames: usize) -> PathBuf {
    let path = folder.join("video.mp4");
    let mut writer = VideoWriter::create(&path, 320, 240, 25.0).unwrap();
    for number in 0..frames {
        let value = |at: usize| (at * (number + 7) / 5) as u8;
        writer.write(&RgbImage::from_raw(320, 240, (0..320 * 240 * 3).map(value).collect())).unwrap();
    }
    writer.finish().unwrap();
    path
}

fn as_is(limits: MediaLimits) -> Reading {
    Reading::as_is(limits)
}

/// The one worker of a server that runs now.
fn worker(server: &Server) -> i32 {
    let server = server.id().unwrap();
    let children = std::fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap();
    children.trim().parse().unwrap()
}

fn open_on(server: &Server, path: &Path) -> Result<Session, SessionError> {
    let file = File::open(path).unwrap();
    let reading = as_is(MediaLimits::default());
    Session::open(server, file, (MediaKind::Video, false), "mp4", reading, 1, &|| false)
}

/// All frames of a video; `meet` sees each of them.
fn read(session: Session, mut meet: impl FnMut(SessionFrame)) -> Result<DecodeReport, SessionError> {
    session.read(&Wanted::All, &|| false, |frame| {
        meet(frame);
        true
    })
}

fn reason(error: Error) -> String {
    match error {
        Error::Unreadable { reason, .. } | Error::Decoder { reason, .. } => reason,
        other => panic!("{other}"),
    }
}

#[test]
fn the_walls_of_this_kernel_stand() {
    let walls = probe_walls().unwrap();
    // A kernel without Landlock or seccomp is no fault of ours; bounds and a process of its own there always are.
    assert!(walls.memory && walls.time && walls.no_new_rights, "{walls:?}");
    let kernel = std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail").unwrap_or_default();
    assert_eq!(walls.no_calls, kernel.contains("errno"), "{walls:?}");
}

#[test]
fn a_decoder_that_is_killed_costs_its_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = video(folder.path(), 40);
    let server = Server::new();
    let session = open_on(&server, &path).unwrap();
    let mut frames = 0;
    let ended = read(session, |_| {
        frames += 1;
        if frames == 3 {
            kill_process(Pid::from_raw(worker(&server)).unwrap(), Signal::SEGV).unwrap();
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let Err(SessionError::Worker(told)) = ended else { panic!("{ended:?}") };
    assert_eq!(told, "the decoder crashed (segmentation fault)");
    assert!((3..10).contains(&frames), "{frames}");
    let again = open_on(&server, &path).unwrap();
    assert_eq!(read(again, |_| ()).unwrap().decoded, 40);
}

#[test]
fn a_decoder_that_hangs_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = video(folder.path(), 40);
    let server = Server::new();
    let reading = as_is(MediaLimits { seconds: 1, ..MediaLimits::default() });
    let file = File::open(&path).unwrap();
    let session =
        Session::open(&server, file, (MediaKind::Video, false), "mp4", reading, 1, &|| false).unwrap();
    let mut frames = 0;
    let ended = read(session, |_| {
        frames += 1;
        if frames == 2 {
            kill_process(Pid::from_raw(worker(&server)).unwrap(), Signal::STOP).unwrap();
        }
    });
    let Err(SessionError::Worker(told)) = ended else { panic!("{ended:?}") };
    assert_eq!(told, "nothing came for 1 s, the limit for one file");
    // Nobody is left behind.
    let end = Instant::now() + Duration::from_secs(10);
    let children = || {
        let server = server.id().unwrap();
        std::fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap()
    };
    while !children().is_empty() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(children(), "");
}

#[test]
fn a_server_that_is_killed_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = video(folder.path(), 5);
    let server = Server::new();
    assert_eq!(open_on(&server, &path).unwrap().frames(), 5);
    let first = server.id().unwrap();
    kill_process(Pid::from_raw(first as i32).unwrap(), Signal::KILL).unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while open_on(&server, &path).is_err() && Instant::now() < end {}
    assert_eq!(open_on(&server, &path).unwrap().frames(), 5);
    assert_ne!(server.id(), Some(first));
}

#[test]
fn limits_are_kept_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = video(folder.path(), 3);
    let few = MediaLimits { pixels: 10_000, ..MediaLimits::default() };
    let file = MediaFile::open(&path, as_is(few), 1).unwrap();
    let told = reason(file.read(&Wanted::All, |_| ControlFlow::Continue(())).unwrap_err());
    assert_eq!(told, "a frame of 320 x 240 pixels, more than the limit of 10000 pixels");

    let photo = folder.path().join("photo.png");
    write_image(&photo, &RgbImage::filled(200, 100, [5; 3])).unwrap();
    let told = reason(MediaFile::open(&photo, as_is(few), 1).err().unwrap());
    assert!(told.contains("200 x 100") && told.contains("10000"), "{told}");

    let little = MediaLimits { memory: 1 << 20, ..MediaLimits::default() };
    let read = MediaFile::open(&path, as_is(little), 1);
    let read = read.and_then(|file| file.read(&Wanted::All, |_| ControlFlow::Continue(())));
    let told = reason(read.unwrap_err());
    assert!(told.contains("memory"), "{told}");
}

#[test]
fn a_pipe_is_refused_without_waiting_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe.mp4");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
    let refused = MediaFile::open(&path, as_is(MediaLimits::default()), 1).err().unwrap();
    assert!(matches!(refused, Error::NoRegularFile { .. }), "{refused}");
}
