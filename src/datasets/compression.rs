//! The three qualities in which FaceForensics++ and DFD are published.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Error;

/// The compression of FaceForensics++ and DFD videos. The other data sets come in one quality.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// As downloaded, `raw`.
    #[default]
    Raw,
    /// H.264 with quantisation parameter 23, `c23`.
    C23,
    /// H.264 with quantisation parameter 40, `c40`.
    C40,
}

impl Compression {
    /// All compressions, from best to worst quality.
    pub const ALL: [Compression; 3] = [Compression::Raw, Compression::C23, Compression::C40];

    /// The name of its folder: `raw`, `c23` or `c40`.
    pub fn as_str(self) -> &'static str {
        match self {
            Compression::Raw => "raw",
            Compression::C23 => "c23",
            Compression::C40 => "c40",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Compression {
    type Err = Error;

    /// Accepts the names in upper and lower case; fails with [`Error::UnknownCompression`].
    fn from_str(name: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|c| c.as_str().eq_ignore_ascii_case(name));
        known.ok_or_else(|| Error::UnknownCompression { name: name.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_its_own_names_only() {
        for compression in Compression::ALL {
            assert_eq!(compression.to_string().parse::<Compression>().unwrap(), compression);
        }
        assert_eq!("C23".parse::<Compression>().unwrap(), Compression::C23);
        let error = "c25".parse::<Compression>().unwrap_err().to_string();
        assert_eq!(error, "unknown compression 'c25'; known are raw, c23 and c40");
    }
}
