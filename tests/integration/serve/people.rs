//! The page in a browser.

use std::path::PathBuf;

use serde_json::Value as Json;

use super::{Server, id, place_with_long_video};
use crate::browser::{self, Page};
use crate::support::Place;

/// An expression that is true once so many files have a verdict or an error.
fn ended(count: usize) -> String {
    format!("document.querySelectorAll('#jobs .verdict').length == {count}")
}

/// Asserts that the page asked nobody but its server, and that nothing went wrong in it.
#[track_caller]
fn assert_calm(page: &Page, server: &Server) {
    assert_eq!(page.messages(), [""; 0]);
    let own = format!("http://{}/", server.address);
    let foreign: Vec<String> =
        page.requests().into_iter().filter(|request| !request.starts_with(&own)).collect();
    assert_eq!(foreign, [""; 0]);
}

fn row(page: &Page, number: usize) -> String {
    let text = page.evaluate(&format!("document.querySelectorAll('#jobs > li')[{number}].innerText"));
    text.as_str().unwrap().to_owned()
}

#[test]
fn two_dropped_files_are_scored_and_their_reports_read() {
    let place = Place::new();
    let files: Vec<PathBuf> = ["face0.mp4", "face1.mp4"].map(|name| place.path(name)).to_vec();
    place.copy("face0.mp4", "face0.mp4");
    place.copy("face1.mp4", "face1.mp4");
    let server = Server::start(&place, "");
    let Some(page) = browser::open_address(&server.link) else { return };
    page.looks_right("serve empty");
    page.drop_files("#drop", &files);
    page.wait_for(&ended(2));
    assert!(
        row(&page, 0).starts_with("face0.mp4") && row(&page, 1).starts_with("face1.mp4"),
        "{}",
        page.text()
    );
    let jobs = server.jobs();
    for job in &jobs {
        // Two are sent at a time: the server may have them in another order.
        let number = usize::from(job["name"] == "face1.mp4");
        assert!(row(&page, number).contains(job["words"].as_str().unwrap()), "{job} {}", row(&page, number));
    }
    // Those who do not see the page are told.
    page.wait_for("element('news').textContent.includes('face1.mp4: ')");
    page.looks_right("serve done");
    assert_calm(&page, &server);

    // What another window sees, and one that is opened anew.
    page.reload();
    page.wait_for(&ended(2));
    // In the order in which the server has them, which need not be that of the drop.
    let first = if row(&page, 0).starts_with("face0.mp4") { "face0.mp4" } else { "face1.mp4" };
    let report = page.evaluate("document.querySelector('#jobs a').href");
    page.click("#jobs > li:last-child button");
    page.wait_for(&ended(1));
    server.comes_to_jobs(1);
    page.go(report.as_str().unwrap());
    assert_eq!(
        page.evaluate("self.origin"),
        "null",
        "a report belongs to nobody, and the server answers it nothing"
    );
    assert!(page.text().contains(first), "{}", page.text());
    page.looks_right("serve report");
    assert_calm(&page, &server);
}

#[test]
fn what_cannot_be_scored_is_told_and_names_stay_text() {
    let place = Place::new();
    let name = "<img src=x onerror=document.title=1>.txt";
    let files = vec![place.write(name, "only words"), place.write("empty.mp4", "")];
    place.write("large.mp4", vec![7; (1 << 20) + 1]);
    let server = Server::start(&place, "--max-upload 1");
    let Some(page) = browser::open_address(&server.link) else { return };
    page.wait_for("limits.max_bytes == 1048576");
    page.choose_files("#files", &[files, vec![place.path("large.mp4")]].concat());
    page.wait_for("[...document.querySelectorAll('#jobs .actions')].filter(actions => actions.innerText == 'Remove').length == 3");
    assert!(row(&page, 0).contains(name) && row(&page, 0).contains("cannot be read"), "{}", row(&page, 0));
    assert!(row(&page, 1).contains("Empty file"), "{}", row(&page, 1));
    assert!(row(&page, 2).contains("Too large: at most 1.0 MB"), "{}", row(&page, 2));
    assert_eq!(page.evaluate("document.querySelectorAll('img').length"), 0);
    page.looks_right("serve failed");
    assert_calm(&page, &server);
    // By the keyboard alone: the buttons follow the files' input.
    page.evaluate("input.focus()");
    for left in [2, 1, 0] {
        page.press("Tab");
        page.evaluate("document.querySelector('#jobs button').focus()");
        page.press("Enter");
        page.wait_for(&format!("document.querySelectorAll('#jobs > li').length == {left}"));
    }
    assert_eq!(page.evaluate("document.activeElement.id"), "files", "the focus is not lost");
}

#[test]
fn progress_is_shown_and_files_are_stopped() {
    let place = place_with_long_video();
    std::fs::copy(place.path("long.mp4"), place.path("longer.mp4")).unwrap();
    let server = Server::start(&place, "");
    let Some(page) = browser::open_address(&server.link) else { return };
    page.choose_files("#files", &[place.path("long.mp4"), place.path("longer.mp4")]);
    let shown = page.wait_for("/Checking: [1-9][0-9]* of 90 frames/.exec(document.body.innerText)?.[0]");
    assert!(shown.is_string(), "{shown}");
    page.keep_view("serve-running");
    assert_eq!(page.evaluate("document.title.startsWith('2 left')"), true);
    page.click("#jobs > li:last-child button");
    page.click("#jobs > li:first-child button");
    page.wait_for(
        "[...document.querySelectorAll('#jobs .state')].every(state => state.textContent == 'Stopped')",
    );
    server.comes_to_jobs(0);
    assert_calm(&page, &server);
}

#[test]
fn a_server_that_is_gone_is_told() {
    let place = Place::new();
    let server = Server::start(&place, "");
    let Some(page) = browser::open_address(&server.link) else { return };
    server.end(libc::SIGKILL);
    page.wait_for("element('trouble').innerText.includes('does not answer')");
    page.looks_right("serve gone");
}

#[test]
fn the_token_is_asked_for_and_remembered() {
    let place = Place::new();
    let server = Server::start(&place, "--token");
    let Some(page) = browser::open_address(&format!("http://{}/", server.address)) else { return };
    assert!(page.text().contains("A token is needed"), "{}", page.text());
    page.looks_right("serve token");
    page.go(&server.link);
    page.wait_for("document.getElementById('files')");
    assert_eq!(page.evaluate("location.search"), "", "the token does not stay in the address");
    page.reload();
    assert!(page.text().contains("Are these faces forged?"), "{}", page.text());
}

#[test]
fn another_web_site_in_the_same_browser_starts_and_reads_nothing() {
    let place = Place::new();
    place.copy("face0.mp4", "face0.mp4");
    let server = Server::start(&place, "");
    let job = server.upload(&place, "face0.mp4", "secret.mp4");
    server.wait(id(&job), &["done"]);
    let attack = format!(
        "<!doctype html><title>Attack</title><iframe src='http://{0}/'></iframe><script>
         const at = 'http://{0}/jobs';
         const tries = [fetch(at, {{ method: 'POST', mode: 'no-cors', body: 'x' }}), fetch(at),
           fetch(at + '/{1}', {{ method: 'DELETE' }}), fetch(at + '/{1}', {{ method: 'DELETE', mode: 'no-cors' }})];
         Promise.allSettled(tries).then(all => all.map(one => one.value?.type ?? 'refused')).then(all => window.all = all);
         </script>",
        server.address,
        id(&job)
    );
    let Some(page) = browser::open(&place.write("attack.html", attack)) else { return };
    let all = page.wait_for("window.all?.join()");
    assert_eq!(all, "refused,refused,refused,refused");
    let names: Vec<Json> = server.jobs().iter().map(|job| job["name"].clone()).collect();
    assert_eq!(names, ["secret.mp4"]);
    let framed = page.messages();
    assert!(framed.iter().any(|message| message.contains("frame")), "{framed:?}");
}
