//! Decoding that runs ahead of whoever looks at the frames.
//!
//! A few threads decode the next videos while the consumer works through them in their order. Each video has a short
//! queue, and only so many videos are begun before those ahead of them are taken: memory is bounded by these two
//! numbers, whatever the length of a video or a list.

use super::{DecodeReport, Error, VideoReader};
use crate::causes::with_causes;
use crate::imaging;
use crate::types::Frame;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Decoded frames that may wait per video.
const QUEUE: usize = 4;

/// What comes out of a video's decoder.
#[derive(Clone, Debug)]
pub enum Event {
    /// A wanted frame.
    Frame(Frame),
    /// The end, good or bad; nothing follows. What is bad is told for people, without the path.
    End(Result<DecodeReport, String>),
}

/// One video on its way: its frames as they are decoded, and its end.
pub struct Decoding {
    events: Receiver<Event>,
    ended: bool,
}

impl Iterator for Decoding {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        let died = |_| Event::End(Err("the decoder stopped without a word".to_owned()));
        let event = self.events.recv().unwrap_or_else(died);
        self.ended = matches!(event, Event::End(_));
        Some(event)
    }
}

/// Videos on their way, in their order, each with its position in the list.
pub struct Decodings {
    videos: std::iter::Enumerate<std::vec::IntoIter<PathBuf>>,
    jobs: Sender<Job>,
    threads: usize,
    /// Videos that may be begun and not yet taken.
    window: usize,
    begun: VecDeque<(usize, Decoding)>,
}

impl Decodings {
    /// Lets photographs and short clips be decoded so far ahead that `frames` of them can be looked at together: the
    /// next videos are begun while that many wait.
    ///
    /// Frames that wait are then at most four for each of `frames` videos and of each thread's; of photographs one each.
    pub fn fill_batches_of(&mut self, frames: usize) {
        self.window = self.threads + frames.saturating_sub(1);
        self.begin();
    }

    /// What all videos give, one after the other, each with its video's position: frames and then an end.
    pub fn events(&mut self) -> impl Iterator<Item = (usize, Event)> + '_ {
        self.flat_map(|(number, decoding)| decoding.map(move |event| (number, event)))
    }

    fn begin(&mut self) {
        while self.begun.len() < self.window {
            let Some((position, path)) = self.videos.next() else { return };
            let (events, received) = bounded(QUEUE);
            if self.jobs.send(Job { position, path, events }).is_err() {
                return;
            }
            self.begun.push_back((position, Decoding { events: received, ended: false }));
        }
    }
}

impl Iterator for Decodings {
    type Item = (usize, Decoding);

    fn next(&mut self) -> Option<Self::Item> {
        self.begin();
        self.begun.pop_front()
    }
}

struct Job {
    position: usize,
    path: PathBuf,
    events: Sender<Event>,
}

impl Job {
    fn run(self, choose: &dyn Fn(usize, usize) -> Vec<usize>, over: &AtomicBool) {
        let consume = |frame| match self.events.send(Event::Frame(frame)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let end = if imaging::looks_like_image(&self.path) {
            read_still(&self.path, &choose(self.position, 1), consume)
        } else {
            VideoReader::open(&self.path).and_then(|reader| {
                let indices = choose(self.position, reader.frame_count());
                reader.read_frames_until(over, &indices, consume)
            })
        };
        let end = end.map_err(|error| without_path(&error, &self.path));
        // Nobody listens any more when the consumer broke off.
        let _ = self.events.send(Event::End(end));
    }
}

/// What an error says beyond the path, which stands beside it wherever it is told.
fn without_path(error: &Error, path: &Path) -> String {
    let text = with_causes(error);
    let path = format!("{}: ", path.display());
    text.strip_prefix(&path).unwrap_or(&text).to_owned()
}

/// A photograph as a video of one frame.
fn read_still(
    path: &Path,
    wanted: &[usize],
    mut consume: impl FnMut(Frame) -> ControlFlow<()>,
) -> Result<DecodeReport, Error> {
    if wanted.is_empty() {
        return Ok(DecodeReport { wanted: 0, decoded: 0, ended_at: None });
    }
    let image = imaging::read_image(path)?;
    let _ = consume(Frame { index: 0, image });
    Ok(DecodeReport { wanted: 1, decoded: 1, ended_at: None })
}

/// Decodes frames of each video (a photograph is a video of one frame) on `threads` threads while `consume` takes them.
///
/// The first videos are begun before `consume` is called, which may have other things to do first. `choose` gets a
/// video's position in the list and its number of frames and says which are wanted: ascending, distinct, perhaps none.
/// When `consume` returns, decoding stops, wherever it is.
pub fn decode_ahead<T>(
    videos: Vec<PathBuf>,
    choose: &(dyn Fn(usize, usize) -> Vec<usize> + Sync),
    threads: usize,
    consume: impl FnOnce(&mut Decodings) -> T,
) -> T {
    let threads = threads.max(1);
    let (jobs, work) = unbounded::<Job>();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(videos.len()) {
            let (work, over) = (work.clone(), &over);
            scope.spawn(move || {
                let wanted = work.iter().take_while(|_| !over.load(Ordering::Relaxed));
                wanted.for_each(|job| job.run(choose, over));
            });
        }
        drop(work);
        let videos = videos.into_iter().enumerate();
        let mut decodings = Decodings { videos, jobs, threads, window: threads, begun: VecDeque::new() };
        decodings.begin();
        let result = consume(&mut decodings);
        over.store(true, Ordering::Relaxed);
        // The decodings are dropped before the scope waits: decoders notice that nobody listens, and stop.
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::write_image;
    use crate::types::RgbImage;
    use crate::video::VideoWriter;
    use std::sync::atomic::AtomicUsize;
    use std::time::{Duration, Instant};

    /// A folder of photographs that differ in width, and one file that is none.
    fn photographs(count: usize) -> (tempfile::TempDir, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let paths =
            (0..count).map(|number| folder.path().join(format!("{number:02}.png"))).collect::<Vec<_>>();
        for (number, path) in paths.iter().enumerate() {
            write_image(path, &RgbImage::filled(10 + number, 8, [9; 3])).unwrap();
        }
        std::fs::write(&paths[3], "no image").unwrap();
        (folder, paths)
    }

    #[test]
    fn videos_come_in_order_each_with_its_frames_and_an_end() {
        let (_folder, paths) = photographs(12);
        for (threads, frames) in [(0, 0), (1, 1), (2, 5), (3, 40)] {
            let told = decode_ahead(paths.clone(), &|_, _| vec![0], threads, |decodings| {
                decodings.fill_batches_of(frames);
                decodings.events().collect::<Vec<_>>()
            });
            let mut expected = Vec::new();
            for number in 0..12 {
                if number != 3 {
                    expected.push((number, 10 + number));
                }
                expected.push((number, 0));
            }
            let widths = told.iter().map(|(number, event)| match event {
                Event::Frame(frame) => (*number, frame.image.width()),
                Event::End(end) => {
                    let reason = end.as_ref().err().map(String::as_str);
                    assert_eq!(reason.is_some_and(|r| r.starts_with("not a readable image")), *number == 3);
                    (*number, 0)
                }
            });
            assert_eq!(widths.collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn decoding_begins_at_once_and_only_so_far_ahead() {
        let (_folder, paths) = photographs(20);
        let begun = AtomicUsize::new(0);
        let choose = |_, _| {
            begun.fetch_add(1, Ordering::Relaxed);
            vec![0]
        };
        let wait_for = |expected: usize| {
            let end = Instant::now() + Duration::from_secs(20);
            while begun.load(Ordering::Relaxed) < expected && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_millis(20));
            assert_eq!(begun.load(Ordering::Relaxed), expected);
        };
        decode_ahead(paths, &choose, 2, |decodings| {
            // What is decoded waits while the consumer makes itself ready.
            wait_for(2);
            decodings.fill_batches_of(4);
            wait_for(5);
            // The next one is begun when a video is taken.
            for more in 0..3 {
                assert_eq!(decodings.next().unwrap().0, more);
                wait_for(5 + more);
            }
        });
    }

    #[test]
    fn what_nobody_wants_any_more_is_not_begun() {
        let (_folder, paths) = photographs(9);
        let begun = AtomicUsize::new(0);
        let slowly = |_, _| {
            begun.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(100));
            vec![0]
        };
        decode_ahead(paths, &slowly, 1, |decodings| decodings.fill_batches_of(8));
        assert!(begun.into_inner() <= 1);
    }

    #[test]
    fn a_video_is_left_between_two_wanted_frames_when_nobody_wants_them_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.avi");
        let mut writer = VideoWriter::create(&path, 64, 48, 25.0).unwrap();
        (0..9).for_each(|_| writer.write(&RgbImage::filled(64, 48, [50; 3])).unwrap());
        writer.finish().unwrap();
        let over = AtomicBool::new(false);
        let mut frames = Vec::new();
        let report = VideoReader::open(&path).unwrap().read_frames_until(&over, &[0, 8], |frame| {
            over.store(true, Ordering::Relaxed);
            frames.push(frame.index);
            ControlFlow::Continue(())
        });
        assert_eq!(frames, [0]);
        assert_eq!(report.unwrap(), DecodeReport { wanted: 2, decoded: 1, ended_at: None });
    }
}
