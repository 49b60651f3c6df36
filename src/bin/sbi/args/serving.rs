//! `serve`: a page instead of a command line.

use super::shared::{FaceDetectorArgs, LimitArgs};
use super::values::{positive, probability};
use clap::Args;
use sbi::serve::DEFAULT_PORT;
use std::net::IpAddr;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sbi serve --open\n  sbi serve -w weights/EG-weights.tar --port 0\n  sbi serve --listen 0.0.0.0\n\n\
Prints the page's address and works until Ctrl-C. Only this machine can reach it, unless --listen says otherwise; then\n\
visitors need the token that is printed with the address. Uploads are deleted once they are scored. docs/serve.md\n\
describes the interface for programs."
)]
pub struct ServeArgs {
    /// Weights of the deepfake detector (SBI or EG); default: the detector in the box
    #[arg(short, long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Port to listen on; 0: any free one
    #[arg(short, long, default_value_t = DEFAULT_PORT, value_name = "PORT")]
    pub port: u16,
    /// Address to listen on, so that others can reach it: an address of this machine, or 0.0.0.0 for all of them
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<IpAddr>,
    /// Ask for a token on this machine, too: where other people use it. SBI_SERVE_TOKEN chooses one
    #[arg(long)]
    pub token: bool,
    /// A name by which visitors call this machine, besides its own and its addresses; may be given again
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,
    /// Open the page in the browser
    #[arg(long)]
    pub open: bool,
    #[command(flatten)]
    pub detector: FaceDetectorArgs,
    /// Score from which a video is rather fake than real; default: what the weight file says, if it does
    #[arg(long, value_name = "T", value_parser = probability)]
    pub threshold: Option<f64>,
    /// Folder in which uploads lie until they are scored; default: TMPDIR, else /var/tmp
    #[arg(long, value_name = "DIR")]
    pub temp: Option<PathBuf>,
    /// MiB of an upload [default: 4096]
    #[arg(long, help_heading = UPLOADS, value_name = "MIB", value_parser = positive)]
    pub max_upload: Option<usize>,
    /// MiB of all uploads that are not scored yet [default: 16384]
    #[arg(long, help_heading = UPLOADS, value_name = "MIB", value_parser = positive)]
    pub max_disk: Option<usize>,
    /// Files that may wait [default: 100]
    #[arg(long, help_heading = UPLOADS, value_name = "N", value_parser = positive)]
    pub max_waiting: Option<usize>,
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// Where limits of uploads stand in the command's help.
const UPLOADS: &str = "Limits for uploads";
