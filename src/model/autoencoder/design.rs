//! Designs of autoencoders: sizes, layers and losses that programs for swapping faces are made of.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How the decoder doubles the sides of its maps: each leaves traces of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upsampling {
    /// Every pixel four times, then a convolution: smooth.
    Nearest,
    /// A transposed convolution of 3 x 3 with stride 2, whose windows overlap unevenly: checkerboards.
    Transposed,
    /// A convolution that makes four pixels out of one, side by side (pixel shuffle): fine grids.
    Shuffle,
}

/// The narrow place that everything the decoder knows of a face has to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bottleneck {
    /// This many numbers, from and to all positions: what is kept of a face is its kind, not its detail.
    Dense(usize),
    /// This many channels: details stay where they are and lose sharpness.
    Conv(usize),
}

/// What training makes small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// The mean absolute difference.
    L1,
    /// The mean squared difference: smoother.
    L2,
    /// The mean absolute difference of the values and of their slopes: sharper.
    L1Gradient,
}

/// An autoencoder's design. Networks of equal designs have equal weights' names and shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Design {
    /// Side of its aligned squares in pixels, a multiple of 16.
    pub side: usize,
    /// How the decoder doubles sides.
    pub up: Upsampling,
    /// Channels of the first map; every halving doubles them.
    pub width: usize,
    /// Side of the encoder's windows, 3 or 5.
    pub kernel: usize,
    /// How often the encoder halves the sides of its maps, 2 to 4.
    pub halvings: usize,
    /// What is kept of a face.
    pub bottleneck: Bottleneck,
    /// What training makes small.
    pub loss: Loss,
}

/// A word or size that no design has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct DesignError {
    /// What is understood.
    pub expected: &'static str,
}

impl Design {
    /// The four designs, by their letters.
    pub const PRESETS: [(&'static str, Design); 4] = [
        (
            "a",
            Design {
                side: 96,
                up: Upsampling::Shuffle,
                width: 16,
                kernel: 3,
                halvings: 3,
                bottleneck: Bottleneck::Conv(32),
                loss: Loss::L1,
            },
        ),
        (
            "b",
            Design {
                side: 128,
                up: Upsampling::Transposed,
                width: 16,
                kernel: 3,
                halvings: 3,
                bottleneck: Bottleneck::Conv(32),
                loss: Loss::L2,
            },
        ),
        (
            "c",
            Design {
                side: 64,
                up: Upsampling::Nearest,
                width: 16,
                kernel: 5,
                halvings: 2,
                bottleneck: Bottleneck::Conv(8),
                loss: Loss::L1,
            },
        ),
        (
            "d",
            Design {
                side: 160,
                up: Upsampling::Shuffle,
                width: 16,
                kernel: 3,
                halvings: 3,
                bottleneck: Bottleneck::Conv(24),
                loss: Loss::L1Gradient,
            },
        ),
    ];

    /// The preset with this letter.
    pub fn preset(letter: &str) -> Option<Design> {
        Self::PRESETS.iter().find(|(name, _)| *name == letter).map(|(_, design)| *design)
    }

    /// Whether the sizes go together and are such as memory can hold.
    ///
    /// Fails with what was expected.
    pub fn check(&self) -> Result<(), DesignError> {
        let wrong = |expected| Err(DesignError { expected });
        let Design { side, width, kernel, halvings, .. } = *self;
        let kept = match self.bottleneck {
            Bottleneck::Dense(numbers) => (8..=4096).contains(&numbers),
            Bottleneck::Conv(channels) => (1..=512).contains(&channels),
        };
        match () {
            () if !side.is_multiple_of(16) || !(32..=256).contains(&side) => {
                wrong("a side that is a multiple of 16 from 32 to 256")
            }
            () if !width.is_multiple_of(2) || !(2..=128).contains(&width) => {
                wrong("an even width from 2 to 128")
            }
            () if kernel != 3 && kernel != 5 => wrong("a kernel of 3 or 5"),
            () if !(2..=4).contains(&halvings) => wrong("2 to 4 halvings"),
            () if !kept => wrong("a dense bottleneck of 8 to 4096 numbers, or one of 1 to 512 channels"),
            () => Ok(()),
        }
    }
}

impl FromStr for Upsampling {
    type Err = DesignError;

    /// Accepts `nearest`, `transposed` and `shuffle`.
    fn from_str(text: &str) -> Result<Self, DesignError> {
        match text {
            "nearest" => Ok(Upsampling::Nearest),
            "transposed" => Ok(Upsampling::Transposed),
            "shuffle" => Ok(Upsampling::Shuffle),
            _ => Err(DesignError { expected: "nearest, transposed or shuffle" }),
        }
    }
}

impl FromStr for Loss {
    type Err = DesignError;

    /// Accepts `l1`, `l2` and `l1-gradient`.
    fn from_str(text: &str) -> Result<Self, DesignError> {
        match text {
            "l1" => Ok(Loss::L1),
            "l2" => Ok(Loss::L2),
            "l1-gradient" => Ok(Loss::L1Gradient),
            _ => Err(DesignError { expected: "l1, l2 or l1-gradient" }),
        }
    }
}

impl FromStr for Bottleneck {
    type Err = DesignError;

    /// Accepts `dense:NUMBERS` and `conv:CHANNELS`.
    fn from_str(text: &str) -> Result<Self, DesignError> {
        let wrong = DesignError { expected: "dense:NUMBERS or conv:CHANNELS, such as dense:512 or conv:32" };
        let parts = text.split_once(':').and_then(|(kind, size)| Some((kind, size.parse().ok()?)));
        match parts {
            Some(("dense", numbers)) => Ok(Bottleneck::Dense(numbers)),
            Some(("conv", channels)) => Ok(Bottleneck::Conv(channels)),
            _ => Err(wrong),
        }
    }
}

impl fmt::Display for Design {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Design { side, up, width, kernel, halvings, bottleneck, loss } = self;
        let up = match up {
            Upsampling::Nearest => "nearest",
            Upsampling::Transposed => "transposed",
            Upsampling::Shuffle => "shuffle",
        };
        let bottleneck = match bottleneck {
            Bottleneck::Dense(numbers) => format!("dense:{numbers}"),
            Bottleneck::Conv(channels) => format!("conv:{channels}"),
        };
        let loss = match loss {
            Loss::L1 => "l1",
            Loss::L2 => "l2",
            Loss::L1Gradient => "l1-gradient",
        };
        write!(
            f,
            "{side} px, {up}, width {width}, kernel {kernel}, {halvings} halvings, {bottleneck}, {loss}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_sound_and_words_are_understood() {
        for (letter, design) in Design::PRESETS {
            design.check().unwrap();
            assert_eq!(Design::preset(letter), Some(design));
            let json = serde_json::to_string(&design).unwrap();
            assert_eq!(serde_json::from_str::<Design>(&json).unwrap(), design);
        }
        assert_eq!("conv:7".parse(), Ok(Bottleneck::Conv(7)));
        assert!("dense".parse::<Bottleneck>().is_err() && "cubic".parse::<Upsampling>().is_err());
        let odd = Design { side: 100, ..Design::PRESETS[0].1 };
        assert!(odd.check().unwrap_err().to_string().contains("multiple of 16"));
    }
}
