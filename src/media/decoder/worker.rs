//! A worker: one file, decoded without rights.

use super::protocol::{Colours, FromWorker, Order, ToWorker};
use crate::causes::with_causes;
use crate::imaging::{Photograph, PhotographReport};
use crate::media::{DecodeReport, MediaKind, Wanted};
use crate::native::jail::{self, Channel, ChannelError, SharedMemory};
use crate::native::libav::ContainerFacts;
use crate::types::RgbImage;
use crate::video::{FileInput, Rows, VideoReader};
use std::fs::File;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Decodes what the order names and ends the process.
pub(super) fn work(order: &Order, file: OwnedFd, memory: OwnedFd, session: Channel) -> ! {
    // The socket that orders come from belongs to the server.
    let orders = rustix::fs::open("/dev/null", rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty());
    if let Ok(nothing) = orders {
        let _ = rustix::stdio::dup2_stdin(&nothing);
    }
    let Ok(mut worker) = Worker::new(order, file, memory, session) else { jail::end(1) };
    let ended = catch_unwind(AssertUnwindSafe(|| worker.decode(order)));
    let last = match ended {
        Ok(Ok(report)) => FromWorker::End(report),
        Ok(Err(Stop::Reason(reason))) => FromWorker::Failed(reason),
        // Nobody listens.
        Ok(Err(Stop::Gone)) => jail::end(0),
        Err(panic) => {
            let told = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref().copied());
            FromWorker::Failed(format!("the decoder gave up ({})", told.unwrap_or("it does not say why")))
        }
    };
    let _ = worker.session.send(&last);
    // Without the destructors of libraries that were never constructed.
    jail::end(0)
}

/// Why a worker stops.
enum Stop {
    /// Nobody wants frames any more.
    Gone,
    /// For people.
    Reason(String),
}

impl From<ChannelError> for Stop {
    fn from(_: ChannelError) -> Self {
        Stop::Gone
    }
}

fn told(error: &(dyn std::error::Error + 'static)) -> Stop {
    Stop::Reason(with_causes(error))
}

struct Worker {
    input: FileInput,
    memory: SharedMemory,
    session: Channel,
    place: usize,
    places: usize,
    /// Frames that were written and not taken yet.
    waiting: usize,
    next: usize,
}

impl Worker {
    fn new(order: &Order, file: OwnedFd, memory: OwnedFd, session: Channel) -> std::io::Result<Worker> {
        let input = FileInput::new(File::from(file))?;
        let memory = SharedMemory::of(memory, order.place * order.places)?;
        let limits = jail::Limits { seconds: order.limits.seconds, memory: order.limits.memory };
        let walls = jail::give_up_rights(limits);
        let worker =
            Worker { input, memory, session, place: order.place, places: order.places, waiting: 0, next: 0 };
        let _ = worker.session.send(&FromWorker::Walled(walls));
        Ok(worker)
    }

    fn decode(&mut self, order: &Order) -> Result<DecodeReport, Stop> {
        if self.input.length() == 0 {
            return Err(Stop::Reason("the file is empty".to_owned()));
        }
        match order.kind {
            MediaKind::Video => self.video(order),
            MediaKind::Photograph => self.photograph(order),
        }
    }

    fn video(&mut self, order: &Order) -> Result<DecodeReport, Stop> {
        let limit = order.limits.pixels;
        let reader =
            VideoReader::open(self.input.clone(), &order.extension, order.counting, order.threads, limit);
        let reader = reader.map_err(|error| told(&error))?;
        let facts = Some(Box::new(reader.facts()));
        let wanted = self.wanted(reader.frame_count(), reader.fps(), facts)?;
        let mut stop = None;
        let report = reader.read(&wanted, |mut frame| {
            let bytes = frame.bytes();
            let index = frame.index;
            let written =
                self.write(index, bytes, Colours::Bgr, |out| frame.write_bgr(out).map_err(|e| told(&e)));
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(why) => {
                    stop = Some(why);
                    ControlFlow::Break(())
                }
            }
        });
        match stop {
            Some(stop) => Err(stop),
            None => report.map_err(|error| told(&error)),
        }
    }

    fn photograph(&mut self, order: &Order) -> Result<DecodeReport, Stop> {
        let length = usize::try_from(self.input.length()).unwrap_or(usize::MAX);
        let bytes = self.input.bytes_at(0, length).map_err(|error| told(&error))?;
        let photograph = Photograph::open(&bytes, order.limits.pixels).map_err(|error| told(&error))?;
        let pages = photograph.pages();
        let indices = match self.wanted(pages, 1.0, None)? {
            Wanted::Some(indices) => indices,
            Wanted::All => (0..pages).collect(),
        };
        let mut decoded = 0;
        let mut stop = None;
        let report = photograph.read_pages(&indices, |index, image: RgbImage| {
            let (width, height) = (image.width(), image.height());
            let rows = Rows { width, height, stride: width * 3 };
            decoded += 1;
            let written = self.write(index, image.data().len(), Colours::Rgb, |out| {
                out[..image.data().len()].copy_from_slice(image.data());
                Ok(rows)
            });
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(why) => {
                    stop = Some(why);
                    ControlFlow::Break(())
                }
            }
        });
        if let Some(stop) = stop {
            return Err(stop);
        }
        let PhotographReport { damage, remarks } = report.map_err(|error| told(&error))?;
        Ok(DecodeReport { wanted: indices.len(), decoded, ended_at: None, damage, remarks })
    }

    /// Tells what there is and waits for what is wanted.
    fn wanted(
        &mut self,
        frames: usize,
        fps: f64,
        facts: Option<Box<ContainerFacts>>,
    ) -> Result<Wanted, Stop> {
        self.session.send(&FromWorker::Opened { frames, fps, facts })?;
        match self.session.receive()? {
            ToWorker::Want(wanted) => Ok(wanted),
            ToWorker::Taken => Err(Stop::Gone),
        }
    }

    /// Has a frame written into the next free place.
    fn write(
        &mut self,
        index: usize,
        bytes: usize,
        order: Colours,
        write: impl FnOnce(&mut [u8]) -> Result<Rows, Stop>,
    ) -> Result<(), Stop> {
        while self.waiting == self.places {
            match self.session.receive()? {
                ToWorker::Taken => self.waiting -= 1,
                ToWorker::Want(_) => return Err(Stop::Gone),
            }
        }
        if bytes > self.place {
            return Err(Stop::Reason("a frame that is larger than the limit of pixels".to_owned()));
        }
        let place = self.next;
        let rows = write(self.memory.part_mut(place * self.place, bytes))?;
        self.session.send(&FromWorker::Frame { index, place, rows, order })?;
        self.waiting += 1;
        self.next = (place + 1) % self.places;
        Ok(())
    }
}
