//! Texts that are lists of other files and pretend to be videos, with a real video beside them that must not be found;
//! and names that mean something to FFmpeg or a shell.

use std::fs;
use std::path::Path;

use super::Result;

/// Names of copies of the plain video.
const NAMES: [&str; 14] = [
    "12:30:05.mp4",
    "2024-11-14T22:57:44+02:00.mp4",
    "clip%03d.mp4",
    "100% real.mp4",
    "-dash.mp4",
    "a?b&c=1.mp4",
    "file:weird.mp4",
    "http:movie.mp4",
    "ünïcødé 人脸 😀.mp4",
    "quote's \"q\".mp4",
    " leading and trailing .mp4",
    "new\nline.mp4",
    "concat:a.mp4|b.mp4",
    "pipe:0.mp4",
];
/// Length of the longest name, without its extension.
const LONG: usize = 240;
/// How often the long list names the same file.
const MANY: usize = 10_000;

pub fn write(folder: &Path) -> Result<()> {
    let plain = folder.join("plain.mp4");
    let hidden = folder.join("hidden");
    fs::create_dir_all(&hidden)?;
    fs::copy(&plain, hidden.join("secret.mp4"))?;
    fs::copy(folder.join("plain.ts"), hidden.join("secret.ts"))?;
    let absolute = fs::canonicalize(hidden.join("secret.ts"))?.display().to_string();
    let line = "file hidden/secret.mp4\n";
    let lists = [
        ("hls", hls("hidden/secret.ts")),
        ("hls_absolute", hls(&absolute)),
        ("hls_http", hls("http://127.0.0.1:9/x.ts")),
        ("concat", format!("ffconcat version 1.0\n{line}")),
        ("concat_10000", format!("ffconcat version 1.0\n{}", line.repeat(MANY))),
        ("sdp", SDP.to_owned()),
        ("dash", DASH.to_owned()),
    ];
    for (name, text) in lists {
        fs::write(folder.join(format!("list_{name}.mp4")), text)?;
    }
    for name in NAMES {
        fs::copy(&plain, folder.join(name))?;
    }
    fs::copy(&plain, folder.join("x".repeat(LONG) + ".mp4"))?;
    Ok(())
}

fn hls(target: &str) -> String {
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10.0,\n{target}\n#EXT-X-ENDLIST\n")
}

const SDP: &str = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n";

const DASH: &str = concat!(
    r#"<?xml version="1.0"?>"#,
    "\n",
    r#"<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S""#,
    r#" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="video/mp4">"#,
    r#"<Representation id="1" bandwidth="1" width="320" height="240"><BaseURL>hidden/secret.mp4</BaseURL>"#,
    "</Representation></AdaptationSet></Period></MPD>\n",
);
