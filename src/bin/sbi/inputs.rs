//! Which files are meant: paths as they are typed, and lists of them.

use anyhow::{Context, bail};
use std::io::Read;
use std::path::PathBuf;

/// Standard input, as a list of paths.
const STANDARD_INPUT: &str = "-";
/// Before the name of a file that lists paths.
const LIST: char = '@';

/// The paths that are meant: `-` stands for those that standard input lists, `@FILE` for those in a file, one a line. In a
/// list nothing is special, so that a file whose name begins with `@` or is `-` can be named there, or as `./@…`.
///
/// Fails when a list cannot be read or is empty, and when standard input is asked for twice.
pub fn listed(typed: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let mut asked = false;
    for path in typed {
        let text = path.to_string_lossy();
        if text == STANDARD_INPUT {
            if std::mem::replace(&mut asked, true) {
                bail!("-: standard input can be read only once");
            }
            let mut list = String::new();
            std::io::stdin()
                .read_to_string(&mut list)
                .context("-: the list on standard input cannot be read")?;
            paths.extend(of_list("-", &list)?);
        } else if let Some(name) = text.strip_prefix(LIST).filter(|_| !path.exists()) {
            let list =
                std::fs::read_to_string(name).with_context(|| format!("{name}: this list cannot be read"))?;
            paths.extend(of_list(name, &list)?);
        } else {
            paths.push(path.clone());
        }
    }
    Ok(paths)
}

/// The paths of a list: a line each, empty ones left out.
fn of_list(name: &str, list: &str) -> anyhow::Result<Vec<PathBuf>> {
    let lines = list.lines().map(|line| line.trim_end_matches('\r')).filter(|line| !line.trim().is_empty());
    let paths: Vec<PathBuf> = lines.map(PathBuf::from).collect();
    if paths.is_empty() {
        bail!("{name}: this list names no file (expected a path per line)");
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_a_path_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("list.txt");
        std::fs::write(&list, "a b.mp4\r\n\n  \n@odd.png\n-\n").unwrap();
        let typed = [PathBuf::from("first.mp4"), PathBuf::from(format!("@{}", list.display()))];
        let paths: Vec<String> =
            listed(&typed).unwrap().iter().map(|path| path.display().to_string()).collect();
        assert_eq!(paths, ["first.mp4", "a b.mp4", "@odd.png", "-"]);
        std::fs::write(&list, "\n").unwrap();
        assert!(listed(&typed[1..]).unwrap_err().to_string().contains("names no file"));
        assert!(listed(&["@nowhere.txt".into()]).unwrap_err().to_string().contains("nowhere.txt"));
    }
}
