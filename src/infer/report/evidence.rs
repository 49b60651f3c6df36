//! What another examiner needs: hashes, what containers say of themselves, settings, versions, how to repeat it.

use super::{Material, words};
use crate::infer::VideoResult;
use crate::infer::evidence::{FileEvidence, RunEvidence, WeightEvidence};
use crate::page::{Details, Facts, Html, Section};
use serde_json::Value;

/// Entries of a container that are shown; a file may hold any number.
const TAGS: usize = 60;
/// Letters of an entry that are shown.
const LETTERS: usize = 400;

/// What tells a file from every other one, and what its container says of itself.
pub(super) fn file(video: &VideoResult) -> Html {
    let facts = Facts::new().code("File", &video.path);
    let Some(file) = &video.file else {
        return facts.fact("SHA-256", "not computed").html();
    };
    let FileEvidence { sum, photograph, container, unread, .. } = file;
    let facts = match sum {
        Some(sum) => facts.code("SHA-256", &sum.sha256).fact("Length", format!("{} bytes", sum.bytes)),
        None => facts.known("SHA-256", unread.as_ref().map(|why| format!("could not be computed: {why}"))),
    };
    let facts = facts.known("Photograph", photograph.clone());
    let Some(container) = container else { return facts.html() };
    let unsaid = || "not said".to_owned();
    let facts = facts
        .fact("Container", &container.format)
        .fact("Codec", &container.codec)
        .fact("Coded size", format!("{} x {} px", container.width, container.height))
        .fact("Frame rate", format!("{:.3} per second", container.frame_rate))
        .fact("Frames declared", container.frames.to_string())
        .fact("Duration", container.duration.map_or_else(unsaid, |seconds| format!("{seconds:.3} s")))
        .fact("Bit rate", container.bit_rate.map_or_else(unsaid, |rate| format!("{rate} bit/s")))
        .fact("Read by", format!("FFmpeg {}", container.ffmpeg));
    let tags = container
        .tags
        .iter()
        .take(TAGS)
        .fold(Facts::new(), |facts, (name, value)| facts.code(&shortened(name), shortened(value)));
    let more = container.tags.len().saturating_sub(TAGS);
    let more = if more > 0 {
        Html::remark(&format!("… and {more} more, which the JSON has"))
    } else {
        Html::default()
    };
    let told =
        Details::new("What the container says of itself (told, not believed)").with(tags.html()).with(more);
    if container.tags.is_empty() { facts.html() } else { facts.html().with(told.html()) }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LETTERS) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

/// The section about the run.
pub(super) fn run(material: &Material) -> Html {
    let summary = material.summary;
    let section = Section::new("evidence", "How it was made, and how to repeat it");
    let Some(evidence) = &summary.evidence else {
        return section
            .with(Html::warning("The run was stopped before sums of weights and files were made."))
            .with(Facts::new().fact("Weights", &summary.scored_by.weights).html())
            .html();
    };
    let RunEvidence { date, folder, weights, face_detector, settings, versions, machine } = evidence;
    let facts = Facts::new().fact("Date (universal time)", date).code("Folder", folder.display().to_string());
    let facts = weight_facts(facts, "Forgery detector", weights);
    let facts =
        face_detector.iter().fold(facts, |facts, weights| weight_facts(facts, "Face detector", weights));
    let facts = facts
        .known("Face detector's name", summary.face_detector.clone())
        .fact(
            "Versions",
            format!("sbi {}, libtorch {}, OpenCV {}", versions.sbi, versions.libtorch, versions.opencv),
        )
        .fact("Computed on", format!("{}, kernels {}", machine.device, machine.kernels))
        .fact(
            "Took",
            format!("{:.1} s for {}", summary.timing.seconds, words::count(summary.videos.len(), "file")),
        );
    let told = serde_json::to_value(settings).unwrap_or_default();
    section
        .with(Html::paragraph(
            "Whoever has the files and the weights with these sums, and the JSON that sbi wrote of this run, gets the same scores \
             with the command below, to the last bit on a machine with the same kernels. It also says whether the JSON was \
             altered.",
        ))
        .with(Html::code("sbi verify RESULT.json"))
        .with(facts.html())
        .with(Details::new("All settings").with(setting_facts(&told).html()).html())
        .html()
}

fn weight_facts(facts: Facts, name: &str, weights: &WeightEvidence) -> Facts {
    facts
        .code(&format!("{name}, file"), weights.path.display().to_string())
        .code(&format!("{name}, SHA-256"), &weights.sum.sha256)
}

/// Every setting by its name in the JSON.
fn setting_facts(settings: &Value) -> Facts {
    let mut facts = Facts::new();
    let mut open = vec![(String::new(), settings)];
    while let Some((name, value)) = open.pop() {
        match value {
            Value::Object(entries) => {
                let named = |(key, value)| {
                    (if name.is_empty() { String::clone(key) } else { format!("{name}.{key}") }, value)
                };
                open.extend(entries.iter().rev().map(named));
            }
            Value::String(text) => facts = facts.code(&name, text),
            Value::Null => facts = facts.fact(&name, "–"),
            other => facts = facts.code(&name, other.to_string()),
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_named_as_in_the_json() {
        let settings = serde_json::json!({"frames": 32, "source": {"files": ["a", "b"]}, "labels": null});
        let html = setting_facts(&settings).html().to_string();
        for part in ["<dt>frames</dt><dd><code>32</code>", "<dt>source.files</dt>", "<dt>labels</dt><dd>–"]
        {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert_eq!(shortened(&"é".repeat(500)).chars().count(), LETTERS + 1);
    }
}
