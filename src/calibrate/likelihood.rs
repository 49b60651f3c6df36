//! Likelihood ratios of a detector's scores, with the bounds that the number of files allows.
//!
//! Ratios are judged on files that were set aside: in ten parts, each scored by a curve through the other nine. What belongs
//! together (a person, a source, a forgery and its original) is never on both sides, because a detector knows a person or a
//! camera again.

use super::labelled::{LabelledScore, LabelledScores};
use crate::Result;
use crate::metrics::{FittedOn, LikelihoodRatios, Logistic, Pav, cllr, cllr_min, elub};
use crate::types::Label;
use jiff::{Timestamp, tz::TimeZone};
use std::collections::BTreeMap;

/// Fewer files of a class than these say nothing about ratios.
pub(super) const FEWEST: usize = 10;
/// Parts in which files are set aside.
const PARTS: usize = 10;

/// What a file belongs to, where that is known.
type BondOf = fn(&LabelledScore) -> Option<String>;

/// What files may have in common, the strongest bond first.
const BONDS: [(&str, BondOf); 3] = [
    ("person", |file| file.person.clone()),
    ("source", |file| file.source.clone()),
    ("original", |file| Some(file.origin.to_string())),
];

/// Fits likelihood ratios; `weights_sha256` is the sum of the detector's file. `None` where there are fewer than ten files of
/// a class, or fakes do not tend to score higher.
pub(super) fn fit(
    scores: &LabelledScores,
    weights_sha256: Option<String>,
) -> Result<Option<LikelihoodRatios>> {
    let (labels, values) = scores.unzip();
    let count = |of: Label| labels.iter().filter(|label| **label == of).count();
    let (real, fake) = (count(Label::Real), count(Label::Fake));
    if real.min(fake) < FEWEST {
        return Ok(None);
    }
    let (Some(logistic), Some(pav)) = (Logistic::fit(&labels, &values)?, Pav::fit(&labels, &values)?) else {
        return Ok(None);
    };
    let set_aside = set_aside(&scores.files)?;
    let (split_by, groups) = set_aside.as_ref().map_or(("nothing", 0), |(by, groups, _)| (*by, *groups));
    // Where no file can be set aside, the ratios of the files themselves are all there is.
    let own = || values.iter().map(|value| logistic.log10_lr(*value)).collect::<Vec<f64>>();
    let checked = set_aside.as_ref().map_or_else(own, |(_, _, ratios)| ratios.clone());
    let Some(bounds) = elub(&labels, &checked)? else { return Ok(None) };
    let told: Vec<f64> = checked.iter().map(|ratio| ratio.clamp(bounds.0, bounds.1)).collect();
    let cost = if set_aside.is_some() { cllr(&labels, &told)? } else { None };
    Ok(Some(LikelihoodRatios {
        logistic,
        pav,
        log10_bounds: bounds,
        fitted_on: FittedOn {
            set: scores.set.clone(),
            real,
            fake,
            split_by: split_by.to_owned(),
            groups,
            cllr: cost,
            cllr_min: cllr_min(&labels, &values)?,
            files_sha256: scores.files_sha256(),
            weights_sha256,
            date: TimeZone::UTC.to_datetime(Timestamp::now()).strftime("%Y-%m-%d").to_string(),
        },
    }))
}

/// The ratio of each file by a curve through others, with what was kept together and how many of these there are. `None`
/// where no split leaves both classes on the side that is fitted.
fn set_aside(files: &[LabelledScore]) -> Result<Option<(&'static str, usize, Vec<f64>)>> {
    for (name, bond) in BONDS {
        let Some(bonds) = files.iter().map(bond).collect::<Option<Vec<String>>>() else { continue };
        let (groups, count) = numbered(&bonds);
        if let Some(ratios) = by_others(files, &groups, count.min(PARTS))? {
            let name = if name == "original" && count == files.len() { "file" } else { name };
            return Ok(Some((name, count, ratios)));
        }
    }
    Ok(None)
}

/// A number for each different text, and how many there are.
fn numbered(texts: &[String]) -> (Vec<usize>, usize) {
    let mut numbers = BTreeMap::new();
    let numbered = texts
        .iter()
        .map(|text| {
            let next = numbers.len();
            *numbers.entry(text).or_insert(next)
        })
        .collect();
    (numbered, numbers.len())
}

fn by_others(files: &[LabelledScore], groups: &[usize], parts: usize) -> Result<Option<Vec<f64>>> {
    if parts < 2 {
        return Ok(None);
    }
    let mut ratios = vec![0.0; files.len()];
    for part in 0..parts {
        let is_aside = |number: &usize| groups[*number] % parts == part;
        let others = (0..files.len()).filter(|number| !is_aside(number)).map(|number| &files[number]);
        let (labels, values): (Vec<Label>, Vec<f64>) = others.map(|file| (file.label, file.score)).unzip();
        let Some(logistic) = Logistic::fit(&labels, &values)? else { return Ok(None) };
        for number in (0..files.len()).filter(is_aside) {
            ratios[number] = logistic.log10_lr(files[number].score);
        }
    }
    Ok(Some(ratios))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, generator};
    use rand::Rng;

    /// Files of five sources, half of them fake, whose scores overlap.
    fn scores(count: usize) -> LabelledScores {
        let mut rng = generator(3, 0, 0, Purpose::Sample);
        let file = |number: usize| {
            let fake = number % 2 == 1;
            LabelledScore {
                label: if fake { Label::Fake } else { Label::Real },
                score: 0.1 + 0.5 * rng.random::<f64>() + if fake { 0.3 } else { 0.0 },
                person: None,
                source: Some(format!("source {}", number % 5)),
                origin: number - usize::from(fake),
                sha256: Some(format!("{number:064x}")),
            }
        };
        LabelledScores { set: "mine".to_owned(), files: (0..count).map(file).collect(), measured: Vec::new() }
    }

    #[test]
    fn ratios_are_checked_on_sources_that_were_set_aside() {
        let ratios = fit(&scores(200), Some("ab".to_owned())).unwrap().unwrap();
        let on = &ratios.fitted_on;
        assert_eq!((on.real, on.fake, on.split_by.as_str(), on.groups), (100, 100, "source", 5));
        let (cost, least) = (on.cllr.unwrap(), on.cllr_min.unwrap());
        assert!(0.1 < least && least < cost && cost < 0.9, "{least} {cost}");
        let (low, high) = ratios.log10_bounds;
        assert!((-2.01..-0.5).contains(&low) && (0.5..2.01).contains(&high), "{low} {high}");
        assert!(ratios.of(0.9).value > 3.0 && ratios.of(0.1).value < 0.3);
        assert_eq!(on.files_sha256.as_ref().unwrap().len(), 64);
    }

    #[test]
    fn what_belongs_together_decides_the_split_and_more_files_widen_the_bounds() {
        let mut by_person = scores(60);
        by_person
            .files
            .iter_mut()
            .enumerate()
            .for_each(|(at, file)| file.person = Some((at % 12).to_string()));
        assert_eq!(fit(&by_person, None).unwrap().unwrap().fitted_on.split_by, "person");
        // Without sources a fake and its original stay together.
        let mut by_original = scores(60);
        by_original.files[7].source = None;
        let on = fit(&by_original, None).unwrap().unwrap().fitted_on;
        assert_eq!((on.split_by.as_str(), on.groups), ("original", 30));
        // A source with one class only cannot be all that is fitted.
        let mut one_class = scores(60);
        one_class.files.iter_mut().for_each(|file| file.source = Some(file.label.class().to_string()));
        assert_eq!(fit(&one_class, None).unwrap().unwrap().fitted_on.split_by, "original");
        let high = |count| fit(&scores(count), None).unwrap().unwrap().log10_bounds.1;
        assert!(high(1000) > high(40));
    }

    #[test]
    fn a_few_files_give_no_ratios_and_the_order_of_files_no_other_sum() {
        assert_eq!(fit(&scores(18), None).unwrap(), None);
        let mut falling = scores(60);
        falling.files.iter_mut().for_each(|file| file.score = 1.0 - file.score);
        assert_eq!(fit(&falling, None).unwrap(), None);
        let (one, mut other) = (scores(20), scores(20));
        other.files.reverse();
        assert_eq!(one.files_sha256(), other.files_sha256());
        other.files[3].sha256 = None;
        assert_eq!(other.files_sha256(), None);
    }
}
