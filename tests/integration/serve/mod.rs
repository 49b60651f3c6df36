//! `sbi serve`, as programs and browsers see it.

/// In a browser, as people see it.
mod people;
/// Through HTTP, as programs see it.
mod programs;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, ChildStdout};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::made;
use crate::support::{Done, Place};

const PATIENCE: Duration = Duration::from_secs(120);
/// Frames of a video that is looked at 90 times: long enough to be stopped in the middle.
const LONG: usize = 90 * 25;

/// A running server; it is killed with this value, unless it was ended before.
struct Server {
    child: Child,
    /// `127.0.0.1:PORT`
    address: String,
    /// The link that was printed.
    link: String,
    stdout: BufReader<ChildStdout>,
    stderr: Option<ChildStderr>,
}

impl Server {
    /// Starts a server in a place; uploads go to its folder `temp`.
    fn start(place: &Place, options: &str) -> Server {
        Server::start_with(place, options, &[])
    }

    fn start_with(place: &Place, options: &str, variables: &[(&str, &str)]) -> Server {
        std::fs::create_dir_all(place.path("temp")).unwrap();
        let arguments = format!("serve -w weights/sbi.tar --threshold 0.5 --port 0 --temp temp {options}");
        let mut command = place.command(&arguments);
        command.envs(variables.iter().copied()).stdout(std::process::Stdio::piped());
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = child.stderr.take();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let Some(link) = line.split(' ').find(|word| word.starts_with("http://")) else {
            let mut said = String::new();
            stderr.unwrap().read_to_string(&mut said).unwrap();
            panic!("sbi {arguments}: {line:?} {said}");
        };
        let address = link["http://".len()..].split('/').next().unwrap().to_owned();
        Server { child, address, link: link.to_owned(), stdout, stderr }
    }

    /// Sends a signal and waits for the end.
    fn end(mut self, signal: i32) -> Done {
        // SAFETY: a plain system call; the child has not been waited for, so the number is still its own.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "the server does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        self.stdout.read_to_end(&mut stdout).unwrap();
        self.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
        let status = self.child.wait().unwrap();
        Done::from_output("serve", std::process::Output { status, stdout, stderr })
    }

    fn ask(&self, method: &str, path: &str) -> Answer {
        self.send(method, path, &[], b"")
    }

    /// Sends a request with these headers, `Host` if none is among them, and takes the answer.
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = self.head(method, path, headers, body.len());
        // A refusal may come while the body is still being sent.
        let _ = stream.write_all(body);
        Answer::read(stream)
    }

    /// Opens a connection and sends the head of a request.
    fn head(&self, method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            head += &format!("Host: {}\r\n", self.address);
        }
        headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        stream.write_all((head + "\r\n").as_bytes()).unwrap();
        stream
    }

    /// Uploads a file of the place under a name that is already fit for an address; gives the job.
    #[track_caller]
    fn upload(&self, place: &Place, file: &str, name: &str) -> Json {
        let content = std::fs::read(place.path(file)).unwrap();
        let answer = self.send("POST", &format!("/jobs?name={name}"), &[], &content);
        assert_eq!(answer.status, 201, "{answer:?}");
        let job = answer.json();
        assert_eq!(answer.header("location"), Some(format!("/jobs/{}", id(&job)).as_str()));
        job
    }

    /// Waits until a job is in one of these states.
    #[track_caller]
    fn wait(&self, id: &str, states: &[&str]) -> Json {
        let end = Instant::now() + PATIENCE;
        loop {
            let job = self.ask("GET", &format!("/jobs/{id}")).json();
            if states.iter().any(|state| job["state"] == *state) {
                return job;
            }
            assert!(Instant::now() < end, "{job} does not come to {states:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until the server has so many jobs: the page does not wait for its answer when it stops one.
    fn comes_to_jobs(&self, count: usize) {
        let since = Instant::now();
        while self.jobs().len() != count {
            assert!(since.elapsed() < Duration::from_secs(60), "{:?}", self.jobs());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn jobs(&self) -> Vec<Json> {
        self.ask("GET", "/jobs").json()["jobs"].as_array().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: String,
    body: String,
}

impl Answer {
    #[track_caller]
    fn read(mut stream: TcpStream) -> Answer {
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let Some((headers, body)) = text.split_once("\r\n\r\n") else {
            panic!("no answer: {read:?} {text:?}")
        };
        let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, headers: headers.to_owned(), body: body.to_owned() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.headers.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    #[track_caller]
    fn json(&self) -> Json {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Asserts that it is a refusal with this status, whose sentence holds `words`.
    #[track_caller]
    fn refused(&self, status: u16, words: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.json()["error"].as_str().unwrap().contains(words), "{self:?}");
    }
}

fn id(job: &Json) -> &str {
    job["id"].as_str().unwrap()
}

/// A place with a video of a minute and a half.
fn place_with_long_video() -> Place {
    let place = Place::new();
    made::video(&place.path("long.mp4"), LONG, |frame| made::portrait(3, frame));
    place
}

/// The names of everything in the folder for uploads, also in the server's own folder.
fn left(place: &Place) -> Vec<String> {
    let mut names = Vec::new();
    for folder in place.names("temp") {
        let inside = place.names(&format!("temp/{folder}"));
        names.extend(inside.into_iter().map(|name| format!("{folder}/{name}")));
        names.push(folder);
    }
    names
}
