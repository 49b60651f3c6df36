//! A compiled network, and how it runs.

use super::buffer::Buffer;
use super::compile::{Program, compile};
use super::images::{Images, TensorImages};
use super::kernels::Kernels;
use super::layout::{MemoryLayout, View};
use super::memory::Memory;
use super::operations::Operation;
use super::places::Places;
use crate::checkpoint::Mismatch;
use crate::native::process;
use crate::native::torch::{NewTensor, floats_of};
use crate::network::{Network, Size, Weights};
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tch::Tensor;

/// A network with packed weights, ready to run on the CPU.
pub struct Compiled {
    network: Network,
    buffers: Vec<Buffer>,
    steps: Vec<Step>,
    input: usize,
    outputs: Vec<usize>,
    /// The layout for the last input size.
    layout: Mutex<Option<(Size, Arc<MemoryLayout>)>>,
    /// Memory that nobody uses now. Kept: fresh memory costs page faults.
    idle: Mutex<Vec<Memory>>,
}

/// An operation and the build of the kernels that runs it.
pub(super) struct Step {
    pub kernels: &'static Kernels,
    pub operation: Box<dyn Operation>,
}

/// An image on its way through a network.
struct Job<'a> {
    image: usize,
    results: Vec<&'a mut [f32]>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Compiled {
    /// Compiles a description with its weights, for this processor.
    ///
    /// Fails when a weight is missing or of another shape.
    pub fn new(network: &Network, weights: Weights) -> Result<Self, Box<Mismatch>> {
        Self::with_kernels(Kernels::all(), network, weights)
    }

    /// Compiles for some of the builds of the kernels, the fastest first.
    pub(super) fn with_kernels(
        builds: &'static [Kernels],
        network: &Network,
        weights: Weights,
    ) -> Result<Self, Box<Mismatch>> {
        let Program { buffers, steps, maps } = compile(builds, network, weights)?;
        Ok(Compiled {
            network: network.clone(),
            buffers,
            steps,
            input: maps[0],
            outputs: network.outputs().iter().map(|map| maps[map.0]).collect(),
            layout: Mutex::new(None),
            idle: Mutex::new(Vec::new()),
        })
    }

    pub(super) fn layout_for(&self, size: Size) -> Arc<MemoryLayout> {
        let mut layout = locked(&self.layout);
        match &*layout {
            Some((known, layout)) if *known == size => Arc::clone(layout),
            _ => {
                let operations: Vec<&dyn Operation> =
                    self.steps.iter().map(|step| step.operation.as_ref()).collect();
                let sizes = self.network.sizes(size);
                let made = MemoryLayout::new(&self.buffers, &operations, &sizes, self.input, &self.outputs);
                let made = Arc::new(made);
                *layout = Some((size, Arc::clone(&made)));
                made
            }
        }
    }

    /// `x`: `[n, channels, h, w]`, float32 on the CPU, in either memory order. Returns each output as
    /// `[n, channels, h, w]` in channels-last order.
    ///
    /// # Panics
    /// When `x` has another shape or kind: inside a built network that is a bug of ours.
    pub fn run(&self, x: &Tensor) -> Vec<Tensor> {
        let (n, channels, height, width) = x.size4().expect("an input has four axes");
        let planes = x.is_contiguous();
        let x = if planes { x.shallow_clone() } else { x.permute([0, 2, 3, 1]).contiguous() };
        let (count, channels) = (n as usize, channels as usize);
        let size = (height as usize, width as usize);
        self.run_images(&TensorImages { values: floats_of(&x), planes, count, channels, size })
    }

    /// Runs images that are written where they are needed. Returns each output as `[n, channels, h, w]` in
    /// channels-last order.
    ///
    /// # Panics
    /// When the images have another number of channels than the network's input.
    pub fn run_images(&self, images: &dyn Images) -> Vec<Tensor> {
        let layout = self.layout_for(images.size());
        assert_eq!(images.channels(), layout.map(self.input).channels, "channels of the input");
        let views: Vec<View> = self.outputs.iter().map(|output| layout.map(*output)).collect();
        let floats = |view: &View| view.height * view.width * view.channels;
        let result = |view: &View| {
            let shape = [images.count(), view.height, view.width, view.channels];
            NewTensor::zeros(&shape.map(|side| side as i64))
        };
        let mut results: Vec<NewTensor> = views.iter().map(result).collect();
        // One job per image: its number and its part of each result.
        let mut jobs: Vec<Job> =
            (0..images.count()).map(|image| Job { image, results: Vec::new() }).collect();
        for (result, view) in results.iter_mut().zip(&views) {
            for (job, part) in jobs.iter_mut().zip(result.floats_mut().chunks_exact_mut(floats(view).max(1)))
            {
                job.results.push(part);
            }
        }
        self.run_all(&layout, &views, images, jobs);
        results.into_iter().map(|result| result.done().permute([0, 3, 1, 2])).collect()
    }

    /// The same for several sets of images, whose sizes may differ: each set by a thread of its own, while others run others.
    ///
    /// # Panics
    /// As [`Self::run_images`].
    pub fn run_apart(&self, sets: &[&dyn Images]) -> Vec<Vec<Tensor>> {
        let pixels = |number: &usize| sets[*number].size().0 * sets[*number].size().1;
        let mut order: Vec<usize> = (0..sets.len()).collect();
        // The largest first, so that threads end at about the same time.
        order.sort_by_key(|number| std::cmp::Reverse(pixels(number)));
        let next = AtomicUsize::new(0);
        let take = |_| {
            let numbers = std::iter::from_fn(|| order.get(next.fetch_add(1, Ordering::Relaxed)));
            let run = |number: &usize| (*number, process::alone(|| self.run_images(sets[*number])));
            numbers.map(run).collect::<Vec<_>>()
        };
        let threads = 0..process::threads().min(sets.len());
        let mut made: Vec<_> = threads.into_par_iter().with_max_len(1).flat_map_iter(take).collect();
        made.sort_by_key(|(number, _)| *number);
        made.into_iter().map(|(_, outputs)| outputs).collect()
    }

    fn run_all(&self, layout: &MemoryLayout, views: &[View], images: &dyn Images, mut jobs: Vec<Job>) {
        let threads = process::threads();
        let one = |mut job: Job, threads: usize| {
            let mut memory = self.take_memory(layout);
            write_image(images, job.image, &layout.map(self.input), memory.as_mut_slice(), threads);
            self.execute(layout, &mut memory, threads);
            for (result, view) in job.results.iter_mut().zip(views) {
                read_map(memory.as_slice(), view, result);
            }
            locked(&self.idle).push(memory);
        };
        if threads <= 1 {
            return jobs.into_iter().for_each(|job| one(job, 1));
        }
        let rest = jobs.split_off(jobs.len() - jobs.len() % threads);
        // From within the pool: handing each step over to it would wake this thread every time.
        rayon::scope(|_| {
            jobs.into_par_iter().with_max_len(1).for_each(|job| one(job, 1));
            rest.into_iter().for_each(|job| one(job, threads));
        });
    }

    fn take_memory(&self, layout: &MemoryLayout) -> Memory {
        let mut idle = locked(&self.idle);
        // Others are of another input size.
        idle.retain(|memory| memory.len() >= layout.floats);
        let found = idle.pop();
        drop(idle);
        found.unwrap_or_else(|| Memory::zeroed(layout.floats))
    }

    fn execute(&self, layout: &MemoryLayout, memory: &mut Memory, threads: usize) {
        for (step, new_halos) in self.steps.iter().zip(&layout.new_halos) {
            for map in new_halos {
                layout.map(*map).clear_halo(memory.as_mut_slice());
            }
            step.operation.run(Places::new(step.kernels, layout, memory, threads));
        }
    }
}

fn write_image(images: &dyn Images, image: usize, view: &View, memory: &mut [f32], threads: usize) {
    view.clear_halo(memory);
    let View { height, width, channels, .. } = *view;
    let write = |(y, row): (usize, &mut [f32])| images.write_row(image, y, &mut row[..width * channels]);
    let rows = &mut memory[view.offset..view.offset + (height - 1) * view.row_stride + width * channels];
    if threads > 1 {
        rows.par_chunks_mut(view.row_stride)
            .enumerate()
            .with_min_len(height.div_ceil(threads))
            .for_each(write);
    } else {
        rows.chunks_mut(view.row_stride).enumerate().for_each(write);
    }
}

/// Copies a map without its halo, `[height, width, channels]`.
fn read_map(memory: &[f32], view: &View, to: &mut [f32]) {
    let row = view.width * view.channels;
    for (y, to) in to.chunks_exact_mut(row).enumerate() {
        to.copy_from_slice(&memory[view.offset + y * view.row_stride..][..row]);
    }
}
