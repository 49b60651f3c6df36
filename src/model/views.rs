//! What of a face crop is scored beside the crop as it is.
//!
//! Reals of different origins differ more in their scores than a real face and a forgery of it do. So a detector may be
//! shown *controls* as well: the same crop, its inner face blurred and put back with a soft edge, or all but its inner
//! face. Both are forgeries, made of this very crop with its own light, sharpness and compression: one of the face, one
//! of what lies around it. Part of their log odds, taken off those of the crop, takes off what the origin does to all
//! three. And the mirror image of a face is the same face: two views err less than one.

use crate::metrics::OverFrames;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tch::{TchError, Tensor};

/// Keys in a weight file's metadata.
const MIRRORED: &str = "mirrored_view";
const INNER_CONTROL: &str = "inner_control_share";
const OUTER_CONTROL: &str = "outer_control_share";
/// What stood for a control that was blurred more.
const FORMER_CONTROL: &str = "control_share";
const OVER_FRAMES: &str = "over_frames";
const LOG_ODDS: &str = "log_odds";
/// Of more than this nothing would be left of the crop's own.
const MOST_CONTROL: f64 = 1.0;

/// What a score is made of. The default, and that of published weights, is the crop alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Views {
    /// Whether the mean of the crop's and its mirror image's log odds counts.
    pub mirrored: bool,
    /// The share of the log odds that is taken off of the crop with its inner face blurred, 0..=1; 0: it is not scored.
    pub inner_control: f64,
    /// The same of the crop with all but its inner face blurred.
    pub outer_control: f64,
    /// How the scores of frames become that of a video.
    pub over_frames: OverFrames,
}

impl Views {
    /// Whether the crop alone counts.
    pub fn is_plain(self) -> bool {
        self.count() == 1
    }

    /// How many images are scored for a crop: 1 to 4.
    pub fn count(self) -> i64 {
        1 + i64::from(self.mirrored) + self.controls().count() as i64
    }

    /// The controls that are scored beside the crop, and their shares.
    pub(super) fn controls(self) -> impl Iterator<Item = (Blurred, f64)> {
        let all = [(Blurred::InnerFace, self.inner_control), (Blurred::Around, self.outer_control)];
        all.into_iter().filter(|(_, share)| *share > 0.0)
    }

    /// Reads them from a weight file's metadata; what these do not state is not done. An unknown value is an error, given
    /// as a sentence.
    pub fn from_metadata(metadata: &BTreeMap<String, String>) -> Result<Self, String> {
        let mirrored = match metadata.get(MIRRORED).map(String::as_str) {
            None | Some("false") => false,
            Some("true") => true,
            Some(text) => return Err(format!("{MIRRORED} {text:?}, expected true or false")),
        };
        let share_of = |key: &str| match metadata.get(key) {
            None => Ok(0.0),
            Some(text) => {
                let share = text.parse().ok().filter(|share| (0.0..=MOST_CONTROL).contains(share));
                share.ok_or_else(|| format!("{key} {text:?}, expected a number from 0 to {MOST_CONTROL}"))
            }
        };
        let (inner_control, outer_control) = (share_of(INNER_CONTROL)?, share_of(OUTER_CONTROL)?);
        if let Some(text) = metadata.get(FORMER_CONTROL) {
            return Err(format!(
                "{FORMER_CONTROL} {text:?} of an earlier version, expected {INNER_CONTROL}; calibrate anew"
            ));
        }
        let over_frames = match metadata.get(OVER_FRAMES).map(String::as_str) {
            None | Some("mean") => OverFrames::Mean,
            Some(LOG_ODDS) => OverFrames::LogOdds,
            Some(text) => return Err(format!("{OVER_FRAMES} {text:?}, expected mean or {LOG_ODDS}")),
        };
        Ok(Views { mirrored, inner_control, outer_control, over_frames })
    }

    /// Puts what [`Views::from_metadata`] reads into metadata: nothing where the crop alone counts, as published.
    pub fn write_to(self, metadata: &mut BTreeMap<String, String>) {
        for key in [MIRRORED, INNER_CONTROL, OUTER_CONTROL, FORMER_CONTROL, OVER_FRAMES] {
            metadata.remove(key);
        }
        if self.over_frames == OverFrames::LogOdds {
            metadata.insert(OVER_FRAMES.to_owned(), LOG_ODDS.to_owned());
        }
        if self.mirrored {
            metadata.insert(MIRRORED.to_owned(), self.mirrored.to_string());
        }
        for (key, share) in [(INNER_CONTROL, self.inner_control), (OUTER_CONTROL, self.outer_control)] {
            if share > 0.0 {
                metadata.insert(key.to_owned(), share.to_string());
            }
        }
    }

    /// All views at crops `[n, 3, side, side]`, 0..1: `[count n, 3, side, side]`, first all crops as they are, then their
    /// mirror images, then all with their inner faces blurred, then all blurred around these.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn images(self, crops: &Tensor) -> Result<Tensor, TchError> {
        const ACROSS: i64 = 3;
        let mut views = vec![crops.shallow_clone()];
        if self.mirrored {
            views.push(crops.f_flip([ACROSS])?);
        }
        for (blurred, _) in self.controls() {
            views.push(control(crops, &blurred.place(crops.size()[ACROSS as usize]), blurred)?);
        }
        Tensor::f_cat(&views, 0)
    }

    /// The log odds of crops from those of all views in the order of [`Views::images`]: `[count n]` to `[n]`.
    ///
    /// Fails when libtorch runs out of memory.
    pub(crate) fn combined(self, log_odds: &Tensor) -> Result<Tensor, TchError> {
        self.combined_along(log_odds, None)
    }

    /// The same for maps `[count n, h, w]`: those of mirror images are mirrored back.
    pub(crate) fn combined_maps(self, log_odds: &Tensor) -> Result<Tensor, TchError> {
        const ACROSS: i64 = 2;
        self.combined_along(log_odds, Some(ACROSS))
    }

    fn combined_along(self, log_odds: &Tensor, mirror: Option<i64>) -> Result<Tensor, TchError> {
        let mut views = log_odds.f_chunk(self.count(), 0)?.into_iter();
        let mut next = || views.next().ok_or_else(|| TchError::Shape("fewer scores than views".into()));
        let mut all = next()?;
        if self.mirrored {
            let mirrored = next()?;
            let mirrored =
                mirror.map_or_else(|| Ok(mirrored.shallow_clone()), |dim| mirrored.f_flip([dim]))?;
            all = all.f_add(&mirrored)?.f_mul_scalar(0.5)?;
        }
        for (_, share) in self.controls() {
            all = all.f_sub(&next()?.f_mul_scalar(share)?)?;
        }
        Ok(all)
    }
}

/// What of a crop a control shows blurred.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Blurred {
    /// The inner face.
    InnerFace,
    /// All but the inner face.
    Around,
}

impl Blurred {
    /// How many pixels become one, along each side.
    fn pixels_in_one(self) -> i64 {
        match self {
            Blurred::InnerFace => 2,
            Blurred::Around => 5,
        }
    }

    /// 1 where it lies, 0 elsewhere, with a soft edge: `[side, side]`, flat.
    pub fn place(self, side: i64) -> Vec<f32> {
        let inner_face = inner_face(side);
        match self {
            Blurred::InnerFace => inner_face,
            Blurred::Around => inner_face.into_iter().map(|inside| 1.0 - inside).collect(),
        }
    }
}

/// The control of one crop `[3, side, side]`, 0..1, as [`Views::images`] makes it; `place`: [`Blurred::place`] of this side.
///
/// Fails when libtorch runs out of memory.
pub(super) fn control_of(
    planes: &[f32],
    side: i64,
    place: &[f32],
    blurred: Blurred,
) -> Result<Vec<f32>, TchError> {
    let _no_grad = tch::no_grad_guard();
    let control = control(&Tensor::f_from_slice(planes)?.f_view([1, 3, side, side])?, place, blurred)?;
    Vec::<f32>::try_from(control.f_contiguous()?.f_view([-1])?)
}

/// Crops `[n, 3, side, side]` that are less sharp in `place`: [`Blurred::place`] of this side.
fn control(crops: &Tensor, place: &[f32], blurred: Blurred) -> Result<Tensor, TchError> {
    let side = crops.size()[3];
    let coarse = (side / blurred.pixels_in_one()).max(1);
    let soft = crops.f_adaptive_avg_pool2d([coarse, coarse])?;
    let soft = soft.f_upsample_bilinear2d([side, side], false, None, None)?;
    let place = Tensor::f_from_slice(place)?.f_view([side, side])?;
    let place = place.f_to_device(crops.device())?.f_to_kind(crops.kind())?;
    crops.f_add(&soft.f_sub(crops)?.f_mul(&place)?)
}

/// 1 in an ellipse where crops have the inner face, 0 outside, with a soft edge: `[side, side]`, flat.
fn inner_face(side: i64) -> Vec<f32> {
    /// Centre and half axes in parts of the side, as margins of crops leave them.
    const CENTRE: (f64, f64) = (0.5, 0.53);
    const HALF_AXES: (f64, f64) = (0.30, 0.33);
    /// Width of the edge in parts of the half axes.
    const EDGE: f64 = 0.2;
    let at = |pixel: i64| (pixel as f64 + 0.5) / side as f64;
    let value = |i: i64| {
        let (x, y) = ((at(i % side) - CENTRE.0) / HALF_AXES.0, (at(i / side) - CENTRE.1) / HALF_AXES.1);
        let inside = (1.0 - x.hypot(y)) / EDGE + 0.5;
        let inside = inside.clamp(0.0, 1.0);
        // Without a kink at either end.
        (inside * inside * (3.0 - 2.0 * inside)) as f32
    };
    (0..side * side).map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fill;
    use tch::Kind;

    const SIDE: i64 = 24;

    fn crops() -> Tensor {
        Tensor::from_slice(&fill::input("views", 1, (2 * 3 * SIDE * SIDE) as usize))
            .to_kind(Kind::Float)
            .view([2, 3, SIDE, SIDE])
    }

    fn apart(a: &Tensor, b: &Tensor) -> f64 {
        (a - b).abs().max().double_value(&[])
    }

    #[test]
    fn metadata_come_back_and_nonsense_is_refused() {
        let mut metadata = BTreeMap::new();
        for views in [
            Views::default(),
            Views { mirrored: true, ..Views::default() },
            Views { inner_control: 0.4, over_frames: OverFrames::LogOdds, ..Views::default() },
            Views { inner_control: 0.4, outer_control: 0.3, ..Views::default() },
        ] {
            views.write_to(&mut metadata);
            assert_eq!(Views::from_metadata(&metadata), Ok(views));
        }
        Views::default().write_to(&mut metadata);
        assert!(metadata.is_empty(), "published files stay as they are");
        for (key, value) in [
            (OVER_FRAMES, "median"),
            (MIRRORED, "perhaps"),
            (INNER_CONTROL, "1.5"),
            (INNER_CONTROL, "NaN"),
            (OUTER_CONTROL, "-0.1"),
            (FORMER_CONTROL, "0.4"),
        ] {
            let refused = Views::from_metadata(&BTreeMap::from([(key.to_owned(), value.to_owned())]));
            assert!(refused.unwrap_err().contains(value), "{key}");
        }
    }

    #[test]
    fn controls_are_blurred_in_their_place_and_the_same_elsewhere() {
        let crops = crops();
        let views = Views { mirrored: true, inner_control: 0.5, outer_control: 0.5, ..Views::default() };
        let images = views.images(&crops).unwrap();
        assert_eq!(images.size(), [8, 3, SIDE, SIDE]);
        let [as_it_is, mirrored, inner, outer] = <[Tensor; 4]>::try_from(images.chunk(4, 0)).unwrap();
        assert_eq!(apart(&as_it_is, &crops), 0.0);
        assert_eq!(apart(&mirrored.flip([3]), &crops), 0.0);
        let corner = |x: &Tensor| x.narrow(2, 0, 3).narrow(3, 0, 3);
        let middle = |x: &Tensor| x.narrow(2, 9, 6).narrow(3, 9, 6);
        let spread = |x: &Tensor| x.std(false).double_value(&[]);
        for (control, blurred, same) in [
            (inner, &middle as &dyn Fn(&Tensor) -> Tensor, &corner as &dyn Fn(&Tensor) -> Tensor),
            (outer, &corner, &middle),
        ] {
            assert!(apart(&same(&control), &same(&crops)) < 1e-6);
            assert!(spread(&blurred(&control)) < 0.8 * spread(&blurred(&crops)));
        }
    }

    #[test]
    fn log_odds_are_combined_as_stated() {
        let of = |values: &[f32]| Tensor::from_slice(values);
        let views = Views { mirrored: true, inner_control: 0.5, outer_control: 0.25, ..Views::default() };
        let all = views.combined(&of(&[1.0, 2.0, 3.0, 6.0, 2.0, -4.0, 4.0, 0.0])).unwrap();
        assert_eq!(apart(&all, &of(&[0.0, 6.0])), 0.0);
        let plain = Views::default().combined(&of(&[1.0, 2.0])).unwrap();
        assert_eq!(apart(&plain, &of(&[1.0, 2.0])), 0.0);
        // A map of a mirror image lies the other way round.
        let maps = of(&[4.0, 0.0, 0.0, 4.0]).view([2, 1, 2]);
        let turned = Views { mirrored: true, ..Views::default() }.combined_maps(&maps).unwrap();
        assert_eq!(apart(&turned, &of(&[4.0, 0.0]).view([1, 1, 2])), 0.0);
    }
}
