//! What is said about likelihood ratios, error rates and how a set was scored.

use super::{interval, number};
use sbi::infer::{InferSummary, VideoResult};
use sbi::metrics::{LikelihoodRatio, LikelihoodRatios, Measure};
use std::io::{self, Write};

/// The words of `calibrate` about the ratios that it fitted.
pub fn fitted_ratios(ratios: &LikelihoodRatios) {
    let on = &ratios.fitted_on;
    let (low, high) = ratios.log10_bounds;
    println!(
        "ratios        likelihood ratios from {} to {}: {} real and {} fake videos support no more",
        told(10_f64.powf(low)),
        told(10_f64.powf(high)),
        on.real,
        on.fake
    );
    match (on.cllr, on.cllr_min) {
        (Some(cost), Some(least)) => println!(
            "cost          Cllr {cost:.4} on videos set aside by {}, {least:.4} at best (0 is perfect, 1 says nothing)",
            on.split_by
        ),
        _ => println!("cost          not known: no videos could be set aside to check the ratios on"),
    }
    if on.cllr.is_some_and(|cost| cost >= 1.0) {
        println!("              do not report these ratios: they are of no more use than saying nothing");
    }
}

/// The ratio of a single file, as a forensic report says it.
pub fn of_file(out: &mut impl Write, video: &VideoResult, summary: &InferSummary) -> io::Result<()> {
    let (Some(lr), Some(ratios)) = (&video.lr, &summary.likelihood_ratios) else { return Ok(()) };
    let on = &ratios.fitted_on;
    let (low, high) = (told(lr.bounds.0), told(lr.bounds.1));
    writeln!(out, "likelihood ratio: {}", told(lr.value))?;
    writeln!(out, "  {}", sentence(lr))?;
    writeln!(
        out,
        "  fitted on {} real and {} fake files ({}), which support ratios from {low} to {high}; it holds for files like those",
        on.real, on.fake, on.set
    )
}

fn sentence(lr: &LikelihoodRatio) -> String {
    let most = if lr.at_bound { "at least " } else { "" };
    match lr.value {
        value if value > 1.0 => {
            format!(
                "such a score is {most}{} times as likely if the face is forged as if it is real",
                told(value)
            )
        }
        value if value < 1.0 => {
            let times = told(1.0 / value);
            format!("such a score is {most}{times} times as likely if the face is real as if it is forged")
        }
        _ => "such a score says nothing for either side".to_owned(),
    }
}

/// A ratio with as many digits as mean something.
fn told(ratio: f64) -> String {
    match ratio {
        10.0.. => format!("{ratio:.0}"),
        1.0.. => format!("{ratio:.1}"),
        0.1.. => format!("{ratio:.2}"),
        _ => format!("{ratio:.3}"),
    }
}

/// The few measures of a labelled set that a reader needs to decide whether the detector is good enough for a purpose.
pub(super) fn measures(out: &mut impl Write, summary: &InferSummary) -> io::Result<()> {
    let Some(measures) = &summary.measures else { return Ok(()) };
    let mut row = |name: &str, measure: &Measure, what: &str| match measure.value {
        None => Ok(()),
        Some(_) => writeln!(out, "{name:<18}  {}{}{what}", number(measure.value), interval(measure.ci95)),
    };
    row("fakes missed", &measures.apcer, ", at the border (APCER)")?;
    row("false alarms", &measures.bpcer, ", real ones over the border (BPCER)")?;
    row("fakes found", &measures.tpr_at_fpr_5, ", where 5 % of the real ones may be called fake")?;
    row("false alarms", &measures.bpcer_at_apcer_10, ", where 10 % of the fakes may be missed")?;
    match measures.cllr.value {
        Some(_) => {
            row("cost of ratios", &measures.cllr, ", Cllr: 0 is perfect, 1 says nothing, more misleads")
        }
        None => Ok(()),
    }?;
    row("least cost", &measures.cllr_min, ", Cllr_min: what calibration cannot mend")?;
    if let Some(worst) = &measures.apcer_worst {
        writeln!(
            out,
            "{:<18}  {:.4}, {} ({} fake)",
            "most missed kind", worst.apcer, worst.kind, worst.fake
        )?;
    }
    Ok(())
}

/// How the set was scored.
pub(super) fn protocol(out: &mut impl Write, summary: &InferSummary) -> io::Result<()> {
    let Some(protocol) = &summary.protocol else { return Ok(()) };
    writeln!(out, "protocol: {}", protocol.line)?;
    protocol.remark.as_ref().map_or(Ok(()), |remark| writeln!(out, "  {remark}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_say_which_side_and_where_the_calibration_ends() {
        let lr = |value: f64, at_bound| LikelihoodRatio {
            value,
            log10: value.log10(),
            bounds: (0.05, 20.0),
            at_bound,
            pav: value,
        };
        assert!(sentence(&lr(12.0, false)).contains("is 12 times as likely if the face is forged"));
        assert!(sentence(&lr(0.25, false)).contains("is 4.0 times as likely if the face is real"));
        assert!(sentence(&lr(20.0, true)).contains("at least 20 times"));
        assert!(sentence(&lr(1.0, false)).contains("says nothing"));
        assert_eq!([0.004, 0.2, 3.0, 140.0].map(told), ["0.004", "0.20", "3.0", "140"]);
    }
}
