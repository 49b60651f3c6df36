//! The documents are true where a program can tell: links, commands, configuration keys.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::Place;

/// Folders that hold documents, from the project's root.
const FOLDERS: [&str; 4] = [".", "docs", "data", "weights"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(document: &Path) -> String {
    fs::read_to_string(document).unwrap_or_else(|e| panic!("{}: {e}", document.display()))
}

fn documents() -> Vec<PathBuf> {
    let files = FOLDERS.iter().flat_map(|folder| fs::read_dir(root().join(folder)).unwrap());
    let paths = files.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

/// The targets of all Markdown links.
fn links(text: &str) -> Vec<&str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

/// The anchors that headings get on code hosting sites.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let slug = |heading: &str| {
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        heading.trim_start_matches('#').trim().to_lowercase().chars().filter(kept).collect::<String>()
    };
    headings.map(|heading| slug(heading).replace(' ', "-")).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_in_it() {
    for document in documents() {
        let text = read(&document);
        for link in links(&text).into_iter().filter(|link| !link.starts_with("http")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => document.clone(),
                _ => document.parent().unwrap().join(file),
            };
            assert!(target.exists(), "{}: {link} leads nowhere", document.display());
            let known = anchor.is_empty() || anchors(&read(&target)).contains(anchor);
            assert!(known, "{}: {link} names no heading", document.display());
        }
    }
}

#[test]
fn every_page_is_named_in_the_readme() {
    let readme = read(&root().join("README.md"));
    for page in documents().iter().filter(|page| page.parent().unwrap().ends_with("docs")) {
        let name = format!("docs/{}", page.file_name().unwrap().to_str().unwrap());
        assert!(readme.contains(&name), "{name} cannot be found from the README");
    }
}

#[test]
fn the_readme_lists_exactly_the_commands_there_are() {
    let help = Place::new().sbi("--help").code(0).stdout;
    let commands = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    // A command's name is indented by two, the continuation of its description by more.
    let names = commands.lines().filter_map(|line| line.strip_prefix("  "));
    let names = names.filter(|line| !line.starts_with(' ')).filter_map(|line| line.split(' ').next());
    let there: BTreeSet<&str> = names.filter(|name| !name.is_empty() && *name != "help").collect();
    let readme = read(&root().join("README.md"));
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `sbi "));
    let told: BTreeSet<&str> = rows.filter_map(|row| row.split(['`', ' ']).next()).collect();
    assert_eq!(told, there);
}

#[test]
fn the_page_on_training_explains_every_key_of_a_configuration() {
    let place = Place::new();
    place.write("empty.json", "{}");
    let printed = place.sbi("train --print-config empty.json").code(0).stdout;
    let config: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let page = read(&root().join("docs/training.md"));
    let mut sections = vec![(String::new(), &config)];
    while let Some((prefix, section)) = sections.pop() {
        for (name, value) in section.as_object().unwrap() {
            match value.is_object() {
                true => sections.push((format!("{prefix}{name}."), value)),
                // Keys of one section may stand together: `optim.lr`, `.momentum`.
                false => assert!(
                    page.contains(&format!("`{prefix}{name}`")) || page.contains(&format!("`.{name}`")),
                    "{prefix}{name} is not explained"
                ),
            }
        }
    }
}

/// The commands in blocks of code, without prompts and remarks.
fn shown_commands() -> BTreeSet<String> {
    let mut commands = BTreeSet::new();
    for document in documents() {
        let text = read(&document);
        let blocks = text.split("\n```").skip(1).step_by(2);
        for line in blocks.flat_map(str::lines) {
            let line = line.trim_start_matches("$ ").trim_start_matches("target/release/");
            let command = line.split(" #").next().unwrap_or(line).trim();
            commands.extend(command.strip_prefix("sbi ").map(|arguments| arguments.replace('\'', "")));
        }
    }
    commands
}

#[test]
fn every_command_in_the_documents_is_one_that_the_program_takes() {
    let place = Place::new();
    let commands = shown_commands();
    assert!(commands.len() > 20, "{commands:?}");
    // Measuring a machine takes a while and needs no input, and a server ends only when it is asked to; the others find
    // nothing here and say so.
    for command in commands.iter().filter(|command| !command.starts_with("bench")) {
        let endless = if command.starts_with("serve") { " --port 0 --temp nowhere" } else { "" };
        let done = place.sbi(&format!("{command}{endless}"));
        assert!(!done.stderr.contains("Usage: "), "{done}");
    }
}
