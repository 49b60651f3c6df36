//! The numbers of a run's epochs: as curves, and as a table.

use super::SoFar;
use crate::page::{Axis, Cell, Chart, Dot, Html, Layer, Paint, Section, Table};
use crate::train::epoch_log::EpochMetrics;

/// Points of a curve: what a drawing can show.
pub(super) const POINTS: usize = 300;
/// Up to so many points each is marked.
const FEW: usize = 40;

/// Curves of losses, validation and learning rate; nothing before the first epoch.
pub(super) fn section(so_far: SoFar, plan: &[(f64, f64)]) -> Html {
    let epochs = so_far.epochs;
    let Some(last) = epochs.last() else { return Html::default() };
    let charts =
        [validation(so_far), losses(epochs), terms(epochs), accuracy(epochs), learning_rate(epochs, plan)];
    Section::new("curves", "Curves")
        .with(Html::side_by_side(charts.into_iter().filter(|chart| !chart.is_empty())))
        .with(Html::remark(&format!(
            "The last epoch took {:.0} s for its training, {:.1} pairs a second; for {:.1} % of that time no pairs were ready.",
            last.seconds,
            last.pairs_per_second,
            100.0 * last.waiting_share
        )))
        .html()
}

/// One number per epoch, where there is one.
fn points(epochs: &[EpochMetrics], value: impl Fn(&EpochMetrics) -> Option<f64>) -> Vec<(f64, f64)> {
    let all: Vec<(f64, f64)> =
        epochs.iter().filter_map(|metrics| Some((metrics.epoch as f64, value(metrics)?))).collect();
    thinned(all)
}

/// At most so many of the points as are drawn, the last one always.
fn thinned<T: Copy>(all: Vec<T>) -> Vec<T> {
    let every = all.len().div_ceil(POINTS).max(1);
    let last = all.len().saturating_sub(1);
    all.iter().enumerate().filter(|(at, _)| at % every == 0 || *at == last).map(|(_, point)| *point).collect()
}

/// A line, with dots where there are few points: one point alone makes no line.
fn curve(name: &str, paint: Paint, points: Vec<(f64, f64)>) -> Vec<Layer> {
    if points.is_empty() {
        return Vec::new();
    }
    let dot = |&(x, y): &(f64, f64)| Dot { x, y, text: format!("epoch {x}: {y:.4}") };
    let dots = if points.len() <= FEW { points.iter().map(dot).collect() } else { Vec::new() };
    vec![Layer::line(name, paint, points), Layer::dots("", paint, dots)]
}

fn epoch_axis(epochs: &[EpochMetrics]) -> Axis {
    let ends = epochs.first().zip(epochs.last()).map(|(first, last)| (first.epoch, last.epoch));
    let (first, last) = ends.unwrap_or((1, 1));
    Axis::whole("epoch", first, last)
}

/// The lowest and the highest value.
fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

/// A chart of these curves, which begins at `from` at the latest; nothing without a point.
fn chart(
    (id, title, text, unit): (&str, &str, &str, &str),
    epochs: &[EpochMetrics],
    curves: Vec<(&str, Vec<(f64, f64)>)>,
    (from, to): (f64, f64),
) -> Html {
    let (low, high) = bounds(curves.iter().flat_map(|(_, points)| points).map(|point| point.1));
    if !(low.is_finite() && high.is_finite()) {
        return Html::default();
    }
    let shown = curves.into_iter().enumerate().filter(|(_, (_, points))| !points.is_empty());
    let layers = shown.flat_map(|(at, (name, points))| curve(name, Paint::Series(at), points));
    Chart::new(id, title, text)
        .axes(epoch_axis(epochs), Axis::over(unit, low.min(from), high.max(to)))
        .with_all(layers)
        .html()
}

/// Validation AUC with its intervals, and the checkpoints that are kept.
fn validation(so_far: SoFar) -> Html {
    let epochs = so_far.epochs;
    let aucs = points(epochs, |metrics| metrics.val_auc);
    let band: Vec<(f64, f64, f64)> = thinned(
        epochs
            .iter()
            .filter_map(|metrics| metrics.val_auc_ci95.map(|(low, high)| (metrics.epoch as f64, low, high)))
            .collect(),
    );
    let (low, _) = bounds(aucs.iter().map(|point| point.1).chain(band.iter().map(|point| point.1)));
    let Some(last) = aucs.last().filter(|_| low.is_finite()) else { return Html::default() };
    let text = format!("{:.4} after epoch {}. 1 is perfect, 0.5 is guessing.", last.1, last.0);
    let kept = so_far.kept.first().map(|best| Dot {
        x: best.epoch as f64,
        y: best.auc(),
        text: format!("the best: {:.4} after epoch {}", best.auc(), best.epoch),
    });
    Chart::new("validation", "Validation AUC", &text)
        .axes(epoch_axis(epochs), Axis::over("AUC", low.min(0.9), 1.0))
        .with(Layer::band("95 % interval", Paint::Series(0), band))
        .with_all(curve("validation AUC", Paint::Series(0), aucs))
        .with_all(kept.map(|dot| Layer::dots("the best", Paint::Series(1), vec![dot])))
        .html()
}

fn losses(epochs: &[EpochMetrics]) -> Html {
    let train = points(epochs, |metrics| Some(metrics.train_loss));
    let validation = points(epochs, |metrics| metrics.val_loss);
    let text = "The whole objective in training, and the cross entropy of held-out pairs.";
    chart(
        ("losses", "Losses", text, "loss"),
        epochs,
        vec![("training", train), ("validation", validation)],
        (0.0, 0.0),
    )
}

/// The terms of the objective, where there are several.
fn terms(epochs: &[EpochMetrics]) -> Html {
    let mut names: Vec<&String> = epochs.iter().flat_map(|metrics| metrics.losses.keys()).collect();
    names.sort();
    names.dedup();
    if names.len() < 2 {
        return Html::default();
    }
    let mut curves: Vec<(&str, Vec<(f64, f64)>)> = Vec::new();
    for name in names {
        curves.push((name, points(epochs, |metrics| metrics.losses.get(name).copied())));
    }
    let text = "Each term of the training's objective, before it is weighted.";
    chart(("terms", "Terms of the objective", text, "loss"), epochs, curves, (0.0, 0.0))
}

fn accuracy(epochs: &[EpochMetrics]) -> Html {
    let train = points(epochs, |metrics| Some(metrics.train_acc));
    let validation = points(epochs, |metrics| metrics.val_acc);
    let text = "Share of images that are told rightly at a score of one half.";
    chart(
        ("accuracy", "Accuracy", text, "share"),
        epochs,
        vec![("training", train), ("validation", validation)],
        (1.0, 1.0),
    )
}

/// The learning rate, and what is planned of it.
fn learning_rate(epochs: &[EpochMetrics], plan: &[(f64, f64)]) -> Html {
    let so_far = points(epochs, |metrics| Some(metrics.lr));
    let (_, high) = bounds(plan.iter().chain(&so_far).map(|point| point.1));
    let last = plan
        .last()
        .map_or(1.0, |point| point.0)
        .max(epochs.last().map_or(1.0, |metrics| metrics.epoch as f64));
    if !high.is_finite() {
        return Html::default();
    }
    Chart::new("lr", "Learning rate", "At the end of each epoch.")
        .axes(Axis::whole("epoch", 1, last as usize), Axis::over("learning rate", 0.0, high))
        .with(Layer::line("planned", Paint::Plain, plan.to_vec()))
        .with_all(curve("so far", Paint::Series(0), so_far))
        .html()
}

/// All numbers of all epochs, the last one first.
pub(super) fn numbers(epochs: &[EpochMetrics]) -> Html {
    if epochs.is_empty() {
        return Html::default();
    }
    // Short names, so that paper has room for all.
    let mut table = Table::new("Every epoch: in training, then of the held-out pairs (val)");
    table = table.number("epoch").number("loss").number("accuracy").number("val loss").number("val accuracy");
    table = table
        .number("val AUC")
        .number("learning rate")
        .number("pairs/s")
        .number("seconds")
        .number("replaced");
    let row = |metrics: &EpochMetrics| {
        vec![
            Cell::count(metrics.epoch),
            Cell::number(Some(metrics.train_loss), 4),
            Cell::number(Some(metrics.train_acc), 4),
            Cell::number(metrics.val_loss, 4),
            Cell::number(metrics.val_acc, 4),
            Cell::number(metrics.val_auc, 4),
            Cell::text(format!("{:.3e}", metrics.lr)).sorted_by(metrics.lr),
            Cell::number(Some(metrics.pairs_per_second), 1),
            Cell::number(Some(metrics.seconds), 0),
            Cell::count(metrics.replaced),
        ]
    };
    Section::new("numbers", "All numbers")
        .with(table.rows(epochs.iter().rev().map(row)).sortable("epochs").html())
        .html()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_curves_are_thinned_and_keep_their_ends() {
        let epochs: Vec<EpochMetrics> = (1..=1000)
            .map(|epoch| EpochMetrics { epoch, train_loss: 1.0, ..EpochMetrics::default() })
            .collect();
        let found = points(&epochs, |metrics| Some(metrics.train_loss));
        assert!(found.len() <= POINTS + 1 && found[0].0 == 1.0 && found.last() == Some(&(1000.0, 1.0)));
        assert!(curve("none", Paint::Plain, Vec::new()).is_empty());
        assert_eq!(points(&epochs, |metrics| metrics.val_auc), []);
    }
}
