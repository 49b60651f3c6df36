//! `merge`: what shards have left, joined.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sbi merge result.shard-*-of-8.json --json result.json\n  sbi merge data/npy/CDF\n  \
sbi merge data/FaceForensics++/original_sequences/youtube/c23\n\n\
Files are the JSON of infer or of robustness, in any order; the result is that of a single run. Folders are those of packed \
faces or of prepared sets, in which no shard may be at work any more."
)]
pub struct MergeArgs {
    /// Results of shards, or folders that shards have filled; @FILE reads a list of them
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Write the joined result as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write one line per video as CSV
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Of robustness: draw AUC and score shifts over the severities as a PNG
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Join what there is although inputs of the list are missing; the rest can be joined to it later
    #[arg(long)]
    pub allow_missing: bool,
    /// Where several results have the same input, take that of the first one
    #[arg(long)]
    pub allow_double: bool,
}
