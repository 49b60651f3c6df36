//! Pages of runs that never were.

use super::*;
use crate::page::testing::{assert_offline, assert_sound};
use crate::train::config::Config;
use crate::train::run_record::{DataCounts, SetCounts};
use std::sync::Mutex;
use std::time::SystemTime;

fn counts() -> SetCounts {
    SetCounts { videos: 3, frames: 24, empty_videos: 1, incomplete_frames: 2, too_small: 0 }
}

fn run_page(output: &Path, name: &str) -> RunPage {
    let folder = RunFolder::create(output, name, "b", SystemTime::now()).unwrap();
    let config = Config { epoch: 3, seed: 11, ..Config::default() };
    let record = RunRecord::new(config, "cpu".into(), DataCounts { train: counts(), val: counts() });
    let asked = ReportConfig {
        uses: vec![UseOfWeights { what: "To score".to_owned(), command: "score with {weights}".to_owned() }],
        resume: Some("go on with {run}".to_owned()),
    };
    let plan = vec![(1.0, 0.001), (3.0, 0.0)];
    RunPage { folder, asked, record, samples: Html::paragraph("samples"), plan, told: false }
}

fn epochs() -> Vec<EpochMetrics> {
    let epoch = |epoch: usize| EpochMetrics {
        epoch,
        epochs: 3,
        lr: 0.001,
        train_loss: 0.7 / epoch as f64,
        train_acc: 0.5,
        losses: [("rf".to_owned(), 0.3), ("rp".to_owned(), 0.2)].into(),
        val_auc: Some(0.6 + 0.1 * epoch as f64),
        val_auc_ci95: Some((0.5, 0.95)),
        ..EpochMetrics::default()
    };
    vec![epoch(1), epoch(2)]
}

#[test]
fn a_page_tells_how_a_run_goes_at_every_time() {
    let output = tempfile::tempdir().unwrap();
    let run = run_page(output.path(), "a <run> & 'more'");
    let (epochs, kept) = (epochs(), [Kept::new(2, 0.8), Kept::new(1, 0.7)]);
    let text = |standing, epochs: &[EpochMetrics], kept: &[Kept]| {
        let text = run.page(SoFar { standing, epochs, kept }).render();
        assert_sound(&text);
        assert_offline(&text);
        text
    };
    let first = text(Standing::Running, &[], &[]);
    assert!(
        first.contains("The first of 3 epochs is under way") && first.contains("No epoch has been validated")
    );
    assert!(!first.contains("<svg viewBox=\"0 0 720") && !first.contains("score with"));
    let later = text(Standing::Running, &epochs, &kept);
    for part in [
        "2 of 3 epochs are done",
        "best validation AUC is 0.8000 (95 % interval 0.5000 to 0.9500), after epoch 2",
        "2_0.8000_val.tar",
        "Terms of the objective",
        "<td>seed</td><td>11</td><td>5</td>",
        "a &#60;run&#62; &#38; &#39;more&#39;",
    ] {
        assert!(later.contains(part), "{part} is not in the page");
    }
    // Quoted for a shell, and escaped for the page.
    assert!(later.contains("score with &#39;") && later.contains("&#39;\\&#39;&#39;more"), "{later}");
    assert!(text(Standing::Ended(RunEnd::Complete), &epochs, &kept).contains("All 3 epochs are done"));
    assert!(text(Standing::Ended(RunEnd::StoppedEarly), &epochs, &kept).contains("got no better"));
    let stopped = text(Standing::Ended(RunEnd::Interrupted), &epochs, &kept);
    assert!(stopped.contains("Everything is saved") && stopped.contains("go on with &#39;"));
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Progress for Notes {
    fn begin(&self, _: usize, _: &str) {}
    fn advance(&self, _: &str) {}
    fn end(&self) {}
    fn note(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

#[test]
fn a_page_that_cannot_be_written_is_told_once_and_nothing_more() {
    let output = tempfile::tempdir().unwrap();
    let mut run = run_page(output.path(), "run");
    let so_far = SoFar { standing: Standing::Running, epochs: &[], kept: &[] };
    let notes = Notes::default();
    run.refresh(so_far, &notes);
    assert!(run.folder.report().is_file() && notes.0.lock().unwrap().is_empty());
    std::fs::remove_file(run.folder.report()).unwrap();
    std::fs::create_dir(run.folder.report()).unwrap();
    run.refresh(so_far, &notes);
    run.refresh(so_far, &notes);
    let told = notes.0.into_inner().unwrap();
    assert!(told.len() == 1 && told[0].starts_with("no report.html, training goes on without: "), "{told:?}");
}
