//! `sbi bench`.

use crate::args::BenchArgs;
use crate::{Outcome, Session, report};
use anyhow::Context;
use sbi::atomic_file::check_writable;
use sbi::bench::{self, BenchSummary, Config};
use sbi::model::bundled_detector;
use std::io::{self, Write};

pub fn run(args: &BenchArgs, session: &Session) -> anyhow::Result<Outcome> {
    if let Some(path) = &args.json {
        check_writable(path)?;
    }
    let weights = match &args.weights {
        Some(path) => path.clone(),
        None => bundled_detector()?,
    };
    let config =
        Config { weights, device: session.global.device, batch_size: args.batch_size, seconds: args.seconds };
    let summary = bench::run(&config, session.progress, session.cancel)?;
    if let Some(path) = &args.json {
        report::write_json(path, &summary).context("the result as JSON")?;
    }
    table(&mut io::stdout().lock(), &summary)?;
    Ok(if summary.interrupted { Outcome::Interrupted } else { Outcome::AllDone })
}

fn table(out: &mut impl Write, summary: &BenchSummary) -> io::Result<()> {
    let BenchSummary { processor, threads, device, peak_gflops, .. } = summary;
    writeln!(out, "{processor}, {threads} threads, networks on {device}")?;
    writeln!(out, "{:<48} {:>10} {:<9} {:>8}  of peak", "what", "rate", "", "GFLOP/s")?;
    writeln!(
        out,
        "{:<48} {:>10} {:<9} {peak_gflops:>8.1}     100 %",
        "multiplying matrices, float32", "", ""
    )?;
    for row in &summary.rows {
        let gflops = row.gflops.map_or(String::new(), |gflops| format!("{gflops:.1}"));
        let share = row.share_of_peak.map_or(String::new(), |share| format!("{:.0} %", 100.0 * share));
        writeln!(out, "{:<48} {:>10.2} {:<9} {gflops:>8}  {share:>8}", row.what, row.rate, row.unit)?;
    }
    for why in &summary.left_out {
        writeln!(out, "left out: {why}")?;
    }
    Ok(())
}
