//! One upload through the library's [`infer`].

use super::folder::PrivateFolder;
use super::jobs::{Document, Scored, VerdictView};
use crate::causes::with_causes;
use crate::infer::evidence::sealed;
use crate::infer::{self, InferSource, VideoResult};
use crate::progress::{Cancel, Progress};
use crate::types::VideoStatus;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

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
    folder: Arc<PrivateFolder>,
}

impl InferScorer {
    pub fn new(config: infer::Config, folder: Arc<PrivateFolder>) -> Self {
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
            report: Some(self.folder.fresh(".html")),
            ..self.config.clone()
        };
        let run = infer::run(&config, progress, cancel);
        // Its path here means nothing to its owner, and is gone.
        let summary = run.map_err(|error| with_causes(&error).replace(&*file.to_string_lossy(), name))?;
        if let Some(why) = &summary.report_failed {
            progress.note(&format!("there is no report: {why}"));
        }
        let Some(video) = summary.videos.first() else { return Err("stopped".to_owned()) };
        if video.status == VideoStatus::Unreadable {
            let why = video.note.as_deref().unwrap_or("no frame of it");
            return Err(format!("this file cannot be read: {why}"));
        }
        let sealed = sealed(&summary).and_then(|json| serde_json::to_string_pretty(&json));
        let sealed = sealed.map_err(|error| error.to_string())?;
        Ok(Scored {
            verdict: verdict_of(video),
            result: Document::write(&self.folder, &sealed).map_err(unkept)?,
            report: Document::take(&self.folder, config.report.as_deref()).map_err(unkept)?,
        })
    }
}

fn unkept(error: io::Error) -> String {
    format!("the result cannot be kept: {error}")
}

impl Document {
    /// Keeps a text in a file without a name.
    pub fn write(folder: &PrivateFolder, text: &str) -> io::Result<Document> {
        let mut file = folder.file()?;
        file.write_all(text.as_bytes())?;
        Ok(Document { file, bytes: text.len() as u64 })
    }

    /// Takes the name off a file that was written, if it was.
    fn take(folder: &PrivateFolder, path: Option<&Path>) -> io::Result<Option<Document>> {
        let Some(path) = path.filter(|path| path.exists()) else { return Ok(None) };
        let file = folder.take(path)?;
        Ok(Some(Document { bytes: file.metadata()?.len(), file }))
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
