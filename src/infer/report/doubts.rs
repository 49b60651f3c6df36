//! Why a verdict may be wrong: what the file is like, and what the detector was made for.

use super::{Material, detector, words};
use crate::infer::evidence::FileEvidence;
use crate::infer::{PersonResult, VideoResult};
use crate::media::ContainerFacts;
use crate::metrics::FaceMeasures;
use crate::page::{Html, Section, Table};
use crate::persons::MIN_SIDE;
use crate::types::VideoStatus;

/// Under so many bits per pixel and frame a video has lost most of its detail.
const FEW_BITS: f64 = 0.04;
/// Faces of which the shorter side is below this are small for what detectors are trained on, in pixels.
const SMALL: f64 = 100.0;
/// Mean brightness below which a face is dark, and above which it is bright, of 255.
const DARK: f64 = 60.0;
const BRIGHT: f64 = 215.0;
/// Sharpness below which a face is blurred.
const BLURRED: f64 = 20.0;
/// How rare forgeries may be, for what a probability then becomes: one in so many files.
const ONE_IN: [f64; 4] = [2.0, 10.0, 100.0, 1000.0];

/// The section; `id` is that of the section.
pub(super) fn section(material: &Material, video: &VideoResult, id: &str) -> Html {
    Section::new(id, "Why it may be wrong")
        .with(Html::heading(3, "What the file is like"))
        .with(list(material, video))
        .with(rare(video))
        .with(detector::known(material))
        .html()
}

/// What the file is like, a sentence each.
pub(super) fn list(material: &Material, video: &VideoResult) -> Html {
    let person = words::deciding(video);
    let measured = person.map(|person| person.measured).or(video.measured).unwrap_or_default();
    let mut told = Vec::new();
    told.extend(compression(video.file.as_ref()));
    told.extend(size(measured.side.or(person.map(|person| person.side))));
    told.extend(light(measured));
    told.extend(frames(video));
    told.extend(persons(video));
    told.extend(material.range.doubts(measured).iter().map(|doubt| words::sentence(doubt)));
    told.extend(video.remarks.iter().map(|remark| words::sentence(remark)));
    told.push(
        "What was not measured: how far the face is turned away, whether hands, masks or glasses cover it, and whether the \
         file was recorded from a screen. Each of these makes the score less reliable."
            .to_owned(),
    );
    Html::list(told)
}

fn compression(file: Option<&FileEvidence>) -> Option<String> {
    let container = file?.container.as_deref()?;
    let bits = bits_per_pixel(container)?;
    let judged = if bits < FEW_BITS {
        "That is strong compression, which removes traces of forgeries and adds traces of its own."
    } else {
        "That is no strong compression; earlier rounds of compression do not show in this number."
    };
    let kilobits = container.bit_rate.unwrap_or_default() as f64 / 1000.0;
    Some(format!(
        "Compression: {} at {kilobits:.0} kbit/s, {bits:.3} bits per pixel. {judged}",
        container.codec
    ))
}

/// Bits that the file spends on a pixel of a frame, where its container tells.
fn bits_per_pixel(container: &ContainerFacts) -> Option<f64> {
    let pixels = f64::from(container.width) * f64::from(container.height) * container.frame_rate;
    let bits = container.bit_rate? as f64;
    (pixels > 0.0 && bits > 0.0).then(|| bits / pixels)
}

fn size(side: Option<f64>) -> Option<String> {
    let side = side?;
    let judged = match side {
        side if side < MIN_SIDE => "That is too small to be judged.",
        side if side < SMALL => "That is small: fine traces are lost.",
        _ => "That is large enough for the detector.",
    };
    Some(format!(
        "Size: the face's shorter side has {side:.0} px (under {MIN_SIDE:.0} px nothing is concluded). {judged}"
    ))
}

fn light(measured: FaceMeasures) -> Vec<String> {
    let brightness = measured.brightness.map(|value| {
        let judged = match value {
            value if value < DARK => "The face is dark, and noise in the dark looks like traces.",
            value if value > BRIGHT => "The face is very bright, so that detail is lost.",
            _ => "That is ordinary light.",
        };
        format!("Light: a mean brightness of {value:.0} of 255. {judged}")
    });
    let sharpness = measured.sharpness.map(|value| {
        let judged = match value {
            value if value < BLURRED => "There is little fine detail: the face is blurred, small or enlarged, which makes real faces look forged.",
            _ => "There is fine detail.",
        };
        format!("Sharpness: {value:.0} (variance of the Laplacian of the crop). {judged}")
    });
    brightness.into_iter().chain(sharpness).collect()
}

fn frames(video: &VideoResult) -> Option<String> {
    let sampling = video.sampling.filter(|sampling| sampling.frames > 1);
    let seen = match sampling {
        Some(sampling) => format!(
            "Frames: {} of {} were looked at, so that a forgery between them is not seen.",
            video.frames, sampling.frames
        ),
        None if video.frames > 1 => format!("Frames: {} were looked at.", video.frames),
        None => return None,
    };
    Some(match video.status {
        VideoStatus::Truncated => {
            format!("{seen} The file is damaged or cut off: only what is left of it was seen.")
        }
        _ => seen,
    })
}

fn persons(video: &VideoResult) -> Option<String> {
    let count = video.counting_persons().count();
    let strays = video.persons.iter().flatten().filter(|person: &&PersonResult| person.stray).count();
    let strays = match strays {
        0 => String::new(),
        strays => format!(" Besides, {} were found that decide nothing.", words::count(strays, "stray face")),
    };
    (count > 1).then(|| {
        format!(
            "Persons: {count} are seen, and the most suspicious decides. Among several one is high by chance more often, so the \
             border is raised.{strays}"
        )
    })
}

/// What the probability becomes where forgeries are rarer than real files.
fn rare(video: &VideoResult) -> Html {
    let Some(probability) = video.probability().filter(|probability| (0.0..1.0).contains(probability)) else {
        return Html::default();
    };
    let odds = probability / (1.0 - probability);
    let row = |one_in: f64| {
        let odds = odds / (one_in - 1.0);
        vec![format!("one in {one_in:.0}").into(), format!("{:.3}", odds / (1.0 + odds)).into()]
    };
    let table = Table::new("The same score, where forgeries are rarer")
        .text("forged files among all")
        .number("probability that this one is forged")
        .rows(ONE_IN.map(row));
    Html::heading(3, "How common forgeries are")
        .with(Html::paragraph(
            "The probability holds where as many forged as real files are examined. Where forgeries are rare, most alarms are \
             false ones: the same score then means less.",
        ))
        .with(table.html())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compression_is_told_in_bits_per_pixel() {
        let container = ContainerFacts {
            codec: "h264".to_owned(),
            width: 640,
            height: 480,
            frame_rate: 25.0,
            bit_rate: Some(76_800),
            ..ContainerFacts::default()
        };
        assert_eq!(bits_per_pixel(&container), Some(0.01));
        let file = FileEvidence { container: Some(Box::new(container.clone())), ..FileEvidence::default() };
        let told = compression(Some(&file)).unwrap();
        assert!(
            told.contains("h264 at 77 kbit/s, 0.010 bits") && told.contains("strong compression, which"),
            "{told}"
        );
        assert_eq!(bits_per_pixel(&ContainerFacts { bit_rate: None, ..container.clone() }), None);
        assert_eq!(bits_per_pixel(&ContainerFacts { frame_rate: 0.0, ..container }), None);
    }

    #[test]
    fn every_measure_is_judged() {
        assert!(size(Some(40.0)).unwrap().contains("too small"));
        assert!(size(Some(80.0)).unwrap().contains("is small"));
        let dark = FaceMeasures { side: None, brightness: Some(20.0), sharpness: Some(3.0) };
        let told = light(dark);
        assert!(told[0].contains("dark") && told[1].contains("little fine detail"), "{told:?}");
    }
}
