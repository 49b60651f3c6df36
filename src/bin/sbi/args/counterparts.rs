//! `reconstruct`, which makes counterparts of prepared frames.

use super::values::positive;
use clap::Args;
use sbi::datasets::Compression;
use sbi::model::autoencoder::{Bottleneck, Design, Loss, Upsampling};
use std::path::PathBuf;

/// Where flags about the network stand in the help.
const NETWORK: &str = "The autoencoder (default: the one of this name that is there, or design a)";

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  sbi reconstruct -d faces -d portraits -n ae96\n  \
sbi reconstruct -d faces -n ae128 --design b --sheet sheet.png\n\n\
Writes SET/counterparts/NAME/VIDEO/FRAME.png for every prepared frame with landmarks: the frame with its face as a small\n\
autoencoder gives it back, trained on the sets' own faces. A second run makes what is missing, with the network that is\n\
kept there. Images of any other generator may be put beside, under another name.")]
pub struct ReconstructArgs {
    /// Prepared set: a name that preprocess has, or a set made with its -o; may be given again
    #[arg(short, long, value_name = "SET", required = true)]
    pub dataset: Vec<String>,
    /// What the counterparts are called
    #[arg(short, long, value_name = "NAME")]
    pub name: String,
    /// Compression level of FaceForensics++: raw, c23 or c40
    #[arg(short, long, default_value = "raw", value_name = "LEVEL")]
    pub compression: Compression,
    /// A design to begin with: a, b, c or d
    #[arg(long, value_name = "LETTER", value_parser = design, help_heading = NETWORK)]
    pub design: Option<Design>,
    /// Side of its squares in pixels
    #[arg(long, value_name = "PIXELS", help_heading = NETWORK)]
    pub side: Option<usize>,
    /// How the decoder doubles sides: nearest, transposed or shuffle
    #[arg(long, value_name = "KIND", help_heading = NETWORK)]
    pub up: Option<Upsampling>,
    /// Channels of the first map
    #[arg(long, value_name = "N", help_heading = NETWORK)]
    pub width: Option<usize>,
    /// Side of the encoder's windows: 3 or 5
    #[arg(long, value_name = "PIXELS", help_heading = NETWORK)]
    pub kernel: Option<usize>,
    /// How often the encoder halves sides: 2 to 4
    #[arg(long, value_name = "N", help_heading = NETWORK)]
    pub halvings: Option<usize>,
    /// What is kept of a face: dense:NUMBERS or conv:CHANNELS
    #[arg(long, value_name = "SIZE", help_heading = NETWORK)]
    pub bottleneck: Option<Bottleneck>,
    /// What training makes small: l1, l2 or l1-gradient
    #[arg(long, value_name = "LOSS", help_heading = NETWORK)]
    pub loss: Option<Loss>,
    /// Steps of training, of 16 faces each [default: 3000]
    #[arg(long, value_name = "N", value_parser = positive, help_heading = NETWORK)]
    pub steps: Option<usize>,
    /// Seed of all draws [default: 5]
    #[arg(long, value_name = "N", help_heading = NETWORK)]
    pub seed: Option<u64>,
    /// Draw a sheet of some faces and their counterparts
    #[arg(long, value_name = "FILE")]
    pub sheet: Option<PathBuf>,
    /// Train and reconstruct anew what is there
    #[arg(long)]
    pub overwrite: bool,
}

fn design(text: &str) -> Result<Design, String> {
    Design::preset(text).ok_or_else(|| "expected a, b, c or d".to_owned())
}
