//! What is wrong with a configuration, in one line.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A configuration file.
    File(PathBuf),
    /// By an override, as typed.
    Override(String),
    /// By the program that uses this library.
    Program,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(path) => path.display().fmt(f),
            Origin::Override(text) => write!(f, "override {text}"),
            Origin::Program => f.write_str("training configuration"),
        }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot read the training configuration", path.display())]
    Io {
        /// The configuration's file.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        cause: io::Error,
    },
    /// The file is not JSON.
    #[error("{}: not a training configuration in JSON", path.display())]
    Json {
        /// The configuration's file.
        path: PathBuf,
        /// Where it stops being JSON.
        #[source]
        cause: serde_json::Error,
    },
    /// An override without key or value.
    #[error("override {text}: expected KEY=VALUE, such as optim.lr=0.01")]
    Override {
        /// The override as it was typed.
        text: String,
    },
    /// No key has this name.
    #[error("{origin}: unknown key {key}{}", hint(suggestion, known))]
    UnknownKey {
        /// Where it was given.
        origin: Origin,
        /// The whole path of the key.
        key: String,
        /// The path of the key that was probably meant.
        suggestion: Option<String>,
        /// The keys known in its place.
        known: Vec<&'static str>,
    },
    /// A value that the key does not take.
    #[error("{origin}: {key} is {value}, expected {expected}{}", did_you_mean(suggestion))]
    Value {
        /// Where it was given.
        origin: Origin,
        /// The whole path of the key.
        key: String,
        /// What was given, cut off where it is long.
        value: Box<str>,
        /// What the key takes.
        expected: Box<str>,
        /// The value that was probably meant.
        suggestion: Option<String>,
    },
    /// Values that do not go together.
    #[error("{origin}: {reason}")]
    Values {
        /// Where the last of them was given.
        origin: Origin,
        /// Which, and why not.
        reason: String,
    },
}

fn did_you_mean(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

fn hint(suggestion: &Option<String>, known: &[&str]) -> String {
    match suggestion {
        Some(_) => did_you_mean(suggestion),
        None => format!("; known here are {}", known.join(", ")),
    }
}
