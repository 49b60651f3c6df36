//! Reports for people: whole files, without requests, with the figures of the JSON.

use crate::browser::{self, Scheme};
use crate::made;
use crate::support::{FACES, Place};
use roxmltree::{Document, Node, ParsingOptions};
use sbi::imaging::write_image;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

const INFER: &str = "infer -w weights/sbi.tar -q -n 4";

fn parsed(text: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).unwrap_or_else(|error| panic!("{error}"))
}

/// The report, which leads nowhere and whose links all arrive.
fn report(place: &Place, name: &str) -> String {
    let text = fs::read_to_string(place.path(name)).unwrap();
    let document = parsed(&text);
    let elements = || document.descendants().filter(Node::is_element);
    for node in elements() {
        for attribute in node.attributes().filter(|a| matches!(a.name(), "src" | "href" | "action")) {
            let value = attribute.value();
            let arrives = |id: &str| elements().any(|node| node.attribute("id") == Some(id));
            assert!(value.starts_with("data:") || value.strip_prefix('#').is_some_and(arrives), "{value}");
        }
    }
    assert!(text.contains("default-src &#39;none&#39;"), "there is no policy");
    drop(document);
    text
}

/// The texts of all cells of tables.
fn cells(text: &str) -> Vec<String> {
    let document = parsed(text);
    let cells = document.descendants().filter(|node| node.has_tag_name("td"));
    let texts =
        |cell: Node| cell.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect();
    cells.map(texts).collect()
}

#[test]
fn a_video_has_its_scores_faces_and_maps_in_one_small_file() {
    let place = Place::new();
    place.copy(FACES[0], "clip.mp4");
    place.sbi(&format!("{INFER} -i clip.mp4 --threshold 0.5 --json out.json --report report.html")).code(0);
    let json = place.json("out.json");
    let text = report(&place, "report.html");
    assert!(text.len() < 5 << 20, "{} bytes", text.len());
    let cells = cells(&text);
    let persons = json["videos"][0]["persons"].as_array().unwrap();
    let faces: Vec<_> = persons.iter().flat_map(|person| person["faces"].as_array().unwrap()).collect();
    assert_eq!(faces.len(), 4);
    for face in faces {
        assert!(cells.contains(&face["score"].to_string()), "{face}");
    }
    let document = parsed(&text);
    let pictures = document.descendants().filter(|node| node.has_tag_name("img")).count();
    assert_eq!(pictures, 1 + 2 * 4, "the face in question, and each with its map");
    for part in [
        json["videos"][0]["file"]["sha256"].as_str().unwrap(),
        json["evidence"]["weights"]["sha256"].as_str().unwrap(),
        json["checksum"]["sha256"].as_str().unwrap(),
        "Score over time",
        "sbi verify RESULT.json",
        "The weight file says nothing about how often",
    ] {
        assert!(text.contains(part), "{part}");
    }
    // The same again takes the place of the old one; scores are those without a report.
    place.sbi(&format!("{INFER} -i clip.mp4 --threshold 0.5 --json plain.json")).code(0);
    assert_eq!(place.json("plain.json")["videos"], json["videos"]);
    place.sbi(&format!("{INFER} -i clip.mp4 --report report.html")).code(0);
    assert!(report(&place, "report.html").contains("no verdict"));
}

#[test]
fn names_from_strangers_are_text() {
    let place = Place::new();
    fs::create_dir(place.path("in")).unwrap();
    let names: [&[u8]; 4] = [
        b"<script>alert(1)<_script>.png",
        b"\" onerror='alert(1)'.png",
        "\u{202E}gnp.exe\u{200B}.png".as_bytes(),
        b"not utf-8 \xff\xfe.png",
    ];
    for (seed, name) in names.iter().enumerate() {
        write_image(&place.path("in.png"), &made::portrait(seed as u64, 0)).unwrap();
        fs::rename(place.path("in.png"), place.path("in").join(OsStr::from_bytes(name))).unwrap();
    }
    place.sbi(&format!("{INFER} -i in --report report.html")).code(0);
    let text = report(&place, "report.html");
    let document = parsed(&text);
    let tagged = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count();
    assert_eq!(tagged("script"), 1);
    assert!(!text.contains('\u{202E}') && text.contains("⟨U+202E⟩gnp.exe⟨U+200B⟩.png"));
    assert!(text.contains("&#60;script&#62;alert(1)"));
    let told: Vec<&str> = document.descendants().filter_map(|node| node.text()).collect();
    assert!(told.iter().any(|text| text.contains("not utf-8 \u{FFFD}\u{FFFD}.png")));
    assert!(text.contains("4 files scored"));
}

#[test]
fn a_labelled_set_has_the_figures_of_the_json_and_its_errors_in_pictures() {
    let place = Place::new();
    place.dfdc(&[(FACES[0], 0), (FACES[1], 1), (FACES[2], 1), (FACES[3], 0), ("dark.mp4", 1)]);
    place.sbi("infer -w weights/sbi.tar -q -n 4 -d DFDC --json out.json --report report.html").code(1);
    let json = place.json("out.json");
    let text = report(&place, "report.html");
    let auc = json["metrics"]["video_auc"].as_f64().unwrap();
    assert!(text.contains(&format!("AUC {auc:.4}")));
    let cells = cells(&text);
    for video in json["videos"].as_array().unwrap() {
        assert!(cells.contains(&video["score"].to_string()), "{video}");
    }
    let line = json["protocol"]["line"].as_str().unwrap();
    assert!(text.contains(line), "{line}");
    assert!(text.contains("ROC") && text.contains("DET") && text.contains("no_face"));
    let document = parsed(&text);
    assert_eq!(document.descendants().filter(|node| node.has_tag_name("img")).count(), 2 * 4);
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_any_work_and_leaves_nothing() {
    let place = Place::new();
    place.copy(FACES[0], "clip.mp4");
    fs::create_dir(place.path("there")).unwrap();
    place.sbi(&format!("{INFER} -i clip.mp4 --report there")).refused(&["there", "is a folder"]);
}

/// The page in a browser: it says nothing, asks for nothing, and looks right.
fn looked_at(place: &Place, name: &str) -> Option<browser::Page> {
    let page = browser::open(&place.path(name))?;
    page.looks_right(name.trim_end_matches(".html"));
    assert_eq!(page.messages(), [""; 0], "{name}");
    let requests = page.requests();
    let outside: Vec<&String> = requests
        .iter()
        .filter(|request| !request.starts_with("file:") && !request.starts_with("data:"))
        .collect();
    assert!(
        outside.is_empty() && requests.iter().filter(|r| r.starts_with("file:")).count() == 1,
        "{requests:?}"
    );
    Some(page)
}

#[test]
fn reports_look_right_in_a_browser_ask_for_nothing_and_are_printed() {
    let place = Place::new();
    FACES[..2].iter().for_each(|name| place.copy(name, name));
    place.copy("dark.mp4", "dark.mp4");
    let long = "a_very_long_name_without_any_place_to_break_it_".repeat(3);
    place.copy(FACES[2], &format!("{long}.mp4"));
    place.sbi(&format!("{INFER} --threshold 0.5 -i {} --report file.html", FACES[0])).code(0);
    place
        .sbi(&format!(
            "{INFER} --threshold 0.5 -i face0.mp4 face1.mp4 dark.mp4 {long}.mp4 --report folder.html"
        ))
        .code(1);
    place.dfdc(&[(FACES[0], 0), (FACES[1], 1), (FACES[2], 1), (FACES[3], 0)]);
    place.sbi("infer -w weights/sbi.tar -q -n 2 --threshold 0.5 -d DFDC --report set.html").code(0);
    place.sbi("robustness -w weights/sbi.tar -q -n 1 -d DFDC --report robust.html").code(0);
    let Some(page) = looked_at(&place, "file.html") else { return };
    assert!(page.pdf().len() > 10_000);
    for name in ["set.html", "robust.html"] {
        looked_at(&place, name);
    }

    // The table is sorted by its heads, with a mouse or a keyboard, and leads to the sections.
    let page = looked_at(&place, "folder.html").unwrap();
    page.view(1600, Scheme::Light);
    let files = "[...document.querySelectorAll('#files tbody tr')].map(row => row.cells[1].textContent.split('/').pop())";
    let names =
        |page: &browser::Page| -> Vec<String> { serde_json::from_value(page.evaluate(files)).unwrap() };
    let mut expected = names(&page);
    assert_eq!(expected.last().unwrap(), "dark.mp4", "what has no face is the least suspicious");
    page.click("#files th:nth-child(2) button");
    expected.sort();
    assert_eq!(names(&page), expected);
    page.press("Enter");
    expected.reverse();
    assert_eq!(names(&page), expected, "the head that was clicked has the focus");
    let sorted = page.evaluate("document.querySelector('#files th:nth-child(2)').getAttribute('aria-sort')");
    assert_eq!(sorted, "descending");
    page.click("#files tbody a");
    assert_eq!(page.evaluate("document.getElementById(location.hash.slice(1)) !== null"), true);
}
