//! Executing a program.

use super::plan::Plan;
use super::step::{Buffer, Size, Step};
use super::{Memory, View};
use crate::native::process;
use crate::native::torch::{floats_of, tensor_of};
use rayon::prelude::*;
use std::sync::{Arc, Mutex, MutexGuard};
use tch::Tensor;

/// A network, ready to run on the CPU.
pub struct Program {
    buffers: Vec<Buffer>,
    steps: Vec<Step>,
    input: usize,
    outputs: Vec<usize>,
    /// The plan of the last input size.
    plan: Mutex<Option<Arc<Plan>>>,
    /// Memory that nobody uses now. Kept: fresh memory costs page faults.
    idle: Mutex<Vec<Memory>>,
}

/// Images of one size, as a program takes them: row by row, where they will be needed, on any thread.
pub trait Images: Sync {
    /// How many.
    fn count(&self) -> usize;
    /// Rows and columns.
    fn size(&self) -> (usize, usize);
    /// Writes row `y` of an image, `[width, channels]`.
    fn write_row(&self, image: usize, y: usize, row: &mut [f32]);
}

/// The images of a contiguous tensor.
struct TensorImages<'a> {
    values: &'a [f32],
    /// `[n, channels, h, w]`, or else `[n, h, w, channels]`.
    planes: bool,
    count: usize,
    channels: usize,
    size: Size,
}

impl Images for TensorImages<'_> {
    fn count(&self) -> usize {
        self.count
    }

    fn size(&self) -> Size {
        self.size
    }

    fn write_row(&self, image: usize, y: usize, row: &mut [f32]) {
        let (height, width) = self.size;
        let values = &self.values[image * self.channels * height * width..];
        if !self.planes {
            return row.copy_from_slice(&values[y * row.len()..][..row.len()]);
        }
        for channel in 0..self.channels {
            let plane = &values[(channel * height + y) * width..][..width];
            row.iter_mut().skip(channel).step_by(self.channels).zip(plane).for_each(|(to, from)| *to = *from);
        }
    }
}

/// An image on its way through a program.
struct Job<'a> {
    image: usize,
    results: Vec<&'a mut [f32]>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Program {
    pub(super) fn new(buffers: Vec<Buffer>, steps: Vec<Step>, input: usize, outputs: Vec<usize>) -> Self {
        Program { buffers, steps, input, outputs, plan: Mutex::new(None), idle: Mutex::new(Vec::new()) }
    }

    #[cfg(test)]
    pub(super) fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    pub(super) fn plan_for(&self, size: Size) -> Arc<Plan> {
        let mut plan = locked(&self.plan);
        match &*plan {
            Some(known) if known.sizes[self.input] == size => Arc::clone(known),
            _ => {
                let made = Arc::new(Plan::new(&self.buffers, &self.steps, (self.input, size), &self.outputs));
                *plan = Some(Arc::clone(&made));
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
        let results = self.run_images(&TensorImages { values: floats_of(&x), planes, count, channels, size });
        let plan = self.plan_for(size);
        let tensor = |(values, output): (Vec<f32>, &usize)| {
            let view = plan.map(&self.buffers, *output);
            let shape = [n, view.height as i64, view.width as i64, view.channels as i64];
            tensor_of(&values, &shape).permute([0, 3, 1, 2])
        };
        results.into_iter().zip(&self.outputs).map(tensor).collect()
    }

    /// The same of images that are written where they are needed. Returns each output as `[n, h, w, channels]`, flat.
    pub fn run_images(&self, images: &dyn Images) -> Vec<Vec<f32>> {
        let plan = self.plan_for(images.size());
        let views: Vec<View> = self.outputs.iter().map(|output| plan.map(&self.buffers, *output)).collect();
        let floats = |view: &View| view.height * view.width * view.channels;
        let mut results: Vec<Vec<f32>> =
            views.iter().map(|view| vec![0.0; floats(view) * images.count()]).collect();
        // One job per image: its number and its part of each result.
        let mut jobs: Vec<Job> =
            (0..images.count()).map(|image| Job { image, results: Vec::new() }).collect();
        for (result, view) in results.iter_mut().zip(&views) {
            for (job, part) in jobs.iter_mut().zip(result.chunks_exact_mut(floats(view).max(1))) {
                job.results.push(part);
            }
        }
        self.run_all(&plan, &views, images, jobs);
        results
    }

    fn run_all(&self, plan: &Plan, views: &[View], images: &dyn Images, mut jobs: Vec<Job>) {
        let threads = process::threads();
        let one = |mut job: Job, threads: usize| {
            let mut memory = self.take_memory(plan);
            let input = plan.map(&self.buffers, self.input);
            write_image(images, job.image, &input, memory.as_mut_slice(), threads);
            self.execute(plan, &mut memory, threads);
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

    fn take_memory(&self, plan: &Plan) -> Memory {
        let mut idle = locked(&self.idle);
        // Others are of another input size.
        idle.retain(|memory| memory.len() >= plan.floats);
        let found = idle.pop();
        drop(idle);
        found.unwrap_or_else(|| Memory::zeroed(plan.floats))
    }

    fn execute(&self, plan: &Plan, memory: &mut Memory, threads: usize) {
        for (step, halos) in self.steps.iter().zip(&plan.new_halos) {
            for map in halos {
                clear_halo(&plan.map(&self.buffers, *map), memory.as_mut_slice());
            }
            let operation = plan.operation(&self.buffers, step);
            let prepared = operation.prepare(step.kernels, memory, threads);
            let tasks = prepared.tasks();
            if threads > 1 && tasks > 1 {
                (0..tasks).into_par_iter().with_max_len(1).for_each(|task| prepared.run(task));
            } else {
                (0..tasks).for_each(|task| prepared.run(task));
            }
        }
    }
}

/// Writes zeros around a map.
fn clear_halo(view: &View, memory: &mut [f32]) {
    let View { offset, height, width, row_stride, pixel_stride, halo: (before, after), .. } = *view;
    let first = offset - before * (row_stride + pixel_stride);
    memory[first..first + before * row_stride].fill(0.0);
    for y in 0..height {
        let row = first + (before + y) * row_stride;
        memory[row..row + before * pixel_stride].fill(0.0);
        let right = row + (before + width) * pixel_stride;
        memory[right..right + after * pixel_stride].fill(0.0);
    }
    let below = first + (before + height) * row_stride;
    memory[below..below + after * row_stride].fill(0.0);
}

fn write_image(images: &dyn Images, image: usize, view: &View, memory: &mut [f32], threads: usize) {
    clear_halo(view, memory);
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
