//! Labels of files of one's own: a table that says of each what it is, by whom, and what it was made from.

use super::error::Error;
use crate::types::Label;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const EXPECTED: &str = "a table with the columns file and label (real or fake)";
const FILE: &[&str] = &["file", "path", "filename", "video"];
const LABEL: &[&str] = &["label", "class", "truth"];
const KIND: &[&str] = &["kind", "group", "method"];
const PERSON: &[&str] = &["person", "subject", "identity"];
const SOURCE: &[&str] = &["source", "origin"];
const ORIGINAL: &[&str] = &["original", "pair"];

/// What a table says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledFile {
    /// The file; relative names count from the table's folder.
    pub path: PathBuf,
    /// Real or fake.
    pub label: Label,
    /// What kind of forgery it is; `None` for real files.
    pub kind: Option<String>,
    /// Where it comes from: whoever made it, a site, a data set.
    pub source: Option<String>,
    /// Whose face it shows.
    pub person: Option<String>,
    /// The real file that a forgery was made from, by the position of its row.
    pub original: Option<usize>,
}

/// A table of labelled files, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelTable {
    /// The table's file.
    path: PathBuf,
    /// Its rows.
    files: Vec<LabelledFile>,
    /// The rows of each name without folder: tables may have a million.
    by_name: HashMap<OsString, Vec<usize>>,
}

impl LabelTable {
    /// Reads a table of comma-separated values whose first line names the columns: `file` and `label` (`real` or `fake`,
    /// `0` or `1`), and as far as they are known `kind` of forgery, `source`, `person` (whose face it shows), and `pair`
    /// or `original`: the real file that a forgery was made from, by its name with or without folder and extension. Other
    /// columns are passed over.
    ///
    /// Fails when the table cannot be read, lacks one of the first two columns, is empty, names a file twice, or has a
    /// label that is none.
    pub fn read(path: &Path) -> Result<LabelTable, Error> {
        let expected = EXPECTED;
        let csv = |cause| Error::Csv { path: path.to_owned(), expected, cause };
        let file = std::fs::File::open(path).map_err(|cause| Error::Read {
            path: path.to_owned(),
            expected,
            cause,
        })?;
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .flexible(false)
            .from_reader(std::io::BufReader::new(file));
        let columns = Columns::of(reader.headers().map_err(csv)?, path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(csv)?;
            let line = record.position().map_or(0, csv::Position::line);
            rows.push(columns.row(&record, line, folder, path)?);
        }
        if rows.is_empty() {
            return Err(Error::Empty { path: path.to_owned(), expected });
        }
        let by_name = rows_by(&rows, Path::file_name);
        let by_stem = rows_by(&rows, Path::file_stem);
        let originals: Vec<Option<usize>> =
            rows.iter().map(|row| row.original_among(&rows, &by_name, &by_stem)).collect();
        let files: Vec<LabelledFile> = rows
            .into_iter()
            .zip(originals)
            .map(|(row, original)| LabelledFile { original, ..row.file })
            .collect();
        let mut seen = BTreeMap::new();
        for (number, file) in files.iter().enumerate() {
            if seen.insert(&file.path, number).is_some() {
                let (entry, found) = (file.path.display().to_string(), "two rows for it".to_owned());
                return Err(Error::Entry {
                    path: path.to_owned(),
                    entry,
                    expected: "one row for a file",
                    found,
                });
            }
        }
        Ok(LabelTable { path: path.to_owned(), files, by_name })
    }

    /// The table's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All rows, in their order.
    pub fn files(&self) -> &[LabelledFile] {
        &self.files
    }

    /// The position of the row of a file, however its path is written; `None` where the table says nothing of it.
    pub fn row_of(&self, path: &Path) -> Option<usize> {
        let may_be = self.by_name.get(path.file_name()?)?;
        let literally = may_be.iter().find(|&&row| self.files[row].path == path);
        let found = literally.or_else(|| {
            let real = path.canonicalize().ok()?;
            let is_it = |row: &&usize| self.files[**row].path.canonicalize().is_ok_and(|other| other == real);
            may_be.iter().find(is_it)
        });
        found.copied()
    }
}

/// The rows of each part of a name.
fn rows_by(rows: &[Row], part: fn(&Path) -> Option<&std::ffi::OsStr>) -> HashMap<OsString, Vec<usize>> {
    let mut by_part: HashMap<OsString, Vec<usize>> = HashMap::new();
    for (number, row) in rows.iter().enumerate() {
        if let Some(part) = part(&row.file.path) {
            by_part.entry(part.to_owned()).or_default().push(number);
        }
    }
    by_part
}

/// Where in a row things stand.
struct Columns {
    file: usize,
    label: usize,
    kind: Option<usize>,
    source: Option<usize>,
    person: Option<usize>,
    original: Option<usize>,
}

/// A row before it is known which other row it means.
struct Row {
    file: LabelledFile,
    original_name: Option<String>,
}

impl Columns {
    fn of(headers: &csv::StringRecord, path: &Path) -> Result<Columns, Error> {
        let at = |names: &[&str]| {
            headers.iter().position(|header| names.contains(&header.to_lowercase().as_str()))
        };
        let needed = |names: &'static [&'static str]| {
            at(names).ok_or_else(|| Error::MissingColumn {
                path: path.to_owned(),
                column: names[0],
                found: headers.iter().map(str::to_owned).collect(),
            })
        };
        Ok(Columns {
            file: needed(FILE)?,
            label: needed(LABEL)?,
            kind: at(KIND),
            source: at(SOURCE),
            person: at(PERSON),
            original: at(ORIGINAL),
        })
    }

    fn row(&self, record: &csv::StringRecord, line: u64, folder: &Path, path: &Path) -> Result<Row, Error> {
        let text = |column: usize| record.get(column).unwrap_or_default();
        let optional =
            |column: Option<usize>| column.map(text).filter(|text| !text.is_empty()).map(str::to_owned);
        let wrong = |expected, found: &str| Error::Entry {
            path: path.to_owned(),
            entry: format!("line {line}"),
            expected,
            found: format!("{found:?}"),
        };
        let name = text(self.file);
        if name.is_empty() {
            return Err(wrong("the name of a file", name));
        }
        let label = match text(self.label).to_lowercase().as_str() {
            "real" | "0" => Label::Real,
            "fake" | "1" => Label::Fake,
            _ => return Err(wrong("real or fake (0 or 1)", text(self.label))),
        };
        let kind = optional(self.kind).filter(|_| label.is_fake());
        let source = optional(self.source);
        let person = optional(self.person);
        let file = LabelledFile { path: folder.join(name), label, kind, source, person, original: None };
        Ok(Row { file, original_name: optional(self.original) })
    }
}

impl Row {
    /// The real file among `rows` whose name, path or stem is the one that this row names.
    fn original_among(
        &self,
        rows: &[Row],
        by_name: &HashMap<OsString, Vec<usize>>,
        by_stem: &HashMap<OsString, Vec<usize>>,
    ) -> Option<usize> {
        let name = Path::new(self.original_name.as_deref().filter(|_| self.file.label.is_fake())?);
        let is_it = |row: &Row| {
            let path = &row.file.path;
            !row.file.label.is_fake()
                && (path.ends_with(name) || path.file_stem().is_some_and(|stem| Path::new(stem) == name))
        };
        let named = name.file_name().and_then(|last| by_name.get(last)).into_iter().flatten();
        let stemmed = by_stem.get(name.as_os_str()).into_iter().flatten();
        named.chain(stemmed).copied().filter(|&row| is_it(&rows[row])).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> (tempfile::TempDir, Result<LabelTable, Error>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.csv");
        std::fs::write(&path, text).unwrap();
        let table = LabelTable::read(&path);
        (folder, table)
    }

    #[test]
    fn rows_say_what_files_are_and_where_they_come_from() {
        let text = "file,label,kind,source,pair,person\nreal/a.mp4,real,none,studio,,Ann\nfake/b.mp4,FAKE,face swap,studio,a,Bo\nfake/c.mp4,1,,,,\n";
        let (folder, table) = table(text);
        let table = table.unwrap();
        let [a, b, c] = table.files() else { panic!("{table:?}") };
        assert_eq!((a.label, a.kind.as_deref(), a.original), (Label::Real, None, None));
        assert_eq!(
            (b.label, b.kind.as_deref(), b.source.as_deref()),
            (Label::Fake, Some("face swap"), Some("studio"))
        );
        assert_eq!((a.person.as_deref(), c.person.as_deref()), (Some("Ann"), None));
        assert_eq!((b.original, c.original), (Some(0), None));
        assert_eq!(b.path, folder.path().join("fake/b.mp4"));
        std::fs::create_dir(folder.path().join("fake")).unwrap();
        std::fs::write(folder.path().join("fake/b.mp4"), "").unwrap();
        assert_eq!(table.row_of(&folder.path().join("fake/../fake/b.mp4")), Some(1));
        assert_eq!(table.row_of(&folder.path().join("b.mp4")), None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let said = |text: &str| crate::causes::with_causes(&table(text).1.unwrap_err());
        assert!(said("name,label\na,real\n").contains("expected a column 'file', found name, label"));
        let line = said("file,label\na.mp4,real\nb.mp4,maybe\n");
        assert!(line.contains("line 3: expected real or fake (0 or 1), found \"maybe\""), "{line}");
        assert!(said("file,label\n").contains("no videos"));
        assert!(said("file,label\na,real\na,fake\n").contains("one row for a file"));
        assert!(said("file,label\na,real,more\n").contains("invalid CSV"));
    }
}
