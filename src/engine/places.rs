//! The addresses that an operation hands to its kernel, each of them checked, and the running of the kernel's tasks.

use super::buffer::{BufferKind, Slice};
use super::kernels::{Kernels, RawActivation, RawActivationKind, RawMap, RawOperation};
use super::layout::{MemoryLayout, Placed, View};
use super::memory::{Memory, with_scratch};
use crate::network::{Activation, Size};
use rayon::prelude::*;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::ops::Range;

/// One operation's way to its buffers. It borrows the memory mutably, and [`Places::run`] takes it away: while there is
/// one, nobody else reads or writes the memory, and the operation runs once.
pub(super) struct Places<'m> {
    /// The build of the kernels that runs the operation.
    pub kernels: &'static Kernels,
    /// How many threads share the work.
    pub threads: usize,
    layout: &'m MemoryLayout,
    base: *mut f32,
    floats: usize,
    read: Vec<Range<usize>>,
    written: Vec<Range<usize>>,
    memory: PhantomData<&'m mut Memory>,
}

/// Where there is no map.
pub(super) const NOTHING: RawMap =
    RawMap { data: std::ptr::null_mut(), height: 0, width: 0, channels: 0, row_stride: 0, pixel_stride: 0 };

impl<'m> Places<'m> {
    /// The places of `layout` in this memory.
    pub fn new(
        kernels: &'static Kernels,
        layout: &'m MemoryLayout,
        memory: &'m mut Memory,
        threads: usize,
    ) -> Self {
        let (floats, base) = (memory.len(), memory.as_mut_slice().as_mut_ptr());
        let (read, written) = (Vec::new(), Vec::new());
        Places { kernels, threads, layout, base, floats, read, written, memory: PhantomData }
    }

    /// Channels in whole vectors of the kernels.
    pub fn whole(&self, channels: usize) -> usize {
        channels.next_multiple_of(self.kernels.lanes())
    }

    /// Rows and columns of a buffer.
    pub fn size(&self, buffer: usize) -> Size {
        self.layout.placed[buffer].size
    }

    /// Where a whole map lies.
    pub fn map(&self, buffer: usize) -> View {
        self.layout.map(buffer)
    }

    /// Where some channels of a map lie.
    pub fn slice(&self, Slice { buffer, first, channels }: Slice) -> View {
        self.layout.view(buffer, first..first + channels)
    }

    /// A map that the kernel reads.
    ///
    /// # Panics
    /// When it does not lie in the memory, or where the kernel writes.
    pub fn reads(&mut self, view: &View) -> RawMap {
        let span = view.span();
        self.note_read(span);
        self.raw(view)
    }

    /// A map that the kernel writes.
    ///
    /// # Panics
    /// When it does not lie in the memory, or where the kernel reads or writes something else.
    pub fn writes(&mut self, view: &View) -> RawMap {
        let span = view.span();
        self.note_written(span);
        self.raw(view)
    }

    /// A map that the kernel adds to what it writes to `to`, if there is one.
    ///
    /// # Panics
    /// When it has another shape, does not lie in the memory, or lies where the kernel writes.
    pub fn adds(&mut self, onto: Option<usize>, to: &View) -> RawMap {
        onto.map_or(NOTHING, |buffer| {
            let view = self.map(buffer);
            assert_eq!((view.height, view.width, view.channels), (to.height, to.width, to.channels));
            self.reads(&view)
        })
    }

    /// A buffer that is no map and that the kernel reads; it must have `floats` floats.
    ///
    /// # Panics
    /// When it has not, or does not lie in the memory, or where the kernel writes.
    pub fn reads_floats(&mut self, buffer: usize, floats: usize) -> *const f32 {
        let range = self.floats(buffer, floats);
        self.note_read(range.clone());
        self.at(range.start).cast_const()
    }

    /// A buffer that is no map and that the kernel writes; it must have `floats` floats.
    ///
    /// # Panics
    /// When it has not, or does not lie in the memory, or where the kernel reads or writes something else.
    pub fn writes_floats(&mut self, buffer: usize, floats: usize) -> *mut f32 {
        let range = self.floats(buffer, floats);
        self.note_written(range.clone());
        self.at(range.start)
    }

    fn floats(&self, buffer: usize, floats: usize) -> Range<usize> {
        let Placed { kind, size, offset } = self.layout.placed[buffer];
        assert!(!matches!(kind, BufferKind::Map { .. }), "buffer {buffer} is a map");
        assert!(floats <= kind.floats(size), "{floats} floats of {kind:?}, {size:?}");
        offset..offset + floats
    }

    fn raw(&self, view: &View) -> RawMap {
        RawMap {
            data: self.at(view.offset),
            height: view.height as i64,
            width: view.width as i64,
            channels: view.channels as i64,
            row_stride: view.row_stride as i64,
            pixel_stride: view.pixel_stride as i64,
        }
    }

    fn at(&self, offset: usize) -> *mut f32 {
        assert!(offset <= self.floats, "{offset} lies outside of {} floats", self.floats);
        // SAFETY: within the memory or at its end, as was just seen.
        unsafe { self.base.add(offset) }
    }

    fn note_read(&mut self, range: Range<usize>) {
        self.check(&range, &self.written);
        self.read.push(range);
    }

    fn note_written(&mut self, range: Range<usize>) {
        self.check(&range, &self.read);
        self.check(&range, &self.written);
        self.written.push(range);
    }

    fn check(&self, range: &Range<usize>, others: &[Range<usize>]) {
        assert!(range.end <= self.floats, "{range:?} lies outside of {} floats", self.floats);
        let apart = |other: &Range<usize>| range.end <= other.start || other.end <= range.start;
        assert!(others.iter().all(apart), "{range:?} overlaps one of {others:?}");
    }

    /// Runs the kernel: each of its tasks once, shared by the threads of this pool.
    ///
    /// # Safety
    /// `functions` are those of the kernel whose arguments `A` are. All pointers in `arguments` are null where the kernel
    /// allows that, or come from this value's methods or from [`weights`], for at least as many floats as the kernel
    /// reads or writes there.
    pub unsafe fn run<A>(self, functions: RawOperation, arguments: &A) {
        let arguments = std::ptr::from_ref(arguments).cast::<c_void>();
        // SAFETY: the functions are those for these arguments, as the caller promises.
        let (count, scratch) = unsafe { ((functions.tasks)(arguments), (functions.scratch)(arguments)) };
        let tasks = Tasks { run: functions.run, arguments, scratch: scratch as usize };
        if self.threads > 1 && count > 1 {
            let tasks = &tasks;
            let all = (0..count as usize).into_par_iter().with_max_len(1);
            // SAFETY: each number below the count is taken once.
            all.for_each(|task| unsafe { tasks.run(task as i64) });
        } else {
            // SAFETY: as above.
            (0..count).for_each(|task| unsafe { tasks.run(task) });
        }
    }
}

/// What threads share while they run the tasks of one operation.
struct Tasks {
    run: unsafe extern "C" fn(*const c_void, i64, *mut f32),
    arguments: *const c_void,
    scratch: usize,
}

// SAFETY: only made in `Places::run`, which holds the memory exclusively and the arguments until all tasks are done. The
// arguments are only read, and each task writes what no other one does (the contract of `kernels.h`).
unsafe impl Sync for Tasks {}

impl Tasks {
    /// # Safety
    /// `task` is one of the operation's and has not run yet.
    unsafe fn run(&self, task: i64) {
        // SAFETY: the arguments are the function's; the scratch has the size that it asked for.
        with_scratch(self.scratch, |scratch| unsafe { (self.run)(self.arguments, task, scratch) });
    }
}

/// Weights for a kernel that reads `floats` of them.
///
/// # Panics
/// When there are fewer.
pub(super) fn weights(memory: &Memory, floats: usize) -> *const f32 {
    assert!(memory.len() >= floats, "{} weights instead of {floats}", memory.len());
    memory.as_slice().as_ptr()
}

impl Activation<Memory> {
    /// The kernel's form of an activation over so many channels, in whole vectors.
    ///
    /// # Panics
    /// When there are slopes for fewer channels.
    pub(super) fn raw(&self, channels: usize) -> RawActivation {
        const LIMIT: f32 = 6.0;
        let plain = |kind, constant| RawActivation { kind, constant, slopes: std::ptr::null() };
        match self {
            Activation::None => plain(RawActivationKind::None, 0.0),
            Activation::Relu => plain(RawActivationKind::Relu, 0.0),
            Activation::Relu6 => plain(RawActivationKind::Clamp, LIMIT),
            Activation::Swish => plain(RawActivationKind::Swish, 0.0),
            Activation::LeakyRelu(slope) => plain(RawActivationKind::Leaky, *slope as f32),
            Activation::Slopes(slopes) => {
                RawActivation { slopes: weights(slopes, channels), ..plain(RawActivationKind::Slopes, 0.0) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: BufferKind = BufferKind::Map { channels: 4, halo: (1, 1) };

    /// Two maps of 2 x 3 pixels with a halo and a buffer of sums, at these offsets in `floats` floats.
    fn layout(offsets: [usize; 3], floats: usize) -> MemoryLayout {
        let kinds = [MAP, MAP, BufferKind::RowSums { channels: 4 }];
        let placed = |(kind, offset)| Placed { kind, size: (2, 3), offset };
        MemoryLayout {
            placed: kinds.into_iter().zip(offsets).map(placed).collect(),
            floats,
            new_halos: vec![],
        }
    }

    /// What `ask` says when it asks for places in so many floats; `None` where it gets them.
    fn refusal(offsets: [usize; 3], floats: usize, ask: impl Fn(&mut Places)) -> Option<String> {
        let layout = layout(offsets, floats);
        let mut memory = Memory::zeroed(floats);
        let mut places = Places::new(&Kernels::all()[0], &layout, &mut memory, 1);
        let asked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ask(&mut places)));
        asked.err().map(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default())
    }

    /// Floats of a map with its halo: 4 rows of 5 pixels.
    const EACH: usize = 4 * 5 * 4;

    #[test]
    fn what_fits_is_given_out() {
        let both = |places: &mut Places| {
            let (from, to) = (places.map(0), places.map(1));
            let (from, to) = (places.reads(&from), places.writes(&to));
            assert_eq!((from.height, from.width, from.channels), (2, 3, 4));
            // SAFETY: both are in the same allocation.
            assert_eq!(unsafe { to.data.offset_from(from.data) }, EACH as isize);
            places.writes_floats(2, 2 * 4);
        };
        assert_eq!(refusal([0, EACH, 2 * EACH], 2 * EACH + 8, both), None);
    }

    #[test]
    fn what_lies_outside_or_overlaps_is_refused() {
        #[track_caller]
        fn assert_refused(offsets: [usize; 3], floats: usize, reason: &str, ask: impl Fn(&mut Places)) {
            let refusal = refusal(offsets, floats, ask).expect("a refusal");
            assert!(refusal.contains(reason), "{refusal}");
        }
        let fits = [0, EACH, 2 * EACH];
        let floats = 2 * EACH + 8;
        let whole = |buffer: usize| {
            move |places: &mut Places| {
                let view = places.map(buffer);
                places.writes(&view);
            }
        };
        assert_refused([0, EACH + 9, 0], floats, "outside", whole(1));
        let changed = |change: fn(&mut View)| {
            move |places: &mut Places| {
                let mut view = places.map(0);
                change(&mut view);
                places.reads(&view);
            }
        };
        assert_refused(fits, floats, "before the memory", changed(|view| view.offset -= 1));
        assert_refused(fits, floats, "before the memory", changed(|view| view.halo.0 = 2));
        assert_refused(fits, floats, "outside", changed(|view| view.halo.1 = 8));
        assert_refused(fits, floats, "outside", changed(|view| view.height = 100));
        assert_refused(fits, floats, "without pixels", changed(|view| view.width = 0));
        assert_refused(fits, floats, "more channels", changed(|view| view.channels = 5));
        assert_refused(fits, floats, "rows overlap", changed(|view| view.width = 6));
        assert_refused(fits, floats, "channels 2..5 of 4", |places| {
            places.slice(Slice { buffer: 0, first: 2, channels: 3 });
        });
        assert_refused(fits, floats, "is no map", |places| {
            places.map(2);
        });
        assert_refused(fits, floats, "9 floats", |places| {
            places.reads_floats(2, 9);
        });
        assert_refused(fits, floats, "is a map", |places| {
            places.reads_floats(0, 1);
        });
        assert_refused(fits, 2 * EACH + 7, "outside", |places| {
            places.writes_floats(2, 8);
        });
        // A map that is read and written at once, and one that is written twice.
        assert_refused([0, EACH - 4, 0], floats, "overlaps", |places| {
            let (from, to) = (places.map(0), places.map(1));
            places.reads(&from);
            places.writes(&to);
        });
        assert_refused(fits, floats, "overlaps", |places| {
            let to = places.map(1);
            places.writes(&to);
            places.writes(&to);
        });
        assert_refused(fits, floats, "overlaps", |places| {
            let to = places.map(1);
            places.writes(&to);
            places.adds(Some(1), &to);
        });
        // What is added has the shape of what is written.
        assert_refused(fits, floats, "left == right", |places| {
            let to = places.slice(Slice { buffer: 1, first: 0, channels: 2 });
            places.adds(Some(0), &to);
        });
    }

    #[test]
    #[should_panic(expected = "8 weights instead of 16")]
    fn too_few_slopes_are_refused() {
        Activation::Slopes(Memory::zeroed(8)).raw(16);
    }
}
