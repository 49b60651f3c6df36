//! A real browser without a window, for tests of pages: opens files and addresses, remembers every console message and
//! every request, looks at the page at several sizes and in both colour schemes, prints it, gives it files.
//!
//! Chromium is spoken to in its own protocol (DevTools), over two pipes: no driver, no port, no crate. A test begins with
//!
//! ```ignore
//! let Some(page) = browser::open(&path) else { return };
//! page.looks_right("report of a file");
//! assert_eq!(page.messages(), [""; 0]);
//! ```
//!
//! `None` means that there is no browser here: the test is skipped with a line that is always seen, and fails under
//! continuous integration. With `SBI_SCREENSHOTS=DIR` every view that is checked is written there, for people to look at.

mod checks;
mod page;
mod pipe;
mod tests;

pub use page::{Page, Scheme};

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::testing::missing;

/// Where distributions put the browser, the first one that is there is taken; `SBI_BROWSER` names another.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Opens a page that lies in a file.
pub fn open(file: &Path) -> Option<Page> {
    let whole = file.canonicalize().unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    open_address(&format!("file://{}", in_address(&whole)))
}

/// Opens the page at an address, such as `http://127.0.0.1:8000/`, and waits until it is loaded.
pub fn open_address(address: &str) -> Option<Page> {
    let page = Page::start(&executable()?);
    page.go(address);
    Some(page)
}

fn executable() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("SBI_BROWSER") {
        return Some(named.into());
    }
    let path: OsString = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let candidates = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = candidates.into_iter().find(|candidate| candidate.is_file());
    if found.is_none() {
        missing("no browser is installed, scripts/setup.sh --browser installs Chromium");
    }
    found
}

/// A path as part of an address.
fn in_address(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    bytes
        .map(|&byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
