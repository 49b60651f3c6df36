//! What is known of the detector, from its own file.

use super::Material;
use crate::infer::LIMITS;
use crate::metrics::FittedOn;
use crate::page::{Facts, Html};
use serde_json::Value;

/// What it was made for, on what it was calibrated, how often it errs.
pub(super) fn known(material: &Material) -> Html {
    let Material { summary, metadata, range, .. } = material;
    let of = |key: &str| metadata.get(key).cloned();
    let ranges = [
        ("Size of faces", range.side, " px"),
        ("Brightness", range.brightness, " of 255"),
        ("Sharpness", range.sharpness, ""),
    ];
    let mut facts = Facts::new()
        .fact(
            "Method",
            format!("{} on {}", summary.scored_by.model.to_uppercase(), summary.scored_by.backbone),
        )
        .known("Trained on", of("training").and_then(|text| training(&text)))
        .known("Border and probability from", of("calibrated_on"))
        .known("Errors on what it was calibrated on", of("calibrated_errors"));
    for (name, range, unit) in ranges {
        let told = range.map(|(low, high)| format!("{low:.0} to {high:.0}{unit}"));
        facts = facts.known(&format!("{name} it was calibrated on"), told);
    }
    let fitted = summary.likelihood_ratios.as_ref().map(|ratios| &ratios.fitted_on);
    let facts = fitted.map_or(facts.clone(), |fitted| with_ratios(facts, fitted));
    let silent = of("calibrated_on").is_none() && fitted.is_none();
    let rates = match silent {
        true => Html::warning(
            "The weight file says nothing about how often the detector errs. Nothing should be concluded from a verdict before \
             that was measured, on files like these.",
        ),
        false => Html::remark(
            "AUC is how often a forged one of these scores above a real one: 0.5 is guessing, 1 is without error. On files of \
             another kind a detector errs more often than on those that it was calibrated on.",
        ),
    };
    let limits = format!("Whatever it says: {LIMITS}.");
    Html::heading(3, "What the detector was made for, and how often it errs")
        .with(Html::paragraph(&limits))
        .with(facts.html())
        .with(rates)
}

/// The training in words, of the configuration that is kept with weights; `None` where it is no such text.
fn training(text: &str) -> Option<String> {
    let config: Value = serde_json::from_str(text).ok()?;
    let data = config.get("data")?;
    let names = |list: &Value| -> Vec<String> {
        let name = |set: &Value| set.get("name").and_then(Value::as_str).or(set.as_str()).map(str::to_owned);
        list.as_array().into_iter().flatten().filter_map(name).collect()
    };
    let sets = data.get("sets").map(names).filter(|names| !names.is_empty());
    let sets = sets.map_or(String::new(), |names| format!("the sets {}; ", names.join(", ")));
    let fakes: Vec<&str> = data
        .get("fakes")
        .and_then(Value::as_object)
        .map(|fakes| {
            fakes
                .iter()
                .filter(|(_, share)| share.as_f64() != Some(0.0))
                .map(|(name, _)| name.as_str())
                .collect()
        })
        .unwrap_or_default();
    let fakes = if fakes.is_empty() { "self".to_owned() } else { fakes.join(", ") };
    Some(format!("{sets}forgeries that training made of real faces itself, of the kinds: {fakes}"))
}

fn with_ratios(facts: Facts, fitted: &FittedOn) -> Facts {
    let FittedOn { set, real, fake, split_by, groups, cllr, cllr_min, date, .. } = fitted;
    let cost = |cost: &Option<f64>| cost.map(|cost| format!("{cost:.3} bits"));
    facts
        .fact("Likelihood ratios from", format!("{set}: {real} real and {fake} fake files, {date}"))
        .fact("Checked on files set aside", format!("{groups} groups, kept together by {split_by}"))
        .known("Cost of these ratios (Cllr; 1 says nothing, 0 is without error)", cost(cllr))
        .known("Least cost with the same order of scores", cost(cllr_min))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn training_is_told_in_words_and_nonsense_is_not() {
        let text = r#"{"data": {"sets": [{"name": "faces", "weight": 1}, "more"], "fakes": {"self": 2, "swap": 0.0, "mouth": 1}}}"#;
        assert_eq!(
            training(text).unwrap(),
            "the sets faces, more; forgeries that training made of real faces itself, of the kinds: self, mouth"
        );
        assert_eq!(training("nothing"), None);
        assert_eq!(training("[1]"), None);
    }
}
