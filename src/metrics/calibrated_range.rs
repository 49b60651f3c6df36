//! What the faces that a detector was calibrated on were like: outside of that its probabilities mean little.

use std::collections::BTreeMap;

/// Keys in a weight file's metadata; the values are the least and the greatest, with a blank between.
const SIDE: &str = "calibrated_side";
const BRIGHTNESS: &str = "calibrated_brightness";
const SHARPNESS: &str = "calibrated_sharpness";

/// What is measured of faces, each a middle value over the frames of a person; what is not known is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FaceMeasures {
    /// Shorter side of the box in which it was found, in pixels of the frame.
    pub side: Option<f64>,
    /// Mean brightness of the crop, 0..255.
    pub brightness: Option<f64>,
    /// Variance of the Laplacian of the crop's brightness, from 0; low where a crop is blurred.
    pub sharpness: Option<f64>,
}

/// Ranges of these measures, as far as the weight file tells; without any nothing is outside.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CalibratedRange {
    /// Least and greatest side.
    pub side: Option<(f64, f64)>,
    /// Least and greatest brightness.
    pub brightness: Option<(f64, f64)>,
    /// Least and greatest sharpness.
    pub sharpness: Option<(f64, f64)>,
}

impl CalibratedRange {
    /// The metadata keys under which ranges are kept.
    pub const KEYS: [&str; 3] = [SIDE, BRIGHTNESS, SHARPNESS];

    /// Reads ranges from a weight file's metadata. A value that is no range is an error, given as a sentence.
    pub fn from_metadata(metadata: &BTreeMap<String, String>) -> Result<Self, String> {
        let range = |key: &str| match metadata.get(key) {
            None => Ok(None),
            Some(text) => {
                let numbers: Vec<f64> = text.split_whitespace().flat_map(str::parse).collect();
                match numbers[..] {
                    [low, high] if low <= high => Ok(Some((low, high))),
                    _ => Err(format!(
                        "{key} {text:?}, expected the least and the greatest number with a blank between"
                    )),
                }
            }
        };
        Ok(CalibratedRange {
            side: range(SIDE)?,
            brightness: range(BRIGHTNESS)?,
            sharpness: range(SHARPNESS)?,
        })
    }

    /// The metadata entries (key, value) that [`CalibratedRange::from_metadata`] reads.
    pub fn to_metadata(self) -> Vec<(String, String)> {
        let ranges = [(SIDE, self.side), (BRIGHTNESS, self.brightness), (SHARPNESS, self.sharpness)];
        let entry = |(key, range): (&str, Option<(f64, f64)>)| {
            range.map(|(low, high)| (key.to_owned(), format!("{low} {high}")))
        };
        ranges.into_iter().filter_map(entry).collect()
    }

    /// The ranges between which the middle 98 % of what was measured lie.
    pub fn of(faces: &[FaceMeasures]) -> Self {
        let range = |of: fn(&FaceMeasures) -> Option<f64>| {
            let mut values: Vec<f64> =
                faces.iter().filter_map(of).filter(|value| value.is_finite()).collect();
            values.sort_by(f64::total_cmp);
            let off = values.len() / 100;
            Some((*values.get(off)?, values[values.len() - 1 - off]))
        };
        CalibratedRange {
            side: range(|face| face.side),
            brightness: range(|face| face.brightness),
            sharpness: range(|face| face.sharpness),
        }
    }

    /// What of a person's faces is outside, a sentence each.
    pub fn doubts(&self, faces: FaceMeasures) -> Vec<String> {
        let FaceMeasures { side, brightness, sharpness } = faces;
        let outside = |value: Option<f64>, range: Option<(f64, f64)>, [low, high, unit]: [&str; 3]| {
            let (value, (least, most)) = (value?, range?);
            let what = if value < least { low } else { high };
            (value < least || value > most).then(|| {
                format!(
                    "the faces are {what} than any that the detector was calibrated on: {value:.0}{unit}, it saw {least:.0} \
                     to {most:.0}{unit}"
                )
            })
        };
        let side = outside(side, self.side, ["smaller", "larger", " px"]);
        let brightness = outside(brightness, self.brightness, ["darker", "brighter", ""]);
        let sharpness = outside(sharpness, self.sharpness, ["more blurred", "sharper or noisier", ""]);
        [side, brightness, sharpness].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_come_back_and_nonsense_is_refused() {
        let range =
            CalibratedRange { side: Some((60.0, 400.0)), brightness: None, sharpness: Some((3.5, 900.0)) };
        let metadata: BTreeMap<String, String> = range.to_metadata().into_iter().collect();
        assert_eq!(CalibratedRange::from_metadata(&metadata), Ok(range));
        assert_eq!(CalibratedRange::from_metadata(&BTreeMap::new()), Ok(CalibratedRange::default()));
        for value in ["", "5", "9 3", "1 2 3", "a b"] {
            let metadata = BTreeMap::from([(SIDE.to_owned(), value.to_owned())]);
            assert!(
                CalibratedRange::from_metadata(&metadata).unwrap_err().contains("calibrated_side"),
                "{value}"
            );
        }
    }

    #[test]
    fn what_is_outside_is_told_and_what_is_not_known_is_not() {
        let face = |side: f64| FaceMeasures { side: Some(side), brightness: Some(20.0), sharpness: None };
        let faces: Vec<FaceMeasures> = (0..=200).map(|side| face(f64::from(side))).collect();
        let range = CalibratedRange::of(&faces);
        assert_eq!(
            (range.side, range.brightness, range.sharpness),
            (Some((2.0, 198.0)), Some((20.0, 20.0)), None)
        );
        assert_eq!(range.doubts(face(100.0)), Vec::<String>::new());
        assert!(range.doubts(face(1.0))[0].contains("smaller than any"));
        let dark = FaceMeasures { brightness: Some(3.0), ..FaceMeasures::default() };
        assert!(
            range.doubts(dark)[0].contains("darker") && CalibratedRange::default().doubts(dark).is_empty()
        );
    }
}
