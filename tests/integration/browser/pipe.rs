//! Messages to and from a browser: objects of JSON, each ended by a zero byte, over a pipe in each direction.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

/// Beyond what any step takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The browser reads orders from descriptor 3 and writes answers to descriptor 4; what it prints itself goes nowhere.
const REDIRECTED: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#;

/// A browser of a test's own, with an empty profile; it ends with this value.
pub struct Pipe {
    child: Child,
    orders: ChildStdin,
    answers: Receiver<Json>,
    /// The page's session, once there is one.
    session: Option<String>,
    /// Number of the last order.
    last: u64,
    /// What happened and was not yet looked at.
    events: VecDeque<Json>,
    // Removed after the browser has ended: fields are dropped in this order, after `drop`.
    _profile: tempfile::TempDir,
}

impl Pipe {
    /// Starts a browser and opens an empty page in it.
    pub fn start(executable: &Path) -> Pipe {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", REDIRECTED]).arg(executable);
        command.args(["--headless", "--remote-debugging-pipe", "--disable-gpu", "--hide-scrollbars"]);
        command.args(["--no-first-run", "--disable-background-networking", "--disable-component-update"]);
        command.args(["--disable-sync", "--disable-breakpad", "--disable-dev-shm-usage", "--lang=en"]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        if rustix::process::geteuid().is_root() {
            // Its sandbox refuses to work for root, who is the user in containers.
            command.arg("--no-sandbox");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (orders, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(stdout).split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).unwrap();
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let events = VecDeque::new();
        let mut pipe = Pipe { child, orders, answers, session: None, last: 0, events, _profile: profile };
        let target = pipe.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = pipe.ask("Target.attachToTarget", attach);
        pipe.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        pipe
    }

    /// Gives an order and waits for its answer, which must not be an error.
    #[track_caller]
    pub fn ask(&mut self, method: &str, parameters: Json) -> Json {
        self.last += 1;
        let number = self.last;
        let mut order = json!({ "id": number, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            order["sessionId"] = session.as_str().into();
        }
        let mut line = order.to_string().into_bytes();
        line.push(0);
        self.orders.write_all(&line).unwrap();
        let end = Instant::now() + PATIENCE;
        loop {
            let Some(mut message) = self.next(end) else { panic!("the browser does not answer {order}") };
            if message["id"] == number {
                assert!(message["error"].is_null(), "{order} failed: {}", message["error"]);
                return message["result"].take();
            }
            self.events.push_back(message);
        }
    }

    /// The next event; `None` where none comes before `end`.
    pub fn event(&mut self, end: Instant) -> Option<Json> {
        self.events.pop_front().or_else(|| self.next(end))
    }

    fn next(&mut self, end: Instant) -> Option<Json> {
        match self.answers.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("the browser has ended"),
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // It closes its other processes itself when it is asked to; then nothing writes to the profile any more.
        let mut close = json!({ "id": 0, "method": "Browser.close" }).to_string().into_bytes();
        close.push(0);
        let _ = self.orders.write_all(&close);
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
