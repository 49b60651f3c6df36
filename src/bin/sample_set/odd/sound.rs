//! Sound, which this program otherwise has nothing to do with: written by hand, as silence of eight bits.

use std::fs;
use std::path::Path;

use super::Result;

/// Samples of a packet: 10 ms at 11025 Hz.
const SAMPLES: usize = 110;
/// Silence.
const SILENT: u8 = 0x80;
/// Seconds of the files that hold nothing else.
const SECONDS: usize = 2;

pub fn write(folder: &Path) -> Result<()> {
    fs::write(folder.join("sound_only.flv"), flv_with_sound(b"FLV\x01\x00\0\0\0\x09\0\0\0\0", SECONDS))?;
    Ok(fs::write(folder.join("sound_only.mp4"), mp4_of_sound())?)
}

/// An FLV file with silence of so many seconds among its tags, in their order of time.
pub fn flv_with_sound(flv: &[u8], seconds: usize) -> Vec<u8> {
    const HEADER: usize = 13;
    const HAS_SOUND: u8 = 4;
    let mut out = flv[..HEADER].to_vec();
    out[4] |= HAS_SOUND;
    let mut sounds = (0..seconds * 100).map(|number| 10 * number).peekable();
    let mut rest = &flv[HEADER..];
    while let [_, a, b, c, high @ ..] = rest
        && let [x, y, z, top, ..] = high
    {
        let at = u32::from_be_bytes([*top, *x, *y, *z]) as usize;
        while let Some(time) = sounds.next_if(|&time| time < at) {
            out.extend(sound_tag(time));
        }
        let size = u32::from_be_bytes([0, *a, *b, *c]) as usize + 11 + 4;
        let (tag, behind) = rest.split_at(size.min(rest.len()));
        out.extend_from_slice(tag);
        rest = behind;
    }
    sounds.for_each(|time| out.extend(sound_tag(time)));
    out
}

/// A tag of FLV with one packet of sound.
fn sound_tag(milliseconds: usize) -> Vec<u8> {
    const SOUND: u8 = 8;
    // Uncompressed, 11 kHz, 8 bits, one channel.
    const KIND: u8 = 3 << 4 | 1 << 2;
    let size = (SAMPLES as u32 + 1).to_be_bytes();
    let time = (milliseconds as u32).to_be_bytes();
    let mut tag = vec![SOUND, size[1], size[2], size[3], time[1], time[2], time[3], time[0], 0, 0, 0, KIND];
    tag.resize(tag.len() + SAMPLES, SILENT);
    tag.extend((tag.len() as u32).to_be_bytes());
    tag
}

/// An MP4 file with one track of sound.
fn mp4_of_sound() -> Vec<u8> {
    const RATE: u32 = 11025;
    let samples = SECONDS as u32 * RATE;
    let kind = made_box(b"ftyp", &[b"isom\0\0\0\0isom"]);
    let data = made_box(b"mdat", &[&vec![SILENT; samples as usize]]);
    let numbers =
        |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>();
    // Ones in the diagonal, as display matrices have them.
    let matrix = numbers(&[1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30]);

    let entry = [&[0; 6][..], &[0, 1], &[0; 8], &[0, 1, 0, 8, 0, 0, 0, 0], &numbers(&[RATE << 16])].concat();
    let description = made_box(b"stsd", &[&numbers(&[0, 1]), &made_box(b"raw ", &[&entry])]);
    let table = made_box(
        b"stbl",
        &[
            &description,
            &made_box(b"stts", &[&numbers(&[0, 1, samples, 1])]),
            &made_box(b"stsc", &[&numbers(&[0, 1, 1, samples, 1])]),
            &made_box(b"stsz", &[&numbers(&[0, 1, samples])]),
            &made_box(b"stco", &[&numbers(&[0, 1, kind.len() as u32 + 8])]),
        ],
    );
    let here = made_box(b"dref", &[&numbers(&[0, 1]), &made_box(b"url ", &[&numbers(&[1])])]);
    let information =
        made_box(b"minf", &[&made_box(b"smhd", &[&numbers(&[0, 0])]), &made_box(b"dinf", &[&here]), &table]);
    let handler = made_box(b"hdlr", &[&numbers(&[0, 0]), b"soun", &[0; 13]]);
    let media_header = made_box(b"mdhd", &[&numbers(&[0, 0, 0, RATE, samples, 0])]);
    let media = made_box(b"mdia", &[&media_header, &handler, &information]);
    let track_header =
        made_box(b"tkhd", &[&numbers(&[3, 0, 0, 1, 0, samples, 0, 0, 0, 0]), &matrix, &[0; 8]]);
    let track = made_box(b"trak", &[&track_header, &media]);
    let header = numbers(&[0, 0, 0, RATE, samples, 1 << 16, 0, 0, 0]);
    let movie_header = made_box(b"mvhd", &[&header, &matrix, &[0; 24], &numbers(&[2])]);
    [kind, data, made_box(b"moov", &[&movie_header, &track])].concat()
}

/// A box of an MP4 file.
fn made_box(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    [&(content.len() as u32 + 8).to_be_bytes()[..], kind, &content].concat()
}
