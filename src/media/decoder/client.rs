//! The process that wants frames: opens files, starts the server, and takes what workers hand back.

use super::protocol::{Colours, FromWorker, Order, ToWorker, WorkerEnded};
use crate::imaging::rgb_from_bgr;
use crate::media::{DecodeReport, MediaKind, Reading, Walls, Wanted};
use crate::native::jail::{self, Channel, ChannelError, Ended, SharedMemory};
use crate::native::libav::ContainerFacts;
use crate::types::RgbImage;
use crate::video::Rows;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Child;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a wait is interrupted to ask whether it should go on.
const ROUND: Duration = Duration::from_millis(50);
/// How long the server may take to say how a worker ended that has just gone.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Places for frames: one is filled while the other is emptied.
const PLACES: usize = 2;

/// Why no frames come from a session.
#[derive(Debug)]
pub(in crate::media) enum SessionError {
    /// Something is wrong with the file, as the worker says.
    File(String),
    /// The worker ended before its time.
    Worker(String),
    /// There is no worker.
    None(io::Error),
    /// Whoever wanted frames does not want them any more.
    Over,
}

/// A frame that a worker handed back.
pub(in crate::media) struct SessionFrame {
    pub index: usize,
    pub image: RgbImage,
}

/// A file that a worker decodes.
pub(in crate::media) struct Session {
    frames: usize,
    fps: f64,
    facts: Option<Box<ContainerFacts>>,
    walls: Walls,
    channel: Channel,
    end: Channel,
    memory: SharedMemory,
    place: usize,
    reading: Reading,
    scratch: Vec<u8>,
}

impl Session {
    /// Has a worker open a file. `over` is asked now and then whether anybody still waits.
    pub fn open(
        server: &Server,
        file: File,
        (kind, heif): (MediaKind, bool),
        extension: &str,
        reading: Reading,
        threads: usize,
        over: &dyn Fn() -> bool,
    ) -> Result<Session, SessionError> {
        // Rows may be padded, by less than a hundred pixels, and coded sizes are rounded up.
        let pixels = usize::try_from(reading.limits.pixels).unwrap_or(usize::MAX / 8);
        let place = (pixels.saturating_mul(3) + (pixels / 4).max(4 << 20)).next_multiple_of(1 << 16);
        let memory = SharedMemory::new(place * PLACES).map_err(SessionError::None)?;
        let (channel, for_worker) = jail::channel_pair().map_err(SessionError::None)?;
        let (end, for_server) = jail::channel_pair().map_err(SessionError::None)?;
        let order = Order {
            kind,
            heif,
            extension: extension.to_owned(),
            counting: reading.counting,
            limits: reading.limits,
            threads,
            place,
            places: PLACES,
        };
        let handles = [file.as_fd(), memory.handle(), for_worker.handle(), for_server.handle()];
        server.give(&order, &handles).map_err(SessionError::None)?;
        drop((for_worker, for_server, file));
        let walls =
            Walls { no_new_rights: false, no_files: false, no_calls: false, memory: false, time: false };
        let scratch = Vec::new();
        let mut session = Session {
            frames: 0,
            fps: 0.0,
            facts: None,
            walls,
            channel,
            end,
            memory,
            place,
            reading,
            scratch,
        };
        loop {
            match session.next(over)? {
                FromWorker::Walled(walls) => session.walls = walls,
                FromWorker::Opened { frames, fps, facts } => {
                    (session.frames, session.fps, session.facts) = (frames, fps, facts);
                    return Ok(session);
                }
                FromWorker::Failed(reason) => return Err(SessionError::File(reason)),
                FromWorker::Frame { .. } | FromWorker::End(_) => return Err(out_of_turn()),
            }
        }
    }

    /// The file's number of frames; 1 for most photographs.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Frames per second.
    pub fn fps(&self) -> f64 {
        self.fps
    }

    /// What a video's container says of itself.
    pub fn facts(&self) -> Option<&ContainerFacts> {
        self.facts.as_deref()
    }

    /// Has frames decoded and hands each to `consume`, which says whether it wants more.
    pub fn read(
        mut self,
        wanted: &Wanted,
        over: &dyn Fn() -> bool,
        mut consume: impl FnMut(SessionFrame) -> bool,
    ) -> Result<DecodeReport, SessionError> {
        let asked = self.channel.send(&ToWorker::Want(wanted.clone()));
        self.heard(asked)?;
        let mut taken = 0;
        loop {
            match self.next(over)? {
                FromWorker::Frame { index, place, rows, order } => {
                    let image = self.image(place, rows, order).ok_or_else(out_of_turn)?;
                    let told = self.channel.send(&ToWorker::Taken);
                    taken += 1;
                    if !consume(SessionFrame { index, image }) {
                        return Ok(DecodeReport {
                            wanted: wanted.count(self.frames),
                            decoded: taken,
                            ..DecodeReport::default()
                        });
                    }
                    // A worker that has gone may have said the last word before.
                    if !matches!(told, Err(ChannelError::Gone)) {
                        self.heard(told)?;
                    }
                }
                FromWorker::End(report) => return Ok(report),
                FromWorker::Failed(reason) => return Err(SessionError::File(reason)),
                FromWorker::Walled(_) | FromWorker::Opened { .. } => return Err(out_of_turn()),
            }
        }
    }

    /// A frame from its place; `None` where that is none.
    fn image(&mut self, place: usize, rows: Rows, order: Colours) -> Option<RgbImage> {
        let Rows { width, height, stride } = rows;
        let line = width.checked_mul(3)?;
        let length = height.checked_sub(1)?.checked_mul(stride)?.checked_add(line)?;
        let pixels = (width as u64).checked_mul(height as u64)?;
        if place >= PLACES
            || width == 0
            || stride < line
            || length > self.place
            || pixels > self.reading.limits.pixels
        {
            return None;
        }
        let start = place * self.place;
        if order == Colours::Rgb && stride == line {
            let mut data = Vec::new();
            self.memory.copy_to(start, length, &mut data);
            return Some(RgbImage::from_raw(width, height, data));
        }
        self.scratch.clear();
        for row in 0..height {
            self.memory.copy_to(start + row * stride, line, &mut self.scratch);
        }
        match order {
            Colours::Rgb => Some(RgbImage::from_raw(width, height, self.scratch.clone())),
            Colours::Bgr => rgb_from_bgr(&self.scratch, width, height).ok(),
        }
    }

    /// The next message of the worker.
    fn next(&mut self, over: &dyn Fn() -> bool) -> Result<FromWorker, SessionError> {
        let begun = Instant::now();
        loop {
            if over() {
                return Err(SessionError::Over);
            }
            match self.channel.receive_within(ROUND) {
                Ok(Some(message)) => return Ok(message),
                Ok(None) if begun.elapsed().as_secs() > self.reading.limits.seconds => {
                    let seconds = self.reading.limits.seconds;
                    return Err(SessionError::Worker(format!(
                        "nothing came for {seconds} s, the limit for one file"
                    )));
                }
                Ok(None) => {}
                Err(error) => return self.heard(Err(error)),
            }
        }
    }

    /// What it means that an exchange with the worker failed.
    fn heard<T>(&mut self, result: Result<T, ChannelError>) -> Result<T, SessionError> {
        result.map_err(|error| match error {
            ChannelError::Gone => {
                let limits = self.reading.limits;
                SessionError::Worker(match self.end.receive_within(LAST_WORDS) {
                    Ok(Some(WorkerEnded(how))) => how_it_ended(how, limits.seconds, limits.memory),
                    _ => "the decoder has gone".to_owned(),
                })
            }
            ChannelError::Io(cause) => SessionError::None(cause),
            ChannelError::NoMessage => out_of_turn(),
        })
    }
}

fn how_it_ended(how: Ended, seconds: u64, memory: u64) -> String {
    if how.by_time_limit() {
        return format!("decoding takes more than {seconds} s of computing, the limit for one file");
    }
    if how.by_abort() {
        let memory = memory >> 20;
        return format!(
            "the decoder gave up, as for lack of memory (the limit for one file is {memory} MiB)"
        );
    }
    format!("the decoder crashed ({how})")
}

fn out_of_turn() -> SessionError {
    SessionError::Worker("the decoder says what makes no sense".to_owned())
}

/// The server of this process.
pub(in crate::media) static SERVER: Server = Server::new();

/// A server, started when it is first needed.
pub(in crate::media) struct Server(Mutex<Option<(OwnedFd, Child)>>);

impl Server {
    /// One that does not run yet.
    pub const fn new() -> Server {
        Server(Mutex::new(None))
    }

    /// The number of its process, if it runs.
    #[cfg(test)]
    pub fn id(&self) -> Option<u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(_, child)| child.id())
    }

    fn give(&self, order: &Order, handles: &[std::os::fd::BorrowedFd<'_>]) -> io::Result<()> {
        let mut server = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((orders, _)) = &*server
            && jail::send_order(orders.as_fd(), order, handles).is_ok()
        {
            return Ok(());
        }
        // There is none yet, or it has gone: then another one serves as well.
        if let Some((_, mut gone)) = server.take() {
            let _ = gone.kill();
            let _ = gone.wait();
        }
        let started = started()?;
        jail::send_order(started.0.as_fd(), order, handles)?;
        *server = Some(started);
        Ok(())
    }

    fn start_early(&self) {
        let mut server = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if server.is_none() {
            // Where it fails, it fails again with the first order, which tells why.
            *server = started().ok();
        }
    }
}

/// A new server, and the way to it.
fn started() -> io::Result<(OwnedFd, Child)> {
    let (orders, for_server) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    Ok((orders, jail::start_server(for_server)?))
}

/// Starts the server before anybody has an order for it: it wakes up while this process does.
pub fn start_early() {
    SERVER.start_early();
}

/// The walls that stand around workers on this machine. Has a worker look at a file of nothing.
pub fn probe_walls() -> io::Result<Walls> {
    let reading = Reading::as_is(crate::media::MediaLimits::default());
    let memory = SharedMemory::new(1 << 16)?;
    let (mut channel, for_worker) = jail::channel_pair()?;
    let (_end, for_server) = jail::channel_pair()?;
    let order = Order {
        kind: MediaKind::Photograph,
        heif: false,
        extension: String::new(),
        counting: reading.counting,
        limits: reading.limits,
        threads: 1,
        place: 1 << 16,
        places: 1,
    };
    let nothing = File::open("/dev/null")?;
    SERVER.give(&order, &[nothing.as_fd(), memory.handle(), for_worker.handle(), for_server.handle()])?;
    drop((for_worker, for_server));
    match channel.receive_within(LAST_WORDS) {
        Ok(Some(FromWorker::Walled(walls))) => Ok(walls),
        _ => Err(io::Error::other("the decoder does not answer")),
    }
}
