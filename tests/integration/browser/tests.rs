//! The browser sees what tests of pages rely on.

use crate::browser::{self, Scheme};
use crate::support::Place;

const PAGE: &str = r#"<!doctype html><html lang=en><title>A page</title>
<meta name=viewport content="width=device-width">
<style>:root { color-scheme: light dark } .faint { color: rgb(119 119 119 / .6) } #drop { height: 100px }</style>
<h1>Words</h1><p id=drop>Drop here</p><input type=file multiple aria-label=Files>
<button onclick="said.textContent = 'clicked'">Press</button><p id=said></p>
<script>
  const names = files => said.textContent = [...files].map(file => file.name + ' ' + file.size).join(', ');
  const zone = document.getElementById('drop');
  zone.ondragover = event => event.preventDefault();
  zone.ondrop = event => { event.preventDefault(); names(event.dataTransfer.files); };
  document.querySelector('input').onchange = event => names(event.target.files);
</script>"#;

#[test]
fn messages_errors_and_requests_are_seen() {
    let place = Place::new();
    let file = place.write("a page.html", format!("{PAGE}<img src=absent.png alt=Absent>"));
    let Some(page) = browser::open(&file) else { return };
    page.evaluate("console.warn('careful', 7); setTimeout(() => { throw new Error('broken') }, 0); 1");
    let messages = page.messages();
    for part in ["warning: careful 7", "Error: broken", "absent.png"] {
        assert!(messages.iter().any(|message| message.contains(part)), "{part}: {messages:?}");
    }
    let requests = page.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert!(requests[0].ends_with("/a%20page.html") && requests[1].ends_with("/absent.png"), "{requests:?}");
}

#[test]
fn files_are_chosen_and_dropped_and_buttons_pressed() {
    let place = Place::new();
    let files = [place.write("one.txt", "1"), place.write("two.txt", "22")];
    let Some(page) = browser::open(&place.write("page.html", PAGE)) else { return };
    let said = || page.evaluate("said.textContent");
    page.choose_files("input", &files);
    assert_eq!(said(), "one.txt 1, two.txt 2");
    page.drop_files("#drop", &files[1..]);
    page.wait_for("said.textContent == 'two.txt 2'");
    page.click("button");
    assert_eq!(said(), "clicked");
    page.evaluate("said.textContent = ''");
    page.press("Enter");
    assert_eq!(said(), "clicked", "the clicked button has the focus");
    assert_eq!(page.messages(), [""; 0]);
}

#[test]
fn a_page_is_seen_at_its_size_in_its_colours_and_on_paper() {
    let place = Place::new();
    let Some(page) = browser::open(&place.write("page.html", PAGE)) else { return };
    page.looks_right("harness");
    page.view(360, Scheme::Dark);
    let image = png::Decoder::new(std::io::Cursor::new(page.screenshot())).read_info().unwrap();
    assert_eq!(image.info().width, 360);
    assert_eq!(page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"), true);
    assert!(page.pdf().starts_with(b"%PDF-"));
    page.evaluate("document.title = 'Another'");
    page.reload();
    assert_eq!(page.evaluate("document.title"), "A page");
}

#[test]
fn what_does_not_look_right_is_found() {
    let place = Place::new();
    for (fault, words) in [
        ("<p class=faint>Hardly seen</p>", "too little contrast"),
        ("<p style='width: 700px'>Wide</p>", "wider than its window"),
        ("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>", "no text alternative"),
        ("<button></button>", "no text alternative"),
    ] {
        let Some(page) = browser::open(&place.write("page.html", format!("{PAGE}{fault}"))) else { return };
        let check = std::panic::AssertUnwindSafe(|| page.looks_right("fault"));
        let said = std::panic::catch_unwind(check).unwrap_err().downcast::<String>().unwrap();
        assert!(said.contains(words), "{fault}: {said}");
    }
}
