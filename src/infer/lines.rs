//! Results as lines of JSON, written while they come, and taken over by a later run.
//!
//! A line has what the entry of the same input in the whole result has, and two keys more: `run`, which is the same for
//! runs with the same weights and settings, and `modified`, when the file was changed last. By these a later run knows which
//! results are still its own. A process that is killed loses at most the line that it was writing.

use super::VideoResult;
use super::evidence::ResultFileError;
use crate::file_error::FileError;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often lines are made to reach the disk; what only the system holds survives the process, not the power.
const SYNC_EVERY: Duration = Duration::from_secs(2);

/// A result that has just come.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ResultLine<'a> {
    /// The result.
    #[serde(flatten)]
    pub video: &'a VideoResult,
    /// When its file was changed last, in universal time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<&'a str>,
    /// What runs with the same weights and settings have in common: 16 hex digits. None where they cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<&'a str>,
}

/// A line that was read back.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct SavedLine {
    #[serde(flatten)]
    pub video: VideoResult,
    pub modified: Option<String>,
    pub run: Option<String>,
}

/// The lines that an earlier run has left.
#[derive(Debug)]
pub struct SavedLines {
    path: PathBuf,
    /// The last one of each path, and its number.
    lines: HashMap<String, (usize, SavedLine)>,
    /// Bytes up to the end of the last whole line.
    whole: u64,
}

impl SavedLines {
    /// Reads a file of lines; `None` where there is none. A last line that was cut off does not count. Unless `keep` is set,
    /// of each result only the short part is kept in memory ([`VideoResult::shortened`]).
    ///
    /// Fails when the file cannot be read or holds something else.
    pub fn read(path: &Path, keep: bool) -> Result<Option<SavedLines>, ResultFileError> {
        let failed = FileError::of(path);
        let mut file = match File::open(path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => BufReader::new(other.map_err(failed)?),
        };
        let mut saved = SavedLines { path: path.to_owned(), lines: HashMap::new(), whole: 0 };
        let mut text = Vec::new();
        for number in 1.. {
            text.clear();
            let bytes = file.read_until(b'\n', &mut text).map_err(failed)?;
            // What has no end was being written when the process was killed.
            if !text.ends_with(b"\n") {
                break;
            }
            let last = |file: &mut BufReader<File>| file.fill_buf().map(<[u8]>::is_empty);
            let line = match serde_json::from_slice::<SavedLine>(&text) {
                Ok(line) => line,
                // A block of a file that never reached the disk.
                Err(_) if last(&mut file).map_err(failed)? => break,
                Err(cause) => {
                    let path = path.to_owned();
                    return Err(ResultFileError::Line { path, number, cause });
                }
            };
            let mut line = line;
            if !keep {
                line.video = line.video.shortened();
            }
            saved.lines.insert(line.video.path.clone(), (number, line));
            saved.whole += bytes as u64;
        }
        Ok(Some(saved))
    }

    /// How many inputs have a line.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether no input has a line.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The line of an input, for a run of this identity.
    ///
    /// Fails where it was made by another one.
    pub(super) fn of(&self, path: &str, run: &str) -> Result<Option<&SavedLine>, ResultFileError> {
        let Some((number, line)) = self.lines.get(path) else { return Ok(None) };
        match line.run.as_deref() {
            Some(other) if other == run => Ok(Some(line)),
            other => Err(ResultFileError::OtherRun {
                path: self.path.clone(),
                number: *number,
                found: other.unwrap_or("none").to_owned(),
                expected: run.to_owned(),
            }),
        }
    }
}

/// A file that lines are added to.
#[derive(Debug)]
pub struct LinesFile {
    path: PathBuf,
    file: File,
    synced: Instant,
}

impl LinesFile {
    /// Opens a file for lines: behind those of `saved`, whose cut last line is taken away, or a new one.
    ///
    /// Fails when it cannot be written, when another process is writing it, and without `saved` when it holds something.
    pub fn open(path: &Path, saved: Option<&SavedLines>) -> Result<LinesFile> {
        let failed = |cause| Error::Output { path: path.to_owned(), cause };
        let file = File::options().create(true).append(true).open(path).map_err(failed)?;
        let lock = rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive);
        // File systems without locks are no reason to stop.
        if lock == Err(rustix::io::Errno::WOULDBLOCK) {
            return Err(ResultFileError::InUse { path: path.to_owned() }.into());
        }
        let length = file.metadata().map_err(failed)?.len();
        match saved {
            Some(saved) => file.set_len(saved.whole).map_err(failed)?,
            None if length > 0 => return Err(ResultFileError::HoldsLines { path: path.to_owned() }.into()),
            None => {}
        }
        Ok(LinesFile { path: path.to_owned(), file, synced: Instant::now() })
    }

    /// Adds a line.
    ///
    /// Fails when the disk does.
    pub fn add(&mut self, line: &ResultLine) -> Result<()> {
        let failed = |cause| Error::Output { path: self.path.clone(), cause };
        let mut text = serde_json::to_vec(line).map_err(|cause| Error::ResultAsJson { cause })?;
        text.push(b'\n');
        // In one piece, so that whoever reads meanwhile sees whole lines.
        self.file.write_all(&text).map_err(failed)?;
        if self.synced.elapsed() >= SYNC_EVERY {
            self.sync()?;
        }
        Ok(())
    }

    /// Waits until all lines have reached the disk.
    ///
    /// Fails when the disk does.
    pub fn sync(&mut self) -> Result<()> {
        self.synced = Instant::now();
        self.file.sync_data().map_err(|cause| Error::Output { path: self.path.clone(), cause })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(path: &str, score: f64) -> String {
        format!(
            "{{\"path\":\"{path}\",\"score\":{score},\"status\":\"ok\",\"frames\":1,\"faces\":1,\"frame_scores\":[{{\"frame\":0,\
             \"score\":{score}}}],\"modified\":\"then\",\"run\":\"0f\"}}\n"
        )
    }

    #[test]
    fn a_cut_line_is_taken_away_and_later_lines_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        assert!(SavedLines::read(&path, true).unwrap().is_none());
        let whole = [line("a.mp4", 0.25), line("b.mp4", 0.5), line("a.mp4", 0.75)].concat();
        std::fs::write(&path, format!("{whole}{}", &line("c.mp4", 1.0)[..40])).unwrap();
        let saved = SavedLines::read(&path, true).unwrap().unwrap();
        assert_eq!(saved.len(), 2);
        assert_eq!(saved.of("a.mp4", "0f").unwrap().unwrap().video.score, Some(0.75));
        assert!(saved.of("c.mp4", "0f").unwrap().is_none());
        let error = saved.of("b.mp4", "10").unwrap_err().to_string();
        assert!(error.contains("line 2 is of another run"), "{error}");
        let mut file = LinesFile::open(&path, Some(&saved)).unwrap();
        let error = LinesFile::open(&path, Some(&saved)).unwrap_err().to_string();
        assert!(error.contains("another process is writing"), "{error}");
        let video = saved.of("b.mp4", "0f").unwrap().unwrap().video.clone();
        file.add(&ResultLine { video: &video, modified: Some("then"), run: Some("0f") }).unwrap();
        file.sync().unwrap();
        drop(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(&whole) && text.lines().count() == 4, "{text}");
        assert_eq!(SavedLines::read(&path, true).unwrap().unwrap().len(), 2);
        let error = LinesFile::open(&path, None).unwrap_err().to_string();
        assert!(error.contains("holds results already"), "{error}");
    }

    #[test]
    fn damage_at_the_end_is_a_kill_and_elsewhere_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        std::fs::write(&path, [line("a.mp4", 0.25), "{\"path\n".to_owned()].concat()).unwrap();
        assert_eq!(SavedLines::read(&path, false).unwrap().unwrap().len(), 1);
        std::fs::write(&path, ["{\"path\n".to_owned(), line("a.mp4", 0.25)].concat()).unwrap();
        let error = SavedLines::read(&path, true).unwrap_err().to_string();
        assert!(error.contains("line 1 is no result of scoring"), "{error}");
    }

    #[test]
    fn without_the_long_part_scores_stay() {
        let read: SavedLine = serde_json::from_str(&line("a.mp4", 0.25)).unwrap();
        let short = read.video.shortened();
        assert_eq!((short.score, short.frame_scores.len(), short.faces), (Some(0.25), 0, 1));
    }
}
