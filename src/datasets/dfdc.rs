//! The DeepFake Detection Challenge (DFDC): one folder of videos and a table of labels.

use std::path::{Path, PathBuf};

use super::listing::{self, ListBuilder};
use super::{Error, VideoList};
use crate::types::Label;

const EXPECTED: &str = "the DFDC labels, columns filename,label";

/// The rows of `labels.csv`, in file order.
pub(super) fn list(data_root: &Path, allow_missing: bool) -> Result<VideoList, Error> {
    let folder = folder(data_root);
    let path = folder.join("labels.csv");
    let text = listing::read_list(&path, EXPECTED)?;
    let failed = |cause| Error::Csv { path: path.clone(), expected: EXPECTED, cause };

    let mut table = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let columns = table.headers().map_err(failed)?.clone();
    let column = |name: &'static str| {
        let found = || columns.iter().map(str::to_string).collect();
        columns.iter().position(|column| column == name).ok_or_else(|| Error::MissingColumn {
            path: path.clone(),
            column: name,
            found: found(),
        })
    };
    let (name_column, label_column) = (column("filename")?, column("label")?);

    let mut list = ListBuilder::default();
    for row in table.records() {
        let row = row.map_err(failed)?;
        let line = row.position().map_or(0, csv::Position::line);
        let wrong = |expected, found: &str| {
            Error::entry(&path, format!("line {line}"), expected, format!("'{found}'"))
        };
        let name = &row[name_column];
        if !listing::is_file_name(name) {
            return Err(wrong("a file name", name));
        }
        let label = match &row[label_column] {
            "0" => Label::Real,
            "1" => Label::Fake,
            other => return Err(wrong("a label 0 (real) or 1 (fake)", other)),
        };
        list.push_listed(folder.join("videos").join(name), label);
    }
    list.finish(&path, EXPECTED, allow_missing)
}

/// The folder of the set.
pub(super) fn folder(data_root: &Path) -> PathBuf {
    data_root.join("DFDC")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causes::with_causes;
    use crate::datasets::listing::tests::{shown, tree, write};

    fn with_labels(content: &str) -> tempfile::TempDir {
        let root = tree(&["DFDC/videos/a.mp4", "DFDC/videos/b.mp4"]);
        write(root.path(), "DFDC/labels.csv", content);
        root
    }

    fn error(content: &str) -> String {
        let error = with_causes(&list(with_labels(content).path(), false).unwrap_err());
        assert!(error.contains("labels.csv") && !error.contains('\n'), "{error}");
        error
    }

    #[test]
    fn rows_in_file_order() {
        let root = with_labels("\u{feff}split,label,filename\r\ntest,1,b.mp4\r\ntest, 0, a.mp4\r\n");
        let list = list(root.path(), false).unwrap();
        assert_eq!(shown(&list, root.path()), ["1 DFDC/videos/b.mp4", "0 DFDC/videos/a.mp4"]);
    }

    #[test]
    fn faulty_tables_are_named() {
        assert!(error("filename,fake\na.mp4,1\n").contains("a column 'label', found filename, fake"));
        assert!(error("").contains("expected a column 'filename'"));
        assert!(error("filename,label\n").contains("no videos"));
        let wrong = error("filename,label\na.mp4,1\nb.mp4,REAL\n");
        assert!(wrong.contains("line 3: expected a label 0 (real) or 1 (fake), found 'REAL'"), "{wrong}");
        assert!(error("filename,label\na.mp4\n").contains("invalid CSV"));
        assert!(error("filename,label\n../a.mp4,1\n").contains("line 2: expected a file name"));
    }

    #[test]
    fn missing_videos_are_counted_or_allowed() {
        let rows = "filename,label\na.mp4,1\nx.mp4,0\ny.mp4,0\n";
        let message = error(rows);
        assert!(message.contains("2 of the videos it names are not on disk"), "{message}");
        let root = with_labels(rows);
        let list = list(root.path(), true).unwrap();
        assert_eq!((list.videos.len(), list.missing.len()), (1, 2));
    }

    #[test]
    fn a_missing_or_binary_list_is_named() {
        let root = tree(&["DFDC/videos/a.mp4"]);
        let message = list(root.path(), false).unwrap_err().to_string();
        assert!(message.contains("labels.csv: no such file, expected the DFDC labels"), "{message}");
        std::fs::write(root.path().join("DFDC/labels.csv"), [0xff, 0xfe, 0]).unwrap();
        assert!(matches!(list(root.path(), false), Err(Error::Read { .. })));
    }
}
