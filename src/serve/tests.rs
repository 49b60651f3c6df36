//! The server with a scorer of its own, which does what a file's content says.

use super::jobs::{Document, Scored, VerdictView};
use super::*;
use crate::infer::{self, InferSource};
use crate::progress::Silent;
use serde_json::Value as Json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// `wait` until it is stopped, `panic`, `fail`, or the verdict in words.
struct Told(PrivateFolder);

impl Scorer for Told {
    fn score(
        &self,
        file: &Path,
        name: &str,
        progress: &dyn Progress,
        cancel: &Cancel,
    ) -> Result<Scored, String> {
        let content = std::fs::read_to_string(file).unwrap();
        progress.part(name, 3, 8, "frames");
        match content.as_str() {
            "panic" => panic!("a fault that belongs to this test"),
            "fail" => return Err("no good".to_owned()),
            "wait" => {
                while !cancel.is_requested() {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            _ => {}
        }
        let document = |text: &str| Document::write(&self.0, text).map_err(|error| error.to_string());
        let verdict = VerdictView {
            verdict: None,
            words: content.clone(),
            probability: None,
            score: None,
            reasons: Vec::new(),
        };
        Ok(Scored { verdict, result: document("{}")?, report: Some(document(&content)?) })
    }
}

/// Runs a server while `visit` visits it, and gives what it has done.
fn visited(limits: ServeLimits, visit: impl FnOnce(&Visitor)) -> ServeSummary {
    let (parent, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let told = Told(PrivateFolder::create(other.path()).unwrap());
    let scoring = infer::Config::new("unused".into(), InferSource::Files(Vec::new()));
    let mut config = Config { folder: parent.path().to_owned(), limits, ..Config::new(scoring) };
    config.address.set_port(0);
    let server = Server::listen(config).unwrap();
    let visitor = Visitor { address: server.address() };
    let cancel = Cancel::new();
    let summary = std::thread::scope(|scope| {
        let running = scope.spawn(|| server.run_with(&told, &Silent, &cancel).unwrap());
        let visit = std::panic::catch_unwind(AssertUnwindSafe(|| visit(&visitor)));
        cancel.request();
        let summary = running.join().unwrap();
        visit.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        summary
    });
    assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0, "something is left behind");
    summary
}

struct Visitor {
    address: SocketAddr,
}

impl Visitor {
    /// Sends one request and takes the answer: its status and body.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let host = self.address;
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        );
        self.raw(&(head + body))
    }

    fn raw(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn json(&self, method: &str, path: &str, body: &str) -> (u16, Json) {
        let (status, text) = self.ask(method, path, body);
        (status, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")))
    }

    /// Uploads a content and gives the job's id.
    fn upload(&self, content: &str) -> String {
        let (status, job) = self.json("POST", "/jobs?name=a.mp4", content);
        assert_eq!(status, 201, "{job}");
        job["id"].as_str().unwrap().to_owned()
    }

    /// Waits until a job is in a state.
    fn wait(&self, id: &str, state: &str) -> Json {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let (_, job) = self.json("GET", &format!("/jobs/{id}"), "");
            if job["state"] == state {
                return job;
            }
            assert!(Instant::now() < end, "{job} does not come to {state}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn jobs_are_scored_one_after_the_other_and_a_fault_takes_no_other_with_it() {
    let summary = visited(ServeLimits::default(), |visitor| {
        let running = visitor.upload("wait");
        let [panics, fails, third] = ["panic", "fail", "likely so"].map(|content| visitor.upload(content));
        let job = visitor.wait(&running, "running");
        assert_eq!((&job["frames"]["done"], &job["frames"]["total"]), (&3.into(), &8.into()));
        assert_eq!(visitor.json("GET", &format!("/jobs/{third}"), "").1["ahead"], 3);
        assert_eq!(visitor.ask("GET", &format!("/jobs/{third}/report"), "").0, 409);
        assert_eq!(visitor.ask("DELETE", &format!("/jobs/{running}"), "").0, 204);
        assert_eq!(visitor.ask("GET", &format!("/jobs/{running}"), "").0, 404);
        let job = visitor.wait(&third, "done");
        assert_eq!(job["words"], "likely so");
        assert_eq!(visitor.ask("GET", job["report"].as_str().unwrap(), ""), (200, "likely so".to_owned()));
        assert_eq!(visitor.wait(&fails, "failed")["error"], "no good");
        assert!(visitor.wait(&panics, "failed")["error"].as_str().unwrap().contains("fault of the program"));
        let ids: Vec<Json> = visitor.json("GET", "/jobs", "").1["jobs"].as_array().unwrap().clone();
        let ids: Vec<&str> = ids.iter().map(|job| job["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [&panics, &fails, &third], "in their order");
    });
    assert_eq!(summary, ServeSummary { scored: 1, failed: 2, stopped: 1 });
}

#[test]
fn a_queued_job_is_stopped_before_it_begins() {
    let summary = visited(ServeLimits::default(), |visitor| {
        let running = visitor.upload("wait");
        let queued = visitor.upload("likely so");
        assert_eq!(visitor.ask("DELETE", &format!("/jobs/{queued}"), "").0, 204);
        assert_eq!(visitor.ask("DELETE", &format!("/jobs/{queued}"), "").0, 404);
        visitor.ask("DELETE", &format!("/jobs/{running}"), "");
        let last = visitor.upload("done");
        visitor.wait(&last, "done");
    });
    assert_eq!(summary, ServeSummary { scored: 1, failed: 0, stopped: 1 });
}

#[test]
fn uploads_are_bounded_in_size_number_and_sum() {
    let limits = ServeLimits { file: 100, disk: 150, waiting: 3, ..ServeLimits::default() };
    visited(limits, |visitor| {
        let refused = |status: u16, words: &str, answer: (u16, Json)| {
            assert_eq!(answer.0, status, "{}", answer.1);
            assert!(answer.1["error"].as_str().unwrap().contains(words), "{}", answer.1);
        };
        refused(413, "larger", visitor.json("POST", "/jobs", &"x".repeat(101)));
        refused(400, "empty", visitor.json("POST", "/jobs", ""));
        // Without a declared length it is found out on the way.
        let pieces = format!("33\r\n{}\r\n", "x".repeat(0x33)).repeat(2);
        let head = format!("POST /jobs HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", visitor.address);
        let (status, _) = visitor.raw(&format!("{head}Transfer-Encoding: chunked\r\n\r\n{pieces}0\r\n\r\n"));
        assert_eq!(status, 413);
        let form =
            format!("{head}Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 3\r\n\r\n--x");
        assert_eq!(visitor.raw(&form).0, 415);
        let running = visitor.upload("wait");
        visitor.upload(&"x".repeat(90));
        refused(507, "no room", visitor.json("POST", "/jobs", &"x".repeat(70)));
        visitor.upload("third");
        refused(503, "too many", visitor.json("POST", "/jobs", "fourth"));
        visitor.ask("DELETE", &format!("/jobs/{running}"), "");
        let last = (0..100).find_map(|_| {
            std::thread::sleep(Duration::from_millis(20));
            let (status, job) = visitor.json("POST", "/jobs", "last");
            (status == 201).then(|| job["id"].as_str().unwrap().to_owned())
        });
        visitor.wait(&last.unwrap(), "done");
    });
}

#[test]
fn slow_and_broken_uploads_are_given_up() {
    let limits = ServeLimits { seconds: 1, waiting: 1, ..ServeLimits::default() };
    visited(limits, |visitor| {
        let head = format!(
            "POST /jobs HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n",
            visitor.address
        );
        let mut broken = TcpStream::connect(visitor.address).unwrap();
        broken.write_all((head.clone() + "a part").as_bytes()).unwrap();
        drop(broken);
        let since = Instant::now();
        let (status, said) = loop {
            // The broken one gives its place back as soon as it is noticed.
            let answer = visitor.raw(&(head.clone() + "slow"));
            if answer.0 != 503 {
                break answer;
            }
        };
        assert_eq!(status, 408, "{said}");
        assert!(since.elapsed() < Duration::from_secs(10), "{said}");
        let id = visitor.upload("there is room again");
        visitor.wait(&id, "done");
    });
}

#[test]
fn of_many_results_the_oldest_goes() {
    let limits = ServeLimits { kept: 2, ..ServeLimits::default() };
    visited(limits, |visitor| {
        let ids = ["one", "two", "three"].map(|content| visitor.upload(content));
        visitor.wait(&ids[2], "done");
        assert_eq!(visitor.ask("GET", &format!("/jobs/{}", ids[0]), "").0, 404);
        visitor.wait(&ids[1], "done");
    });
}

#[test]
fn an_end_comes_at_once_and_stops_what_runs() {
    let summary = visited(ServeLimits::default(), |visitor| {
        let running = visitor.upload("wait");
        visitor.upload("never begun");
        visitor.wait(&running, "running");
    });
    assert_eq!(summary, ServeSummary { scored: 0, failed: 0, stopped: 1 });
}

#[test]
fn an_address_for_others_needs_a_token_and_a_taken_one_is_told() {
    let scoring = infer::Config::new("unused".into(), InferSource::Files(Vec::new()));
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config { folder: folder.path().to_owned(), ..Config::new(scoring) };
    config.address = "0.0.0.0:0".parse().unwrap();
    let error = Server::listen(config.clone()).map(drop).unwrap_err();
    assert!(matches!(error, crate::Error::Serve(ServeError::TokenNeeded { .. })), "{error}");
    config.address = "127.0.0.1:0".parse().unwrap();
    config.token = Some(Token::chosen("correct-horse-battery").unwrap());
    let first = Server::listen(config.clone()).unwrap();
    assert_eq!(first.link(), format!("http://{}/?token=correct-horse-battery", first.address()));
    config.address = first.address();
    let error = Server::listen(config).map(drop).unwrap_err();
    assert!(matches!(error, crate::Error::Serve(ServeError::Address { .. })), "{error}");
}
