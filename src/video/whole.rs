//! Whether a file is as long as its own header says.
//!
//! Demuxers take what there is and say nothing when it is less than announced.

use super::FileInput;

/// Bytes at a file's end in which the last page of an Ogg stream begins.
const LAST_PAGE: u64 = 70_000;

/// Boxes that stand at the top of ISO files.
const BOXES: [&[u8]; 18] = [
    b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"moof", b"mfra", b"sidx", b"styp", b"uuid",
    b"pnot", b"udta", b"meta", b"emsg", b"prft", b"ssix", b"junk",
];
/// The object of an ASF file that says how long the file is.
const ASF_PROPERTIES: [u8; 16] =
    [0xa1, 0xdc, 0xab, 0x8c, 0x47, 0xa9, 0xcf, 0x11, 0x8e, 0xe4, 0, 0xc0, 0x0c, 0x20, 0x53, 0x65];

/// What is missing, for people; `None` where nothing is known to be.
pub(super) fn missing_part(input: &FileInput) -> Option<String> {
    let length = input.length();
    let start = input.bytes_at(0, 64).ok()?;
    let declared = match start.get(..12)? {
        [b'R', b'I', b'F', b'F', a, b, c, d, ..] => {
            let size = u32::from_le_bytes([*a, *b, *c, *d]);
            // Programs that cannot go back leave a size of nothing or of everything.
            if size == 0 || size == u32::MAX { return None } else { u64::from(size) + 8 }
        }
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => end_of_boxes(input)?,
        [0x1a, 0x45, 0xdf, 0xa3, ..] => end_of_segment(input)?,
        [b'G', b'I', b'F', b'8', ..] => return gif_is_cut(input).then(|| "its end is missing".to_owned()),
        [b'O', b'g', b'g', b'S', ..] => end_of_last_page(input)?,
        [0x30, 0x26, 0xb2, 0x75, ..] => asf_length(input)?,
        [b'F', b'L', b'V', 1, ..] => {
            return flv_is_cut(input).then(|| "its last tag is incomplete".to_owned());
        }
        [0, 0, 1, 0xba, ..] => end_of_last_pes(input)?,
        _ => end_of_transport_packets(input)?,
    };
    (declared > length).then(|| format!("{} of {declared} bytes are missing", declared - length))
}

/// Where the last box of an ISO file ends.
fn end_of_boxes(input: &FileInput) -> Option<u64> {
    // A fragmented film has a few boxes per second.
    const MOST: usize = 1 << 20;
    let mut at = 0_u64;
    for _ in 0..MOST {
        if at >= input.length() {
            return Some(at);
        }
        let header = input.bytes_at(at, 16).ok()?;
        let (Some(size), Some(kind)) = (header.first_chunk::<4>(), header.get(4..8)) else {
            // Less than a header: padding.
            return None;
        };
        // What else may stand behind the last box is none.
        if !BOXES.contains(&kind) {
            return None;
        }
        let size = match u32::from_be_bytes(*size) {
            0 => return None,
            1 => u64::from_be_bytes(*header.get(8..16)?.first_chunk()?),
            size => u64::from(size),
        };
        if size < 8 {
            return None;
        }
        at = at.checked_add(size)?;
    }
    None
}

/// Where the segment of a Matroska file ends, if it says so.
fn end_of_segment(input: &FileInput) -> Option<u64> {
    let head = input.bytes_at(0, 4096).ok()?;
    let (header, header_length) = ebml_size(head.get(4..)?)?;
    let segment = 4 + header_length + usize::try_from(header).ok()?;
    if head.get(segment..segment + 4)? != [0x18, 0x53, 0x80, 0x67] {
        return None;
    }
    let (size, size_length) = ebml_size(head.get(segment + 4..)?)?;
    (segment as u64 + 4 + size_length as u64).checked_add(size)
}

/// A number of variable length, and its length; `None` for "unknown".
fn ebml_size(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    if length > 8 {
        return None;
    }
    let mask = 0xff_u64 >> length;
    let rest = bytes.get(1..length)?;
    let size = rest.iter().fold(u64::from(first) & mask, |size, &byte| size << 8 | u64::from(byte));
    let unknown = (1_u64 << (7 * length)) - 1;
    (size != unknown).then_some((size, length))
}

fn gif_is_cut(input: &FileInput) -> bool {
    let from = input.length().saturating_sub(1024);
    input.bytes_at(from, 1024).is_ok_and(|end| end.iter().rfind(|&&byte| byte != 0) != Some(&0x3b))
}

fn end_of_last_page(input: &FileInput) -> Option<u64> {
    let from = input.length().saturating_sub(LAST_PAGE);
    let end = input.bytes_at(from, LAST_PAGE as usize).ok()?;
    let at = end.windows(5).rposition(|window| window == b"OggS\0")?;
    let page = &end[at..];
    let Some(&segments) = page.get(26) else { return Some(input.length() + 1) };
    let Some(table) = page.get(27..27 + usize::from(segments)) else { return Some(input.length() + 1) };
    let data: u64 = table.iter().map(|&size| u64::from(size)).sum();
    Some(from + at as u64 + 27 + u64::from(segments) + data)
}

/// Where the last packet of a transport stream ends, in packets of 188 bytes, or of 192 as cameras and discs have them.
fn end_of_transport_packets(input: &FileInput) -> Option<u64> {
    const SYNC: u8 = 0x47;
    let synced = |at: u64| input.bytes_at(at, 1).is_ok_and(|byte| byte == [SYNC]);
    let (size, sync) = [(188, 0), (192, 4)].into_iter().find(|(size, sync)| {
        input.length() > 4 * size && (0..4).all(|number| synced(number * size + sync))
    })?;
    let last = input.length() / size * size;
    // What is behind the last packet may be anything.
    let cut = input.length() - last > sync && synced(last + sync);
    Some(if cut { last + size } else { last })
}

/// The length that an ASF file has by its own header.
fn asf_length(input: &FileInput) -> Option<u64> {
    let head = input.bytes_at(0, 8192).ok()?;
    let at = head.windows(16).position(|window| window == ASF_PROPERTIES)?;
    let length = head.get(at + 40..at + 48)?;
    Some(u64::from_le_bytes(*length.first_chunk()?))
}

/// Whether the length behind the last tag of an FLV file is not that of the tag before it.
fn flv_is_cut(input: &FileInput) -> bool {
    let whole = || {
        let end = input.length();
        let size = input.bytes_at(end.checked_sub(4)?, 4).ok()?;
        let size = u64::from(u32::from_be_bytes(*size.first_chunk()?));
        let tag = input.bytes_at(end.checked_sub(4 + size)?, 4).ok()?;
        let data = u32::from_be_bytes(*tag.first_chunk()?) & 0x00ff_ffff;
        // Some writers leave the eleven bytes of the tag's own header out.
        Some(size == u64::from(data) + 11 || size == u64::from(data))
    };
    whole() != Some(true)
}

/// Where the last packet of an MPEG program stream ends.
fn end_of_last_pes(input: &FileInput) -> Option<u64> {
    let from = input.length().saturating_sub(LAST_PAGE);
    let end = input.bytes_at(from, LAST_PAGE as usize).ok()?;
    let is_packet =
        |window: &[u8]| window.starts_with(&[0, 0, 1]) && matches!(window[3], 0xbd | 0xbe | 0xc0..=0xef);
    // Pictures within a packet begin with the same three bytes, but with another fourth.
    let at = end.windows(4).rposition(is_packet)?;
    let length = end.get(at + 4..at + 6)?;
    Some(from + at as u64 + 6 + u64::from(u16::from_be_bytes(*length.first_chunk()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn missing(bytes: &[u8]) -> Option<String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        missing_part(&FileInput::new(file).unwrap())
    }

    fn assert_cut_is_noticed(whole: &[u8]) {
        assert_eq!(missing(whole), None);
        assert!(missing(&whole[..whole.len() - 3]).is_some(), "{whole:?}");
    }

    #[test]
    fn files_that_are_shorter_than_their_headers_say_are_found() {
        let iso = [&[0, 0, 0, 16][..], b"ftypisom\0\0\0\0", &[0, 0, 0, 20], b"mdat123456789012"].concat();
        assert_cut_is_noticed(&iso);
        assert_cut_is_noticed(&[&b"RIFF\x0c\0\0\0AVI "[..], b"12345678"].concat());
        let segment = [0x18, 0x53, 0x80, 0x67, 0x85, 1, 2, 3, 4, 5];
        assert_cut_is_noticed(&[&[0x1a, 0x45, 0xdf, 0xa3, 0x81, 7][..], &segment].concat());
        assert_cut_is_noticed(&[&b"OggS\0\0"[..], &[0; 20], &[1, 6], b"abcdef"].concat());
        assert_cut_is_noticed(&[&b"GIF89a12345678"[..], &[0x3b]].concat());
        let packet = [&[0x47][..], &[1; 187]].concat();
        assert_cut_is_noticed(&packet.repeat(6));
    }

    #[test]
    fn what_stands_behind_the_end_is_no_part_of_it() {
        let packet = [&[0x47][..], &[1; 187]].concat();
        let padded = [packet.repeat(6), vec![0; 50]].concat();
        assert_eq!(missing(&padded), None);
        let camera = [&[9, 9, 9, 9, 0x47][..], &[1; 187]].concat();
        assert_cut_is_noticed(&camera.repeat(6));
        let iso = [&[0, 0, 0, 16][..], b"ftypisom\0\0\0\0", b"hello, this is text"].concat();
        assert_eq!(missing(&iso), None);
    }

    #[test]
    fn lengths_at_the_end_or_the_beginning_count() {
        let tag = [&[9, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0][..], b"12345", &[0, 0, 0, 16]].concat();
        assert_cut_is_noticed(&[&b"FLV\x01\x05\0\0\0\x09\0\0\0\0"[..], &tag].concat());
        let pes = [&[0, 0, 1, 0xe0, 0, 4][..], b"abcd"].concat();
        assert_cut_is_noticed(&[&[0, 0, 1, 0xba, 1, 2, 3, 4, 5, 6][..], &pes].concat());
        let head = [&[0x30, 0x26, 0xb2, 0x75][..], &[0; 26], &ASF_PROPERTIES, &[0; 24]].concat();
        assert_cut_is_noticed(&[&head[..], &(head.len() as u64 + 18).to_le_bytes(), &[7; 10]].concat());
    }

    #[test]
    fn what_says_nothing_is_taken_as_it_is() {
        let unknown = [0x18, 0x53, 0x80, 0x67, 0xff, 1];
        for bytes in [
            &b"RIFF\0\0\0\0AVI 123"[..],
            &[&[0x1a, 0x45, 0xdf, 0xa3, 0x81, 7][..], &unknown].concat(),
            &[&[0, 0, 0, 16][..], b"ftypisom\0\0\0\0", &[0, 0, 0, 0], b"mdat12"].concat(),
            b"",
            b"ftyp",
        ] {
            assert_eq!(missing(bytes), None, "{bytes:?}");
        }
    }
}
