//! Which files are meant: paths as they are typed, and lists of them.

use anyhow::{Context, bail};
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Standard input, as a list of paths.
const STANDARD_INPUT: &str = "-";
/// Before the name of a file that lists paths.
const LIST: char = '@';

/// The paths that are meant: `-` stands for those that standard input lists, `@FILE` for those in a file, one a line, or with
/// `null` each with a zero byte behind it. In a list nothing is special, so that a file whose name begins with `@` or is `-`
/// can be named there, or as `./@…`. Paths are bytes: they need not be UTF-8.
///
/// Fails when a list cannot be read or is empty, and when standard input is asked for twice.
pub fn listed(typed: &[PathBuf], null: bool) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let mut asked = false;
    for path in typed {
        let text = path.to_string_lossy();
        if text == STANDARD_INPUT {
            if std::mem::replace(&mut asked, true) {
                bail!("-: standard input can be read only once");
            }
            let mut list = Vec::new();
            std::io::stdin()
                .read_to_end(&mut list)
                .context("-: the list on standard input cannot be read")?;
            of_list("-", &list, null, &mut paths)?;
        } else if let Some(name) = text.strip_prefix(LIST).filter(|_| !path.exists()) {
            let list = std::fs::read(name).with_context(|| format!("{name}: this list cannot be read"))?;
            of_list(name, &list, null, &mut paths)?;
        } else {
            paths.push(path.clone());
        }
    }
    Ok(paths)
}

/// Adds the paths of a list, empty ones left out.
fn of_list(name: &str, list: &[u8], null: bool, paths: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let before = paths.len();
    if null {
        let named = list.split(|&byte| byte == 0).filter(|path| !path.is_empty());
        paths.extend(named.map(|path| PathBuf::from(OsStr::from_bytes(path))));
    } else {
        if list.contains(&0) {
            bail!(
                "{name}: this list has zero bytes in it (-0 reads lists with a zero byte behind each path)"
            );
        }
        let lines = list.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let named = lines.filter(|line| !line.trim_ascii().is_empty());
        paths.extend(named.map(|path| PathBuf::from(OsStr::from_bytes(path))));
    }
    if paths.len() == before {
        bail!("{name}: this list names no file (expected a path per line)");
    }
    Ok(())
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
            listed(&typed, false).unwrap().iter().map(|path| path.display().to_string()).collect();
        assert_eq!(paths, ["first.mp4", "a b.mp4", "@odd.png", "-"]);
        std::fs::write(&list, "\n").unwrap();
        assert!(listed(&typed[1..], false).unwrap_err().to_string().contains("names no file"));
        assert!(listed(&["@nowhere.txt".into()], false).unwrap_err().to_string().contains("nowhere.txt"));
        // As find -print0 writes it: line ends belong to names, and names need not be UTF-8.
        std::fs::write(&list, b"a\nb.mp4\0\xff.png\0").unwrap();
        let paths = listed(&typed[1..], true).unwrap();
        assert_eq!(paths, [PathBuf::from("a\nb.mp4"), PathBuf::from(OsStr::from_bytes(b"\xff.png"))]);
        assert!(listed(&typed[1..], false).unwrap_err().to_string().contains("-0 reads"));
    }
}
