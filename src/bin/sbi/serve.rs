//! `sbi serve`.

use crate::args::ServeArgs;
use crate::infer::base_config;
use crate::{Outcome, Session};
use sbi::infer::{self, InferSource};
use sbi::progress::Progress;
use sbi::serve::{Config, ServeLimits, Server, Token};
use std::process::{Command, Stdio};

/// A token that the user has chosen. It is no option, because other users see those of a running program.
const TOKEN: &str = "SBI_SERVE_TOKEN";

pub fn run(args: &ServeArgs, session: &Session) -> anyhow::Result<Outcome> {
    let server = Server::open(config(args, session)?)?;
    println!("open {} in a browser; Ctrl-C ends", server.link());
    if args.open {
        // Without the token, which others would see among the running programs.
        open(&server.page(), session);
    }
    let summary = server.run(session.progress, session.cancel)?;
    session.progress.note(&format!(
        "{} files scored, {} failed, {} stopped; all uploads are deleted",
        summary.scored, summary.failed, summary.stopped
    ));
    // A server has no other end than to be asked to.
    Ok(Outcome::AllDone)
}

fn config(args: &ServeArgs, session: &Session) -> anyhow::Result<Config> {
    let source = InferSource::Files(Vec::new());
    let scoring = base_config(args.weights.as_deref(), source, args.detector.config(), session)?;
    let scoring = infer::Config {
        device: session.global.device,
        threshold: args.threshold,
        limits: args.limits.limits(),
        ..scoring
    };
    let mut config = Config::new(scoring);
    config.address.set_port(args.port);
    if let Some(address) = args.listen {
        config.address.set_ip(address);
    }
    let chosen = std::env::var(TOKEN).ok();
    config.token = match chosen {
        Some(word) => Some(Token::chosen(&word)?),
        None if args.token || !config.address.ip().is_loopback() => Some(Token::random()?),
        None => None,
    };
    config.names = args.host.clone();
    if let Some(folder) = &args.temp {
        config.folder = folder.clone();
    }
    let mib = |asked: Option<usize>, default: u64| {
        asked.map_or(default, |mib| (mib as u64).saturating_mul(1 << 20))
    };
    let usual = config.limits;
    config.limits = ServeLimits {
        file: mib(args.max_upload, usual.file),
        disk: mib(args.max_disk, usual.disk),
        waiting: args.max_waiting.unwrap_or(usual.waiting),
        ..usual
    };
    Ok(config)
}

/// Asks the desktop to show a page. Where there is none the printed address does.
fn open(address: &str, session: &Session) {
    let mut command = Command::new("xdg-open");
    command.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.spawn() {
        // It ends as soon as the browser has been told; somebody has to take note of that.
        Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
        Err(error) => session.progress.note(&format!("no browser could be opened (xdg-open: {error})")),
    }
}
