//! Whether decoding may begin at a packet, as its own bytes say: containers' flags are often wrong, and a frame that was
//! decoded without those that it refers to looks right and is not.

/// Kinds of H.264's units that only an IDR frame has.
const H264_IDR: u8 = 5;
/// Kinds of HEVC's units where decoding may begin: BLA, IDR and CRA.
const HEVC_IRAP: std::ops::RangeInclusive<u8> = 16..=21;

/// Whether nothing that is shown at or after the packet's frame refers to anything before it. `false` wherever that is not
/// known. `flagged`: what the container says.
pub(super) fn may_begin(codec: &str, data: &[u8], flagged: bool) -> bool {
    match codec {
        "h264" => flagged && units(data).any(|first| first & 0x1f == H264_IDR),
        "hevc" => flagged && units(data).any(|first| HEVC_IRAP.contains(&(first >> 1 & 0x3f))),
        // The lowest bit of a frame's tag is 0 in key frames.
        "vp8" => flagged && data.first().is_some_and(|tag| tag & 1 == 0),
        "vp9" | "av1" | "mpeg2video" | "mpeg1video" => flagged,
        "mjpeg" | "prores" | "dnxhd" | "ffv1" | "rawvideo" | "huffyuv" | "png" => flagged,
        _ => false,
    }
}

/// Whether a packet gives a frame that is shown.
pub(super) fn is_shown(codec: &str, data: &[u8]) -> bool {
    // The fifth bit of a frame's tag says whether it is shown.
    codec != "vp8" || data.first().is_none_or(|tag| tag & 0x10 != 0)
}

/// The first byte of each unit of a packet, whether start codes divide them or lengths of four bytes do.
fn units(data: &[u8]) -> Box<dyn Iterator<Item = u8> + '_> {
    if data.starts_with(&[0, 0, 1]) || data.starts_with(&[0, 0, 0, 1]) {
        let starts = data.windows(4).filter(|window| window.starts_with(&[0, 0, 1]));
        return Box::new(starts.map(|window| window[3]));
    }
    let mut rest = data;
    Box::new(std::iter::from_fn(move || {
        let length = rest.first_chunk::<4>().map(|length| u32::from_be_bytes(*length) as usize)?;
        let unit = rest.get(4..)?.get(..length)?;
        rest = &rest[4 + length..];
        unit.first().copied()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_begins_anew_is_a_beginning() {
        let cases: [(&str, &[u8], bool); 9] = [
            ("h264", &[0, 0, 0, 2, 0x67, 1, 0, 0, 0, 3, 0x65, 1, 2], true),
            ("h264", &[0, 0, 0, 2, 0x67, 1, 0, 0, 0, 3, 0x41, 1, 2], false),
            ("h264", &[0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x65, 7], true),
            ("h264", &[0, 0, 1, 0x06, 5, 0, 0, 1, 0x61, 7], false),
            ("hevc", &[0, 0, 0, 3, 0x2a, 1, 2], true),
            ("hevc", &[0, 0, 0, 3, 0x02, 1, 2], false),
            ("vp8", &[0x10], true),
            ("vp8", &[0x11], false),
            ("theora", &[0], false),
        ];
        for (codec, data, expected) in cases {
            assert_eq!(may_begin(codec, data, true), expected, "{codec} {data:?}");
            assert!(!may_begin(codec, data, false));
        }
        // A length that reaches beyond the packet ends the search.
        assert!(!may_begin("h264", &[0, 0, 9, 9, 0x65], true));
        assert!(is_shown("vp8", &[0x10]) && !is_shown("vp8", &[0x01]) && is_shown("vp9", &[0x01]));
    }
}
