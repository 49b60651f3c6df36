//! Where and how networks run.

use super::Error;
use super::modules::{DeviceWeights, Mode, Modules};
use crate::engine::{Compiled, Images};
use crate::network::{Network, Weights};
use rayon::prelude::*;
use std::str::FromStr;
use tch::{Cuda, Device, TchError, Tensor};

/// A device as a user names it: `auto`, `cpu`, `cuda`, `cuda:N`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The first CUDA device if there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU, even where there is a CUDA device.
    Cpu,
    /// The CUDA device of this number.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(DeviceChoice::Auto),
            "cpu" => Ok(DeviceChoice::Cpu),
            "cuda" => Ok(DeviceChoice::Cuda(0)),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|number| number.parse().ok())
                .map(DeviceChoice::Cuda)
                .ok_or_else(|| "expected auto, cpu, cuda or cuda:N".to_owned()),
        }
    }
}

impl DeviceChoice {
    /// The choice of process `local` of several on a machine, each of which has a CUDA device of its own: so many further
    /// on, where this is about CUDA devices.
    pub fn for_process(self, local: usize) -> Self {
        match self {
            DeviceChoice::Cpu => DeviceChoice::Cpu,
            DeviceChoice::Auto if Cuda::is_available() => DeviceChoice::Cuda(local),
            DeviceChoice::Auto => DeviceChoice::Cpu,
            DeviceChoice::Cuda(first) => DeviceChoice::Cuda(first + local),
        }
    }

    /// The device itself. Fails when a CUDA device is asked for that is not there.
    pub fn resolve(self) -> Result<Device, Error> {
        let count = if Cuda::is_available() { Cuda::device_count() as usize } else { 0 };
        match self {
            DeviceChoice::Cpu => Ok(Device::Cpu),
            DeviceChoice::Auto => Ok(if count > 0 { Device::Cuda(0) } else { Device::Cpu }),
            DeviceChoice::Cuda(number) if number < count => Ok(Device::Cuda(number)),
            DeviceChoice::Cuda(number) => Err(Error::NoDevice { number, available: count }),
        }
    }
}

/// How networks for inference are executed: the one place that decides it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Execution {
    device: Device,
    compiled: bool,
}

impl Execution {
    /// The fastest way on `device`: the engine's programs on a CPU, libtorch's operators elsewhere.
    pub fn fastest(device: Device) -> Self {
        Execution { device, compiled: device == Device::Cpu }
    }

    /// libtorch's operators one by one: the yardstick for the other way.
    pub fn plain(device: Device) -> Self {
        Execution { device, compiled: false }
    }

    /// Where the weights live.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The network of a description, ready to run with these weights.
    ///
    /// Fails when a weight is missing or of another shape, and when libtorch runs out of memory.
    pub fn executable(&self, network: &Network, weights: Weights) -> Result<Executable, Error> {
        Ok(match self.compiled {
            true => Executable::Compiled(Compiled::new(network, weights)?),
            false => Executable::Libtorch {
                modules: Modules::new(network, &DeviceWeights::new(weights, self.device))?,
                device: self.device,
            },
        })
    }
}

/// A network with fixed weights, ready for inference.
pub enum Executable {
    /// A program of the engine, on the CPU.
    Compiled(Compiled),
    /// Modules of libtorch, on any device.
    Libtorch {
        /// The network's modules.
        modules: Modules,
        /// The device that holds its weights.
        device: Device,
    },
}

impl Executable {
    /// The outputs, `[n, c, h, w]` each, for images that are written where they are needed.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn run_images(&self, images: &dyn Images) -> Result<Vec<Tensor>, TchError> {
        match self {
            Executable::Compiled(program) => Ok(program.run_images(images)),
            Executable::Libtorch { modules, device } => {
                let (height, width) = images.size();
                let row = width * images.channels();
                let mut pixels = vec![0.0; images.count() * height * row];
                let rows = pixels.par_chunks_exact_mut(row).enumerate();
                rows.for_each(|(number, to)| images.write_row(number / height, number % height, to));
                let shape = [images.count(), height, width, images.channels()].map(|side| side as i64);
                let batch = Tensor::f_from_slice(&pixels)?.f_view(shape)?;
                let batch = batch.f_permute([0, 3, 1, 2])?.f_to_device(*device)?;
                Ok(modules.forward(&batch, Mode::Eval))
            }
        }
    }
}

impl Executable {
    /// [`Self::run_images`] for several sets of images, whose sizes may differ. The engine has each run by a thread of its
    /// own.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn run_apart(&self, sets: &[&dyn Images]) -> Result<Vec<Vec<Tensor>>, TchError> {
        match self {
            Executable::Compiled(program) => Ok(program.run_apart(sets)),
            Executable::Libtorch { .. } => sets.iter().map(|images| self.run_images(*images)).collect(),
        }
    }
}

/// A network up to its last maps, in a form that can infer.
pub trait Trunk {
    /// The outputs, `[n, c, h, w]` each, for `x`, `[n, channels, h, w]`, float32 on the network's device, with running
    /// statistics and nothing dropped.
    fn run(&self, x: &Tensor) -> Vec<Tensor>;
}

impl Trunk for Executable {
    fn run(&self, x: &Tensor) -> Vec<Tensor> {
        match self {
            Executable::Compiled(program) => program.run(x),
            Executable::Libtorch { modules, .. } => modules.forward(x, Mode::Eval),
        }
    }
}

impl Trunk for Modules {
    fn run(&self, x: &Tensor) -> Vec<Tensor> {
        self.forward(x, Mode::Eval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_parse_as_documented() {
        assert_eq!("cuda:3".parse(), Ok(DeviceChoice::Cuda(3)));
        assert_eq!("cuda".parse(), Ok(DeviceChoice::Cuda(0)));
        for wrong in ["gpu", "cuda:", "cuda:x", "CPU", ""] {
            assert!(wrong.parse::<DeviceChoice>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn processes_of_a_machine_have_a_device_each() {
        assert_eq!(DeviceChoice::Cuda(4).for_process(3), DeviceChoice::Cuda(7));
        assert_eq!(DeviceChoice::Cpu.for_process(3), DeviceChoice::Cpu);
    }

    #[test]
    fn a_device_that_is_not_there_is_refused() {
        let error = DeviceChoice::Cuda(99).resolve().unwrap_err().to_string();
        assert!(error.contains("cuda:99"), "{error}");
    }
}
