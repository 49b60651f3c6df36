//! Where and how networks run.

use super::Error;
use std::str::FromStr;
use tch::{Cuda, Device};

/// A device as a user names it: `auto`, `cpu`, `cuda`, `cuda:N`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The first CUDA device if there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
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

/// How a network for inference is executed: the one place that decides it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExecutionPlan {
    device: Device,
    compile: bool,
}

impl ExecutionPlan {
    /// The fastest way on `device`: compiled programs on a CPU, libtorch's operators elsewhere.
    pub fn fastest(device: Device) -> Self {
        ExecutionPlan { device, compile: device == Device::Cpu }
    }

    /// libtorch's operators one by one: the yardstick for the other way.
    pub fn plain(device: Device) -> Self {
        ExecutionPlan { device, compile: false }
    }

    /// Where the weights live.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Whether networks switch to their compiled form.
    pub fn compiles(&self) -> bool {
        self.compile
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
    fn a_device_that_is_not_there_is_refused() {
        let error = DeviceChoice::Cuda(99).resolve().unwrap_err().to_string();
        assert!(error.contains("cuda:99"), "{error}");
    }
}
