//! Which keys there are and what each takes: one table, from which all checks and messages come.

use super::overrides::Layer;
use super::{Config, ConfigError, Origin, guide, shares};
use crate::blending::kinds::Kind;
use crate::model::Method;
use crate::model::efficientnet::VARIANTS;
use crate::suggest::suggest;
use serde_json::Value;

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Takes {
    /// A whole number in this range.
    Whole(u64, u64),
    /// An even whole number in this range.
    Even(u64, u64),
    /// A number in this range.
    Number(f64, f64),
    /// A number above 0 and up to this one.
    Above0(f64),
    /// A number from 0 to less than 1.
    Below1,
    /// A number from 0 to less than 1, or null.
    BelowOneOrNull,
    /// One of these names.
    Name(&'static [&'static str]),
    /// The name of an EfficientNet.
    Backbone,
    /// The path of a file or folder, or null.
    Path,
    /// The path of a file, this word, or null.
    PathOrWord(&'static str),
    /// A whole number in this range, or null.
    WholeOrNull(u64, u64),
    /// Names of prepared sets, with weights or without.
    Sets,
    /// `true` or `false`.
    Flag,
}

use Takes::*;

/// Far more than any run has; what exceeds it is a slip.
const MANY: u64 = 1_000_000;

/// Of a kind of forgery.
const MAX_WEIGHT: f64 = 1000.0;

const KEYS: &[(&str, Takes)] = &[
    ("epoch", Whole(1, MANY)),
    ("batch_size", Even(2, 65_536)),
    ("image_size", Whole(16, 4096)),
    ("method", Name(&["eg", "sbi"])),
    ("data.root", Path),
    ("data.sets", Sets),
    ("data.val_share", Above0(0.9)),
    ("data.split_seed", WholeOrNull(0, u64::MAX)),
    ("data.min_face", Number(0.0, 1e4)),
    ("data.degradation", Number(0.0, 1.0)),
    ("data.codec", Number(0.0, 1.0)),
    ("data.past", Number(0.0, 1.0)),
    ("data.light", Number(0.0, 1.0)),
    ("data.fakes.self", Number(0.0, MAX_WEIGHT)),
    ("data.fakes.swap", Number(0.0, MAX_WEIGHT)),
    ("data.fakes.counterpart", Number(0.0, MAX_WEIGHT)),
    ("data.fakes.mouth", Number(0.0, MAX_WEIGHT)),
    ("data.fakes.whole", Number(0.0, MAX_WEIGHT)),
    ("data.fakes.frequency", Number(0.0, MAX_WEIGHT)),
    ("data.compression", Name(&["raw", "c23", "c40"])),
    ("data.n_frames", Whole(1, MANY)),
    ("data.train", Path),
    ("data.val", Path),
    ("data.sync_batch_norm", Flag),
    ("backbone", Backbone),
    ("init", Path),
    ("normalisation", Name(&["unit", "imagenet"])),
    ("guide.encoder", Name(&["iresnet18", "iresnet34", "iresnet50", "iresnet100", "dlib"])),
    ("guide.weights", PathOrWord(guide::RANDOM)),
    ("guide.input_size", WholeOrNull(16, 4096)),
    ("guide.pooling", Name(&["pooled", "fc"])),
    ("guide.loss_weights.rf", Number(0.0, 1e6)),
    ("guide.loss_weights.rp", Number(0.0, 1e6)),
    ("guide.loss_weights.rc", Number(0.0, 1e6)),
    ("guide.loss_weights.distill", Number(0.0, 1e6)),
    ("guide.detach", Flag),
    ("guide.residual", Name(&["signed", "absolute"])),
    ("optim.method", Name(&["sam", "sgd", "adamw"])),
    ("optim.lr", Above0(100.0)),
    ("optim.momentum", Below1),
    ("optim.rho", Number(0.0, 100.0)),
    ("optim.weight_decay", Number(0.0, 100.0)),
    ("optim.accumulate", Whole(1, MANY)),
    ("optim.schedule", Name(&["linear_last_quarter", "constant", "cosine"])),
    ("optim.warmup", Number(0.0, 0.9)),
    ("optim.wire", Name(&["fp32", "fp16", "bf16"])),
    ("amp", Name(&["off", "fp16", "bf16"])),
    ("workers", WholeOrNull(1, 4096)),
    ("seed", Whole(0, u64::MAX)),
    ("keep", Whole(1, MANY)),
    ("ema", BelowOneOrNull),
    ("localise", Number(0.0, 100.0)),
    ("early_stop", WholeOrNull(1, MANY)),
    ("val_every", Whole(1, MANY)),
];

/// What the key at this path takes; `None` for sections and unknown keys.
pub fn takes(key: &str) -> Option<Takes> {
    KEYS.iter().find(|(known, _)| *known == key).map(|(_, takes)| *takes)
}

impl Takes {
    /// Whether it takes text, so that what looks like a number is text too.
    pub fn is_text(self) -> bool {
        matches!(self, Name(_) | Backbone | Path | PathOrWord(_))
    }

    fn accepts(self, value: &Value) -> bool {
        let whole = |low, high| value.as_u64().filter(|number| (low..=high).contains(number));
        let number = value.as_f64();
        match self {
            Whole(low, high) => whole(low, high).is_some(),
            Even(low, high) => whole(low, high).is_some_and(|number| number % 2 == 0),
            WholeOrNull(low, high) => value.is_null() || whole(low, high).is_some(),
            Number(low, high) => number.is_some_and(|number| (low..=high).contains(&number)),
            Above0(high) => number.is_some_and(|number| number > 0.0 && number <= high),
            Below1 => number.is_some_and(|number| (0.0..1.0).contains(&number)),
            BelowOneOrNull => value.is_null() || number.is_some_and(|number| (0.0..1.0).contains(&number)),
            Name(_) | Backbone => value.as_str().is_some_and(|name| self.names().contains(&name)),
            Path | PathOrWord(_) => value.is_null() || value.as_str().is_some_and(|path| !path.is_empty()),
            Sets => shares::parse(value).is_some(),
            Flag => value.is_boolean(),
        }
    }

    fn names(self) -> Vec<&'static str> {
        match self {
            Name(names) => names.to_vec(),
            Backbone => VARIANTS.iter().map(|variant| variant.name).collect(),
            _ => Vec::new(),
        }
    }

    /// What the key takes, as a phrase for messages.
    fn expected(self) -> String {
        match self {
            Whole(low, u64::MAX) => format!("a whole number of at least {low}"),
            Whole(low, high) => format!("a whole number from {low} to {high}"),
            Even(low, high) => format!("an even number from {low} to {high}"),
            WholeOrNull(low, high) => format!("a whole number from {low} to {high}, or null"),
            Number(low, high) => format!("a number from {low} to {high}"),
            Above0(high) => format!("a number above 0, at most {high}"),
            Below1 => "a number from 0 to less than 1".to_owned(),
            BelowOneOrNull => "a number from 0 to less than 1, or null".to_owned(),
            Name(_) | Backbone => format!("one of {}", self.names().join(", ")),
            Path => "a path in quotes, or null".to_owned(),
            PathOrWord(word) => format!("a path in quotes, \"{word}\", or null"),
            Sets => shares::EXPECTED.to_owned(),
            Flag => "true or false".to_owned(),
        }
    }
}

/// Fails at the first key that is unknown or has a value that it does not take.
pub fn check(layer: &Layer) -> Result<(), ConfigError> {
    check_at(&layer.origin, "", &layer.value)
}

fn check_at(origin: &Origin, key: &str, value: &Value) -> Result<(), ConfigError> {
    let wrong = |expected: String, suggestion: Option<&str>| ConfigError::Value {
        origin: origin.clone(),
        key: if key.is_empty() { "the whole".to_owned() } else { key.to_owned() },
        value: shown(value),
        expected: expected.into(),
        suggestion: suggestion.map(str::to_owned),
    };
    if let Some(takes) = takes(key) {
        let nearest = || value.as_str().and_then(|name| suggest(name, &takes.names()));
        return if takes.accepts(value) { Ok(()) } else { Err(wrong(takes.expected(), nearest())) };
    }
    let known = keys_in(key);
    if known.is_empty() {
        return Err(unknown(origin, key));
    }
    let Value::Object(entries) = value else {
        return Err(wrong(format!("a section in braces, with the keys {}", known.join(", ")), None));
    };
    entries.iter().try_for_each(|(name, value)| check_at(origin, &joined(key, name), value))
}

/// A value for messages.
fn shown(value: &Value) -> Box<str> {
    const LONG: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(LONG) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

fn joined(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

/// The names in a section, those of sections in it included; none for what is no section.
fn keys_in(section: &str) -> Vec<&'static str> {
    let mut names: Vec<&str> = KEYS.iter().filter_map(|(key, _)| name_in(section, key)).collect();
    names.dedup();
    names
}

/// The first part of what is left of `key` below `section`.
fn name_in(section: &str, key: &'static str) -> Option<&'static str> {
    let below = match section {
        "" => key,
        _ => key.strip_prefix(section)?.strip_prefix('.')?,
    };
    below.split('.').next()
}

fn unknown(origin: &Origin, key: &str) -> ConfigError {
    // The section itself may be the unknown part: then it is told, not each key in it.
    let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
    let known = keys_in(section);
    let suggestion = suggest(name, &known).map(|near| joined(section, near)).or_else(|| elsewhere(name));
    ConfigError::UnknownKey { origin: origin.clone(), key: key.to_owned(), suggestion, known }
}

/// A key of this or a near name in any section.
fn elsewhere(name: &str) -> Option<String> {
    let last = |key: &'static str| key.rsplit('.').next().unwrap_or(key);
    let near = suggest(name, &KEYS.iter().map(|(key, _)| last(key)).collect::<Vec<_>>())?;
    KEYS.iter().map(|(key, _)| *key).find(|key| last(key) == near).map(str::to_owned)
}

/// All keys, in the order of the fields.
#[cfg(test)]
pub fn keys() -> Vec<&'static str> {
    KEYS.iter().map(|(key, _)| *key).collect()
}

/// The keys that take names, with these.
#[cfg(test)]
pub fn all_names() -> Vec<(&'static str, Vec<&'static str>)> {
    KEYS.iter().map(|(key, takes)| (*key, takes.names())).filter(|(_, names)| !names.is_empty()).collect()
}

/// What single values cannot tell; the answer is the reason.
pub fn check_together(config: &Config) -> Result<(), String> {
    let sets = &config.data.sets;
    if let Some(twice) = (1..sets.len()).find(|&at| sets[..at].iter().any(|set| set.name == sets[at].name)) {
        return Err(format!("data.sets has {:?} twice: give it a weight instead", sets[twice].name));
    }
    if Kind::ALL.into_iter().all(|kind| config.data.fakes.weight(kind) <= 0.0) {
        return Err("data.fakes has no kind of forgery with a weight above 0".to_owned());
    }
    match config.method {
        Method::Eg => config.guide.check(),
        Method::Sbi => Ok(()),
    }
}
