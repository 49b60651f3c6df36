//! The interface for programs, and what it refuses.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::{Server, id, left, place_with_long_video};
use crate::support::{Place, assert_same_scores};

#[test]
fn an_upload_is_scored_as_infer_scores_it_and_its_result_can_be_verified() {
    let place = Place::new();
    place.copy("face0.mp4", "mine/face 0.mp4");
    let server = Server::start(&place, "");
    let job = server.upload(&place, "mine/face 0.mp4", "face%200.mp4");
    assert_eq!(job["name"], "face 0.mp4");
    let done = server.wait(id(&job), &["done", "failed"]);
    assert_eq!(done["state"], "done", "{done}");
    assert_eq!(done["frames"]["done"], 12);
    assert!(done["seconds"].as_f64().unwrap() > 0.0 && done["score"].is_f64(), "{done}");

    let result = server.ask("GET", done["result"].as_str().unwrap());
    place.write("served.json", &result.body);
    place.sbi("infer -w weights/sbi.tar --threshold 0.5 -i mine --json infer.json").code(0);
    let (served, mut inferred) = (place.json("served.json"), place.json("infer.json"));
    assert_eq!(served["videos"][0]["path"], "face 0.mp4");
    inferred["videos"][0]["path"] = "face 0.mp4".into();
    assert_same_scores(&served, &inferred);
    for key in ["verdict", "reasons", "persons", "sampling"] {
        assert_eq!(served["videos"][0][key], inferred["videos"][0][key], "{key}");
    }
    assert_eq!(done["verdict"], served["videos"][0]["verdict"]);
    assert!(!result.body.contains("sbi-serve-"), "the private folder is nobody's matter: {}", result.body);
    place.sbi("verify served.json --files mine").code(0).tells(&["verified"]);

    let report = server.ask("GET", done["report"].as_str().unwrap());
    assert!(report.body.contains("face 0.mp4"), "{report:?}");
    assert!(report.body.contains(done["words"].as_str().unwrap()), "{report:?}");
    assert!(report.header("content-security-policy").unwrap().starts_with("sandbox"), "{report:?}");
    assert_eq!(report.header("content-disposition"), None);
    let saved = server.ask("GET", &format!("{}?save", done["report"].as_str().unwrap()));
    let disposition = saved.header("content-disposition").unwrap();
    assert_eq!(disposition, "attachment; filename*=UTF-8''face%200.mp4.report.html");
    assert_eq!(saved.body, report.body);

    assert_eq!(server.ask("DELETE", &format!("/jobs/{}", id(&job))).status, 204);
    server.ask("GET", done["report"].as_str().unwrap()).refused(404, "no such job");
    assert_eq!(server.jobs(), [] as [Json; 0]);
}

#[test]
fn signals_end_it_cleanly_whatever_runs() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let place = place_with_long_video();
        let server = Server::start(&place, "");
        let job = server.upload(&place, "long.mp4", "long.mp4");
        server.upload(&place, "long.mp4", "second.mp4");
        server.wait(id(&job), &["running"]);
        let since = Instant::now();
        let done = server.end(signal).code(0);
        assert!(since.elapsed() < Duration::from_secs(20), "{:?} {done}", since.elapsed());
        assert!(done.stderr.contains("0 files scored, 0 failed, 1 stopped"), "{done}");
        assert_eq!(left(&place), [""; 0]);
    }
}

#[test]
fn a_killed_server_leaves_no_upload_and_the_next_one_cleans_up() {
    let place = place_with_long_video();
    let server = Server::start(&place, "");
    let job = server.upload(&place, "long.mp4", "long.mp4");
    server.wait(id(&job), &["running"]);
    let mut half = server.head("POST", "/jobs?name=half.mp4", &[], 1 << 20);
    half.write_all(&[7; 4096]).unwrap();
    server.end(libc::SIGKILL);
    let names = left(&place);
    assert!(!names.is_empty());
    for name in names {
        let left = place.path(&format!("temp/{name}"));
        let kind = std::fs::symlink_metadata(&left).unwrap();
        assert!(!kind.is_file() || kind.len() == 0, "{name} holds something");
        // A link to whatever its reader has open under a number, which is no file of the dead server.
        let own = |to: PathBuf| to.starts_with("/proc/self/fd");
        assert!(!kind.is_symlink() || std::fs::read_link(&left).is_ok_and(own), "{name} leads to a file");
    }
    let next = Server::start(&place, "");
    assert_eq!(place.names("temp").len(), 1, "its own folder alone");
    next.end(libc::SIGTERM).code(0);
    assert_eq!(left(&place), [""; 0]);
}

#[test]
fn foreign_names_and_other_web_sites_are_refused() {
    let place = Place::new();
    let server = Server::start(&place, "");
    let own = format!("http://{}", server.address);
    server.send("GET", "/", &[("Host", "evil.example")], b"").refused(421, "another name");
    server.send("POST", "/jobs", &[("Host", "evil.example:80")], b"x").refused(421, "another name");
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1"] {
        server.send("POST", "/jobs", &[("Origin", origin)], b"x").refused(403, "other web sites");
        server.send("DELETE", "/jobs/1", &[("Origin", origin)], b"").refused(403, "other web sites");
    }
    server.send("GET", "/jobs", &[("Sec-Fetch-Site", "cross-site")], b"").refused(403, "other web sites");
    assert_eq!(server.jobs(), [] as [Json; 0]);
    assert_eq!(server.send("POST", "/jobs", &[("Origin", &own)], b"x").status, 201);
    let page = server.ask("GET", "/");
    for (header, part) in [
        ("content-security-policy", "default-src 'none'"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        assert!(page.header(header).is_some_and(|value| value.contains(part)), "{header}: {page:?}");
    }
    assert!(page.header("access-control-allow-origin").is_none(), "{page:?}");
    server.ask("GET", "/../../etc/passwd").refused(404, "nothing at this address");
    server.ask("PUT", "/jobs").refused(405, "not used in this way");
}

#[test]
fn with_a_token_only_those_who_know_it_are_let_in() {
    const TOKEN: &str = "correct-horse-battery-staple";
    let place = Place::new();
    let server = Server::start_with(&place, "", &[("SBI_SERVE_TOKEN", TOKEN)]);
    assert!(server.link.ends_with(&format!("/?token={TOKEN}")), "{}", server.link);
    server.ask("GET", "/jobs").refused(401, "a token is needed");
    server.send("POST", "/jobs", &[], b"x").refused(401, "a token is needed");
    server.send("GET", "/jobs", &[("Authorization", "Bearer wrong")], b"").refused(401, "a token is needed");
    let form = server.ask("GET", "/?token=wrong");
    assert!(form.status == 401 && form.body.contains("That was not the token"), "{form:?}");
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(server.send("GET", "/jobs", &[("Authorization", &bearer)], b"").status, 200);
    let entry = server.ask("GET", &format!("/?token={TOKEN}"));
    assert_eq!((entry.status, entry.header("location")), (303, Some("/")));
    let cookie = entry.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    assert!(server.send("GET", "/", &[("Cookie", cookie)], b"").body.contains("forged"));

    // Made where none is chosen; other addresses have one in any case.
    for options in ["--token", "--listen 0.0.0.0"] {
        let server = Server::start(&place, options);
        let (_, token) = server.link.split_once("/?token=").unwrap();
        assert_eq!(token.trim().len(), 32, "{}", server.link);
    }
    let mut command = place.command("serve -w weights/sbi.tar --port 0");
    command.env("SBI_SERVE_TOKEN", "short");
    crate::support::Done::of("serve", command).refused(&["can be guessed", "SBI_SERVE_TOKEN"]);
}

#[test]
fn what_is_no_video_or_too_large_or_cut_off_gives_no_result() {
    let place = Place::new();
    place.write("notes.txt", "These are only words.\n".repeat(50));
    let server = Server::start(&place, "--max-upload 1");
    let job = server.upload(&place, "notes.txt", "notes.txt");
    let failed = server.wait(id(&job), &["failed", "done"]);
    assert_eq!(failed["state"], "failed", "{failed}");
    let error = failed["error"].as_str().unwrap();
    assert!(error.contains("cannot be read") && !error.contains("temp/"), "{error}");
    server.ask("GET", &format!("/jobs/{}/report", id(&job))).refused(409, "failed");
    server.send("POST", "/jobs?name=big.mp4", &[], &vec![0; (1 << 20) + 1]).refused(413, "larger");
    let mut aborted = server.head("POST", "/jobs?name=cut.mp4", &[], 1 << 20);
    aborted.write_all(&[7; 65536]).unwrap();
    drop(aborted);
    let form = [("Content-Type", "multipart/form-data; boundary=b")];
    server.send("POST", "/jobs", &form, b"--b--").refused(415, "not a form");
    assert_eq!(server.jobs().len(), 1, "only the text file was taken");
    server.end(libc::SIGTERM).code(0);
    assert_eq!(left(&place), [""; 0]);
}

#[test]
fn a_hostile_name_becomes_neither_a_path_nor_markup() {
    let place = Place::new();
    place.copy("face1.mp4", "face1.mp4");
    let server = Server::start(&place, "");
    let name = "..%2F..%2Fescaped%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%0A%E2%80%AE.mp4";
    let job = server.upload(&place, "face1.mp4", name);
    assert_eq!(job["name"], "escaped<img src=x onerror=alert(1)>\u{FFFD}\u{FFFD}.mp4");
    let done = server.wait(id(&job), &["done", "failed"]);
    assert_eq!(done["state"], "done", "{done}");
    let report = server.ask("GET", done["report"].as_str().unwrap()).body;
    assert!(report.contains("escaped") && !report.contains("<img src=x"), "{report}");
    let ended = server.end(libc::SIGTERM).code(0);
    assert!(!ended.stderr.contains('\u{202E}'), "{ended}");
    assert!(!place.path("escaped").exists() && place.names("temp").is_empty());
}

#[test]
fn a_running_job_is_stopped_and_the_next_one_begins() {
    let place = place_with_long_video();
    place.copy("face2.mp4", "face2.mp4");
    let server = Server::start(&place, "");
    let first = server.upload(&place, "long.mp4", "first.mp4");
    let second = server.upload(&place, "long.mp4", "second.mp4");
    let third = server.upload(&place, "face2.mp4", "third.mp4");
    let running = server.wait(id(&first), &["running"]);
    assert!(running["frames"]["done"].is_u64(), "{running}");
    assert_eq!(server.ask("DELETE", &format!("/jobs/{}", id(&second))).status, 204);
    assert_eq!(server.ask("DELETE", &format!("/jobs/{}", id(&first))).status, 204);
    server.wait(id(&third), &["done"]);
    assert_eq!(server.jobs().len(), 1);
    let ended = server.end(libc::SIGTERM).code(0);
    assert!(ended.stderr.contains("1 files scored, 0 failed, 1 stopped"), "{ended}");
}

#[test]
fn what_keeps_it_from_starting_is_told_at_once() {
    let place = Place::new();
    let server = Server::start(&place, "");
    let port = server.address.split(':').next_back().unwrap();
    place.sbi(&format!("serve -w weights/sbi.tar --port {port}")).refused(&["cannot listen here", "--port"]);
    place.sbi("serve -w weights/absent.tar --port 0").refused(&["weights/absent.tar"]);
    place.sbi("serve -w weights/sbi.tar --port 0 --temp nowhere").refused(&["nowhere", "--temp"]);
    place.sbi("serve --port 70000").misused(&["70000"]);
}
