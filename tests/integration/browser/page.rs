//! What a test does with a page.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value as Json, json};

use super::pipe::{PATIENCE, Pipe};

/// A page in a browser of its own.
pub struct Page {
    state: RefCell<State>,
}

struct State {
    pipe: Pipe,
    messages: Vec<String>,
    requests: Vec<String>,
    loaded: bool,
}

/// The colours that a reader prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Light,
    Dark,
}

impl Page {
    pub(super) fn start(executable: &Path) -> Page {
        let mut pipe = Pipe::start(executable);
        for domain in ["Page", "Runtime", "Log", "Network", "DOM", "Accessibility"] {
            pipe.ask(&format!("{domain}.enable"), json!({}));
        }
        let state = State { pipe, messages: Vec::new(), requests: Vec::new(), loaded: false };
        Page { state: RefCell::new(state) }
    }

    /// Opens another address and waits until it is loaded.
    #[track_caller]
    pub fn go(&self, address: &str) {
        let mut state = self.state.borrow_mut();
        state.loaded = false;
        let answer = state.ask("Page.navigate", json!({ "url": address }));
        assert!(answer["errorText"].is_null(), "{address}: {}", answer["errorText"]);
        let end = Instant::now() + PATIENCE;
        while !state.loaded {
            assert!(state.take_event(end), "{address} does not finish loading");
        }
    }

    /// Loads the same address once more.
    pub fn reload(&self) {
        let address = self.evaluate("location.href");
        self.go(address.as_str().unwrap());
    }

    /// Everything so far that a developer would see in the console: messages, uncaught errors, what a policy forbade, what
    /// could not be loaded.
    pub fn messages(&self) -> Vec<String> {
        self.settle();
        self.state.borrow().messages.clone()
    }

    /// The addresses of all requests so far, in order, the page's own among them; not those that carry their data with them.
    pub fn requests(&self) -> Vec<String> {
        self.settle();
        self.state.borrow().requests.clone()
    }

    /// What an expression of JavaScript comes to; a promise is waited for.
    #[track_caller]
    pub fn evaluate(&self, expression: &str) -> Json {
        let order = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.ask("Runtime.evaluate", order);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].take()
    }

    /// Waits until an expression of JavaScript comes to something true, and gives it.
    #[track_caller]
    pub fn wait_for(&self, expression: &str) -> Json {
        let end = Instant::now() + PATIENCE * 2;
        loop {
            let value = self.evaluate(expression);
            let is_true = !matches!(value, Json::Null | Json::Bool(false)) && value != "" && value != 0;
            if is_true {
                return value;
            }
            assert!(Instant::now() < end, "{expression} does not come true; the page shows\n{}", self.text());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The text that a reader sees.
    pub fn text(&self) -> String {
        self.evaluate("document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// Looks at the page in a window this wide, in these colours.
    pub fn view(&self, width: usize, scheme: Scheme) {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", metrics);
        let value = match scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let feature = json!({ "name": "prefers-color-scheme", "value": value });
        self.ask("Emulation.setEmulatedMedia", json!({ "features": [feature] }));
    }

    /// The whole page, also what is below the window, as a PNG.
    pub fn screenshot(&self) -> Vec<u8> {
        let size = &self.ask("Page.getLayoutMetrics", json!({}))["cssContentSize"];
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        let order = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        decoded(&self.ask("Page.captureScreenshot", order)["data"])
    }

    /// The page as it is printed, a PDF.
    pub fn pdf(&self) -> Vec<u8> {
        decoded(&self.ask("Page.printToPDF", json!({ "printBackground": false }))["data"])
    }

    /// Chooses files in a file input, as its dialog would.
    #[track_caller]
    pub fn choose_files(&self, selector: &str, files: &[PathBuf]) {
        let document = self.ask("DOM.getDocument", json!({}));
        let query = json!({ "nodeId": document["root"]["nodeId"], "selector": selector });
        let node = self.ask("DOM.querySelector", query)["nodeId"].take();
        assert_ne!(node, 0, "there is no {selector}");
        self.ask("DOM.setFileInputFiles", json!({ "nodeId": node, "files": files }));
    }

    /// Drags files from outside over an element and lets them go there.
    #[track_caller]
    pub fn drop_files(&self, selector: &str, files: &[PathBuf]) {
        let (x, y) = self.middle(selector);
        let data = json!({ "items": [], "files": files, "dragOperationsMask": 1 });
        for kind in ["dragEnter", "dragOver", "drop"] {
            self.ask("Input.dispatchDragEvent", json!({ "type": kind, "x": x, "y": y, "data": data }));
        }
    }

    /// Clicks on an element with the mouse.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        let (x, y) = self.middle(selector);
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.ask("Input.dispatchMouseEvent", event);
        }
    }

    /// Presses a key: `Tab`, `Enter`, `Escape` or ` `.
    pub fn press(&self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            " " => (32, " "),
            _ => panic!("no such key here: {key}"),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = text.into();
            }
            self.ask("Input.dispatchKeyEvent", event);
        }
    }

    /// Gives an order of the browser's protocol.
    #[track_caller]
    pub(super) fn ask(&self, method: &str, parameters: Json) -> Json {
        self.state.borrow_mut().ask(method, parameters)
    }

    /// The middle of an element, brought into view.
    #[track_caller]
    fn middle(&self, selector: &str) -> (f64, f64) {
        let quoted = Json::from(selector);
        let place = self.evaluate(&format!(
            "(() => {{ const element = document.querySelector({quoted}); if (!element) return null;
               element.scrollIntoView({{ block: 'center', behavior: 'instant' }});
               const box = element.getBoundingClientRect();
               return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        ));
        assert!(place.is_array(), "there is no {selector}; the page shows\n{}", self.text());
        (place[0].as_f64().unwrap(), place[1].as_f64().unwrap())
    }

    /// Lets what is under way come in: an answer comes after all that happened before it.
    fn settle(&self) {
        // Two frames, after which a changed style has been applied and what it needs asked for.
        self.evaluate("new Promise(done => setTimeout(() => setTimeout(done, 50), 50))");
        let mut state = self.state.borrow_mut();
        while state.take_event(Instant::now()) {}
    }
}

impl State {
    #[track_caller]
    fn ask(&mut self, method: &str, parameters: Json) -> Json {
        self.pipe.ask(method, parameters)
    }

    /// Takes note of the next event; whether one came before `end`.
    fn take_event(&mut self, end: Instant) -> bool {
        let Some(event) = self.pipe.event(end) else { return false };
        let of = &event["params"];
        match event["method"].as_str().unwrap_or_default() {
            "Page.loadEventFired" => self.loaded = true,
            "Network.requestWillBeSent" => {
                let address = of["request"]["url"].as_str().unwrap_or_default();
                if !address.starts_with("data:") && !address.starts_with("blob:") {
                    self.requests.push(address.to_owned());
                }
            }
            "Runtime.consoleAPICalled" => {
                let words = of["args"].as_array().into_iter().flatten().map(|word| {
                    let said =
                        [&word["value"], &word["description"]].into_iter().find(|said| !said.is_null());
                    said.map_or(String::new(), |said| said.as_str().map_or(said.to_string(), str::to_owned))
                });
                let words: Vec<String> = words.collect();
                self.messages.push(format!("{}: {}", of["type"].as_str().unwrap_or("?"), words.join(" ")));
            }
            "Runtime.exceptionThrown" => {
                let details = &of["exceptionDetails"];
                let what = details["exception"]["description"].as_str().or(details["text"].as_str());
                self.messages.push(format!("exception: {}", what.unwrap_or("?")));
            }
            "Log.entryAdded" => {
                let entry = &of["entry"];
                let text = |name: &str| entry[name].as_str().unwrap_or_default();
                self.messages.push(format!("{}: {} {}", text("level"), text("text"), text("url")));
            }
            _ => {}
        }
        true
    }
}

#[track_caller]
fn decoded(data: &Json) -> Vec<u8> {
    BASE64.decode(data.as_str().unwrap()).unwrap()
}
