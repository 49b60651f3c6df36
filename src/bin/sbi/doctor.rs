//! `sbi doctor`.

use crate::args::DoctorArgs;
use crate::{Outcome, Session};
use sbi::doctor::{self, Check, State, Subject};

pub fn run(args: &DoctorArgs, session: &Session) -> anyhow::Result<Outcome> {
    let mut checks = doctor::run(session.global.device, &session.global.data_root);
    for check in &mut checks {
        if let Some(flags) = flags(check) {
            check.detail += flags;
        }
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&checks)?);
    } else {
        for Check { subject, state, detail } in &checks {
            println!("{:<8}{subject}: {detail}", state.name());
        }
    }
    Ok(match checks.iter().any(|check| check.state == State::Bad) {
        true => Outcome::SomeFailed,
        false => Outcome::AllDone,
    })
}

/// What can be typed where something is missing.
fn flags(check: &Check) -> Option<&'static str> {
    match (check.subject, check.state) {
        (Subject::DataRoot, State::Missing) => Some("; --data-root or SBI_DATA_ROOT names another one"),
        _ => None,
    }
}
