//! What a run is made of: data, settings, machine.

use crate::page::{Cell, Details, Facts, Html, Section, Table};
use crate::train::config::{Config, DataConfig, SetShare};
use crate::train::run_record::{RunRecord, SetCounts};
use serde_json::Value;
use std::path::Path;

/// The sets, and what was found in them.
pub(super) fn data(record: &RunRecord) -> Html {
    let DataConfig { sets, root, compression, n_frames, .. } = &record.config.data;
    let table = Table::new("What was found")
        .text("")
        .number("videos")
        .number("frames")
        .number("videos without a usable frame")
        .number("frames without landmarks or box")
        .number("faces too small");
    let row = |name: &str, counts: &SetCounts| {
        let SetCounts { videos, frames, empty_videos, incomplete_frames, too_small } = *counts;
        let numbers = [videos, frames, empty_videos, incomplete_frames, too_small].map(Cell::count);
        std::iter::once(Cell::text(name)).chain(numbers).collect::<Vec<Cell>>()
    };
    let rows = [row("training", &record.data.train), row("validation", &record.data.val)];
    let named = |share: &SetShare| match share.weight {
        1.0 => share.name.clone(),
        weight => format!("{} × {weight}", share.name),
    };
    let sets: Vec<String> = sets.iter().map(named).collect();
    let extras = Some(record.config.data.extras().to_string()).filter(|extras| !extras.is_empty());
    let facts = Facts::new()
        .fact("sets", sets.join(", "))
        .known("folder of all data", root.as_ref().map(|root| root.display().to_string()))
        .fact("compression", compression.to_string())
        .fact("frames per video", n_frames.to_string())
        .fact("pairs beyond self-blending", extras.unwrap_or_else(|| "none".to_owned()));
    let counted = "Frames count as often as their set weighs: an epoch makes as many pairs.";
    Section::new("data", "Data")
        .with(facts.html())
        .with(table.rows(rows).html())
        .with(Html::remark(counted))
        .html()
}

/// What differs from the defaults as a table, everything as it is in `config.json`.
pub(super) fn settings(record: &RunRecord) -> Html {
    let (ours, usual) = (flat(&record.config), flat(&Config::default()));
    let usual_of = |key: &str| usual.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
    let differs = ours.iter().filter(|(key, value)| usual_of(key).as_ref() != Some(value));
    let row = |(key, value): &(String, String)| {
        let usual = usual_of(key).unwrap_or_else(|| "–".to_owned());
        vec![Cell::text(key.clone()), Cell::text(value.clone()), Cell::text(usual)]
    };
    let table = Table::new("Settings that are not the defaults")
        .text("key")
        .text("here")
        .text("by default")
        .rows(differs.map(row));
    let facts = Facts::new()
        .fact("method", record.config.method.name())
        .fact("network", record.config.backbone.clone())
        .fact("seed", record.seed.to_string());
    Section::new("settings", "Settings")
        .with(facts.html())
        .with(table.html())
        .with(Details::new("The whole configuration").with(Html::code(&record.config.to_json())).html())
        .html()
}

/// Every key of a configuration with its value, as `optim.lr` and `0.001`.
fn flat(config: &Config) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let value = serde_json::from_str(&config.to_json_line()).unwrap_or(Value::Null);
    flatten("", &value, &mut all);
    all
}

fn flatten(key: &str, value: &Value, all: &mut Vec<(String, String)>) {
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                let below = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                flatten(&below, value, all);
            }
        }
        Value::String(text) => all.push((key.to_owned(), text.clone())),
        other => all.push((key.to_owned(), other.to_string())),
    }
}

/// Where and with what it runs, and when the page was written.
pub(super) fn machine(record: &RunRecord, folder: &Path) -> Html {
    let versions = &record.versions;
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string();
    let facts = Facts::new()
        .fact("device", record.device.clone())
        .fact("threads", crate::native::process::threads().to_string())
        .fact("sbi", versions.sbi.clone())
        .fact("libtorch", versions.libtorch.clone())
        .fact("OpenCV", versions.opencv.clone())
        .code("folder", whole.display().to_string())
        .fact("written", now);
    Section::new("machine", "Machine and versions").with(facts.html()).html()
}
