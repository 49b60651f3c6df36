//! The command that compares results.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sbi infer -d CDF -w sbi.tar --json sbi.json\n  sbi infer -d CDF -w eg.tar --json eg.json\n  \
sbi compare sbi.json eg.json\n  sbi compare sbi.json eg.json mine.json --common --json compared.json\n\n\
Says whether detectors differ by more than chance on the same videos: AUCs with intervals, the difference with the\n\
interval of a paired bootstrap, DeLong's test, McNemar's test at each result's border, changed verdicts, per kind of\n\
forgery, and the videos about which they disagree. Without labels it says how far the results agree."
)]
pub struct CompareArgs {
    /// JSON or JSON lines that infer has written, of the same videos; each is compared with the first
    #[arg(required = true, num_args = 2.., value_name = "RESULT")]
    pub results: Vec<PathBuf>,
    /// Compare the videos that all results have with the same label, and say how many were left out
    #[arg(long)]
    pub common: bool,
    /// How many videos are shown about which the results disagree most
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub show: usize,
    /// Write everything that was found out as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a page with charts that is read in any browser, offline
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write one line per video as CSV, the most different first
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
}
