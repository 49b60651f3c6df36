//! One upload through the library's [`infer`].

use super::jobs::{Document, Scored, VerdictView};
use crate::causes::with_causes;
use crate::infer::evidence::sealed;
use crate::infer::{self, InferSource, VideoResult};
use crate::progress::{Cancel, Progress};
use crate::types::VideoStatus;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What scores an upload. Tests have one of their own.
pub(super) trait Scorer {
    /// Scores the file at `file`, which its owner calls `name`. A sentence where there is nothing to tell.
    fn score(
        &self,
        file: &Path,
        name: &str,
        progress: &dyn Progress,
        cancel: &Cancel,
    ) -> Result<Scored, String>;
}

/// Scores as `sbi infer` does.
pub(super) struct InferScorer {
    config: infer::Config,
    /// Where results are kept.
    folder: PathBuf,
}

impl InferScorer {
    pub fn new(config: infer::Config, folder: PathBuf) -> Self {
        InferScorer { config, folder }
    }
}

impl Scorer for InferScorer {
    fn score(
        &self,
        file: &Path,
        name: &str,
        progress: &dyn Progress,
        cancel: &Cancel,
    ) -> Result<Scored, String> {
        let config = infer::Config {
            source: InferSource::Files(vec![file.to_owned()]),
            names: vec![name.to_owned()],
            ..self.config.clone()
        };
        let run = infer::run(&config, progress, cancel);
        // Its path here means nothing to its owner, and is gone.
        let summary = run.map_err(|error| with_causes(&error).replace(&*file.to_string_lossy(), name))?;
        let Some(video) = summary.videos.first() else { return Err("stopped".to_owned()) };
        if video.status == VideoStatus::Unreadable {
            let why = video.note.as_deref().unwrap_or("no frame of it");
            return Err(format!("this file cannot be read: {why}"));
        }
        let verdict = verdict_of(video);
        let written = |text: String| Document::write(&self.folder, &text);
        let sealed = sealed(&summary).and_then(|json| serde_json::to_string_pretty(&json));
        let sealed = sealed.map_err(|error| error.to_string())?;
        Ok(Scored { report: written(report(name, &verdict))?, result: written(sealed)?, verdict })
    }
}

impl Document {
    /// Keeps a text in a file without a name.
    pub fn write(folder: &Path, text: &str) -> Result<Document, String> {
        let file = tempfile::tempfile_in(folder).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            Ok(file)
        });
        let file = file.map_err(|error| format!("the result cannot be kept: {error}"))?;
        Ok(Document { file, bytes: text.len() as u64 })
    }
}

fn verdict_of(video: &VideoResult) -> VerdictView {
    let words = match (video.verdict(), video.score) {
        (Some(_), _) => video.verdict_in_words(),
        (None, Some(score)) => format!("score {score:.3}"),
        (None, None) => "no face was found".to_owned(),
    };
    let judgement = video.judgement.as_ref();
    VerdictView {
        verdict: video.verdict(),
        words,
        probability: judgement.and_then(|judgement| judgement.probability),
        score: video.score,
        reasons: judgement.map(|judgement| judgement.reasons.clone()).unwrap_or_default(),
    }
}

/// A page with the verdict.
fn report(name: &str, verdict: &VerdictView) -> String {
    let escaped = |text: &str| {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
    };
    let reasons: String =
        verdict.reasons.iter().map(|reason| format!("<li>{}</li>", escaped(reason))).collect();
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{name}</title><style>:root {{ color-scheme: light dark }}</style>\
         <h1>{name}</h1><p>{}</p><ul>{reasons}</ul></html>",
        escaped(&verdict.words),
        name = escaped(name),
    )
}
