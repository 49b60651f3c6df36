//! Decoding that runs ahead of whoever looks at the frames.
//!
//! A few threads decode the next videos while the consumer works through them in their order. Each video has a short
//! queue, and only so many videos are begun before those ahead of them are taken: memory is bounded by these two
//! numbers, whatever the length of a video or a list.

use super::{DecodeReport, Error, MediaFile, MediaKind, Reading, VideoLength, Wanted};
use crate::causes::with_causes;
use crate::progress::Cancel;
use crate::types::Frame;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded, select, unbounded};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// How often a wait for a frame is interrupted to see whether it is still wanted.
const ROUND: Duration = Duration::from_millis(50);

/// Decoded frames that may wait per video.
const QUEUE: usize = 4;

/// What comes out of a video's decoder.
#[derive(Clone, Debug)]
pub enum DecodeEvent {
    /// The next wanted frame, and whether it is a video's or a photograph.
    Frame(Frame, MediaKind),
    /// The end, good or bad; nothing follows. What is bad is told for people, without the path.
    End(Result<DecodeReport, String>),
}

/// One video on its way: its frames as they are decoded, and its end.
pub struct Decoding {
    events: Receiver<DecodeEvent>,
    ended: bool,
}

impl Decoding {
    /// The next event; `None` after the end, and as soon as `cancel` is requested. A frame may be a long time coming.
    pub fn next_unless(&mut self, cancel: &Cancel) -> Option<DecodeEvent> {
        if self.ended {
            return None;
        }
        let event = loop {
            match self.events.recv_timeout(ROUND) {
                Ok(event) => break event,
                Err(RecvTimeoutError::Timeout) if cancel.is_requested() => return None,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    break DecodeEvent::End(Err("the decoder stopped without a word".to_owned()));
                }
            }
        };
        self.ended = matches!(event, DecodeEvent::End(_));
        Some(event)
    }
}

/// Videos on their way, in their order, each with its position in the list, and the threads that decode them.
///
/// Dropping it stops the decoding, wherever it is, and waits for the threads.
pub struct Decodings {
    videos: std::iter::Enumerate<std::vec::IntoIter<PathBuf>>,
    jobs: Sender<Job>,
    /// Videos that may be begun and not yet taken.
    window: usize,
    begun: VecDeque<(usize, Decoding)>,
    /// Nothing is sent: decoders see it go.
    _wanted: Sender<Infallible>,
    /// Fields are dropped in their order: threads are waited for when all that they listen to is gone.
    threads: Threads,
}

impl Decodings {
    /// Begins to decode the frames of each video that `choose` wants, at most `threads` videos at a time and at least one;
    /// a photograph is a video of one frame.
    ///
    /// `choose` gets a video's position in the list and its number of frames and answers with indices: ascending,
    /// distinct, perhaps none. It is called once per video, on the thread that decodes it.
    ///
    /// The first videos are decoded from now on, while the caller may have other things to do first.
    pub fn start(
        videos: Vec<PathBuf>,
        choose: impl Fn(usize, usize) -> Vec<usize> + Send + Sync + 'static,
        reading: Reading,
        threads: usize,
    ) -> Self {
        let choose = move |position, length: VideoLength| choose(position, length.frames);
        Decodings::start_by_length(videos, choose, reading, threads)
    }

    /// [`Decodings::start`] with a `choose` that gets to know how long a video lasts.
    pub fn start_by_length(
        videos: Vec<PathBuf>,
        choose: impl Fn(usize, VideoLength) -> Vec<usize> + Send + Sync + 'static,
        reading: Reading,
        threads: usize,
    ) -> Self {
        let choose: Arc<Choose> = Arc::new(choose);
        let (jobs, work) = unbounded::<Job>();
        let (wanted, gone) = bounded(0);
        let window = threads.max(1);
        let each = threads_of_each(window.min(videos.len()));
        let decoder = |_| {
            let (work, consumer, choose) = (work.clone(), Consumer(gone.clone()), Arc::clone(&choose));
            std::thread::spawn(move || {
                let wanted = work.iter().take_while(|_| !consumer.is_gone());
                wanted.for_each(|job| job.run(&*choose, reading, each, &consumer));
            })
        };
        let threads = Threads((0..window.min(videos.len())).map(decoder).collect());
        let videos = videos.into_iter().enumerate();
        let mut decodings =
            Decodings { videos, jobs, window, begun: VecDeque::new(), _wanted: wanted, threads };
        decodings.begin();
        decodings
    }

    /// Lets photographs and short videos be decoded so far ahead that `frames` of them can be looked at together: the
    /// next videos are begun while that many wait.
    ///
    /// Frames that wait are then at most four for each of `frames` videos and of each thread's; of photographs one each.
    pub fn fill_batches_of(&mut self, frames: usize) {
        self.window = self.threads.0.len() + frames.saturating_sub(1);
        self.begin();
    }

    /// What all videos give, one after the other, each with its video's position: frames and then an end. Nothing more
    /// comes as soon as `cancel` is requested.
    pub fn into_events(self, cancel: &Cancel) -> impl Iterator<Item = (usize, DecodeEvent)> {
        self.flat_map(move |(position, mut decoding)| {
            std::iter::from_fn(move || decoding.next_unless(cancel).map(|event| (position, event)))
        })
    }

    fn begin(&mut self) {
        while self.begun.len() < self.window {
            let Some((position, path)) = self.videos.next() else { return };
            let (events, received) = bounded(QUEUE);
            // Were there no thread left, the video would end with the news that its decoder is gone.
            let _ = self.jobs.send(Job { position, path, events });
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

/// Threads that are waited for.
struct Threads(Vec<JoinHandle<()>>);

impl Drop for Threads {
    fn drop(&mut self) {
        for thread in self.0.drain(..) {
            // A decoder's panic is the program's, unless that is what brought us here.
            if let Err(panic) = thread.join()
                && !std::thread::panicking()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

/// Whoever frames are decoded for, as decoders see it.
struct Consumer(Receiver<Infallible>);

impl Consumer {
    fn is_gone(&self) -> bool {
        matches!(self.0.try_recv(), Err(TryRecvError::Disconnected))
    }
}

/// Which frames of a video are wanted, by its position in the list and its length.
type Choose = dyn Fn(usize, VideoLength) -> Vec<usize> + Send + Sync;

/// A video to decode, and where its events go.
struct Job {
    position: usize,
    path: PathBuf,
    events: Sender<DecodeEvent>,
}

impl Job {
    fn run(self, choose: &Choose, reading: Reading, threads: usize, consumer: &Consumer) {
        let consume = |frame, kind| match self.send(DecodeEvent::Frame(frame, kind), consumer) {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        };
        let over = || consumer.is_gone();
        let end = match MediaFile::open_until(&self.path, reading, threads, &over) {
            Ok(Some(file)) => {
                let length = VideoLength { frames: file.frame_count(), fps: file.fps() };
                let kind = file.kind();
                let wanted = Wanted::from(choose(self.position, length));
                file.read_until(&over, &wanted, |frame| consume(frame, kind))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        // Nobody listens any more when the consumer broke off.
        let Some(end) = end.map_err(|error| without_path(&error, &self.path)).transpose() else { return };
        let _ = self.send(DecodeEvent::End(end), consumer);
    }

    /// Waits for room in the video's queue; whether somebody will take the event.
    fn send(&self, event: DecodeEvent, consumer: &Consumer) -> bool {
        select! {
            send(self.events, event) -> sent => sent.is_ok(),
            // The consumer may hold on to this video's queue when it has let go of all others.
            recv(consumer.0) -> _ => false,
        }
    }
}

/// Threads of each of so many decoders: all cores are shared out, and each has two where there are two, because
/// decoders that have one wait for it.
fn threads_of_each(decoders: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.div_ceil(decoders.max(1)).max(cores.min(2))
}

/// What an error says beyond the path, which stands beside it wherever it is told.
fn without_path(error: &Error, path: &Path) -> String {
    let text = with_causes(error);
    let path = format!("{}: ", path.display());
    text.strip_prefix(&path).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests;
