//! Decoding that runs ahead of whoever looks at the frames.
//!
//! A few threads decode the next videos while the consumer works through them in their order. Each video
//! has a short queue, so memory is bounded by the number of threads, whatever the length of a video or a list.

use super::{DecodeReport, Error, VideoReader};
use crate::imaging;
use crate::types::Frame;
use crossbeam_channel::{bounded, Receiver, Sender};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Decoded frames that may wait per video.
const QUEUE: usize = 4;

/// What comes out of a video's decoder.
pub enum Event {
    /// A wanted frame.
    Frame(Frame),
    /// The end, good or bad; nothing follows.
    End(Result<DecodeReport, Error>),
}

/// One video on its way: its events, in order.
pub struct Decoding {
    path: PathBuf,
    events: Receiver<Event>,
}

impl Decoding {
    /// The file that is decoded.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next frame or the end. `None` after the end, and when the decoder died.
    pub fn next_event(&self) -> Option<Event> {
        self.events.recv().ok()
    }
}

struct Job {
    position: usize,
    path: PathBuf,
    events: Sender<Event>,
}

impl Job {
    fn run(self, choose: &dyn Fn(usize, usize) -> Vec<usize>) {
        let consume = |frame| match self.events.send(Event::Frame(frame)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let end = if imaging::looks_like_image(&self.path) {
            read_still(&self.path, &choose(self.position, 1), consume)
        } else {
            VideoReader::open(&self.path).and_then(|reader| {
                let indices = choose(self.position, reader.frame_count());
                reader.read_frames(&indices, consume)
            })
        };
        // Nobody listens any more when the consumer broke off.
        let _ = self.events.send(Event::End(end));
    }
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

/// Decodes frames of each video (a photograph is a video of one frame) on `threads` threads and calls `consume`
/// for the videos in order.
///
/// `choose` gets a video's position in the list and its number of frames and says which are wanted: ascending,
/// distinct, perhaps none. /// `consume` gets the video's position in the list and its events; an error of its own ends the whole run.
pub fn decode_ahead<E>(
    videos: impl IntoIterator<Item = PathBuf>,
    choose: &(dyn Fn(usize, usize) -> Vec<usize> + Sync),
    threads: usize,
    mut consume: impl FnMut(usize, Decoding) -> Result<(), E>,
) -> Result<(), E> {
    let threads = threads.max(1);
    let mut videos = videos.into_iter().enumerate();
    let (jobs, work) = bounded::<Job>(threads);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let work = work.clone();
            scope.spawn(move || work.iter().for_each(|job| job.run(choose)));
        }
        drop(work);
        let mut started: VecDeque<Decoding> = VecDeque::new();
        let mut start_next = |started: &mut VecDeque<Decoding>| {
            if let Some((position, path)) = videos.next() {
                let (events, receiver) = bounded(QUEUE);
                let decoding = Decoding { path: path.clone(), events: receiver };
                if jobs.send(Job { position, path, events }).is_ok() {
                    started.push_back(decoding);
                }
            }
        };
        (0..threads).for_each(|_| start_next(&mut started));
        let mut number = 0;
        let result = loop {
            let Some(decoding) = started.pop_front() else { break Ok(()) };
            if let Err(error) = consume(number, decoding) {
                break Err(error);
            }
            number += 1;
            start_next(&mut started);
        };
        // Closing both ends lets the decoders stop before the scope waits for them.
        drop(started);
        drop(jobs);
        result
    })
}
