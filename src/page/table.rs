//! Tables, which can be sorted.

use super::Html;
use askama::Template;

/// Where a number would stand that there is not: behind all others.
const LAST: f64 = -1e300;

/// What stands in a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    text: String,
    /// What it is sorted by, where that is not the text.
    key: Option<f64>,
    /// The section that it leads to.
    link: Option<String>,
    /// A class of the style sheet.
    class: &'static str,
    /// A piece instead of text.
    html: Option<Html>,
}

impl Cell {
    /// Text.
    pub fn text(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), ..Cell::default() }
    }

    /// A number with so many decimals, sorted by its value; a dash where there is none.
    pub fn number(value: Option<f64>, decimals: usize) -> Cell {
        let text = value.map_or("–".to_owned(), |value| format!("{value:.decimals$}"));
        Cell { key: Some(value.unwrap_or(LAST)), ..Cell::text(text) }
    }

    /// A whole number.
    pub fn count(value: usize) -> Cell {
        Cell { key: Some(value as f64), ..Cell::text(value.to_string()) }
    }

    /// A piece, such as a small picture.
    pub fn html(html: Html) -> Cell {
        Cell { html: Some(html), ..Cell::default() }
    }

    fn key_text(&self) -> Option<String> {
        self.key.map(|key| format!("{key:e}"))
    }

    /// Sorted by this number.
    pub fn sorted_by(self, key: f64) -> Cell {
        Cell { key: Some(key), ..self }
    }

    /// Leads to the section with this id.
    pub fn link(self, id: &str) -> Cell {
        Cell { link: Some(id.to_owned()), ..self }
    }

    /// With a class of the style sheet, such as that of a verdict.
    pub fn class(self, class: &'static str) -> Cell {
        Cell { class, ..self }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell::text(text)
    }
}

#[derive(Clone, Debug)]
struct Column {
    name: String,
    is_number: bool,
    /// For each row its place when sorted by this column: what orders the rows where no script runs.
    places: Vec<usize>,
}

/// A table with a caption and a row of column names.
#[derive(Clone, Debug)]
pub struct Table {
    caption: String,
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    sortable: Option<String>,
}

impl Table {
    /// Without columns; the caption says what the table shows.
    pub fn new(caption: &str) -> Table {
        Table { caption: caption.to_owned(), columns: Vec::new(), rows: Vec::new(), sortable: None }
    }

    /// Adds a column of text.
    pub fn text(self, name: &str) -> Table {
        self.column(name, false)
    }

    /// Adds a column of numbers, which stand right and whose largest comes first when sorted.
    pub fn number(self, name: &str) -> Table {
        self.column(name, true)
    }

    fn column(mut self, name: &str, is_number: bool) -> Table {
        self.columns.push(Column { name: name.to_owned(), is_number, places: Vec::new() });
        self
    }

    /// Adds a row, a cell per column.
    pub fn row(mut self, cells: impl IntoIterator<Item = Cell>) -> Table {
        self.rows.push(cells.into_iter().collect());
        self
    }

    /// Adds rows.
    pub fn rows(self, rows: impl IntoIterator<Item = Vec<Cell>>) -> Table {
        rows.into_iter().fold(self, Table::row)
    }

    /// Readers can sort it, also where no script runs: then buttons above it change the order. `id` is used once on a page.
    pub fn sortable(self, id: &str) -> Table {
        Table { sortable: Some(id.to_owned()), ..self }
    }

    /// The piece; nothing where there is no row.
    pub fn html(mut self) -> Html {
        if self.rows.is_empty() {
            return Html::default();
        }
        if self.sortable.is_some() {
            for at in 0..self.columns.len() {
                self.columns[at].places = self.places(at);
            }
        }
        Html::of(&TableTemplate { table: &self })
    }

    /// For each row its place when sorted by a column; rows that are equal keep their order.
    fn places(&self, column: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        let cell = |row: usize| self.rows[row].get(column);
        let key = |row: usize| cell(row).and_then(|cell| cell.key).unwrap_or(LAST);
        let text = |row: usize| cell(row).map(|cell| cell.text.to_lowercase());
        match self.columns[column].is_number {
            true => order.sort_by(|&a, &b| key(b).total_cmp(&key(a))),
            false => order.sort_by(|&a, &b| key(a).total_cmp(&key(b)).then_with(|| text(a).cmp(&text(b)))),
        }
        let mut places = vec![0; order.len()];
        order.into_iter().enumerate().for_each(|(place, row)| places[row] = place);
        places
    }

    /// The places of a row for each column, for the style sheet.
    fn order_of(&self, row: &usize) -> String {
        let place = |(at, column): (usize, &Column)| format!("--o{at}:{};", column.places[*row]);
        self.columns[..self.orders()].iter().enumerate().map(place).collect()
    }

    /// The classes of a cell in this column.
    fn class_of(&self, column: &usize, cell: &Cell) -> String {
        let is_number = self.columns.get(*column).is_some_and(|column| column.is_number);
        let classes = [if is_number { "number" } else { "" }, cell.class];
        classes.into_iter().filter(|class| !class.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// How many columns a reader can sort by where no script runs: as many as the style sheet knows.
    fn orders(&self) -> usize {
        self.columns.len().min(ORDERS)
    }
}

/// Columns by which the style sheet can order rows.
const ORDERS: usize = 8;

#[derive(Template)]
#[template(path = "page/templates/table.html")]
struct TableTemplate<'a> {
    table: &'a Table,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_their_places_for_every_column() {
        let row = |name: &str, score: Option<f64>| vec![Cell::text(name), Cell::number(score, 2)];
        let table = Table::new("c").text("file").number("score").rows([
            row("b", Some(0.5)),
            row("A", None),
            row("c", Some(0.9)),
        ]);
        assert_eq!(table.places(0), [1, 0, 2]);
        assert_eq!(table.places(1), [1, 2, 0]);
        let plain = table.clone().html().to_string();
        assert!(!plain.contains("<input") && plain.contains("<td class=\"number\">0.50</td>"), "{plain}");
        let sortable = table.sortable("t").html().to_string();
        assert!(sortable.contains("<tr style=\"--o0:1;--o1:1;\">"), "{sortable}");
        assert!(sortable.contains("<td class=\"number\" data-key=\"5e-1\">0.50</td>"), "{sortable}");
        assert!(Table::new("c").text("a").html().is_empty());
    }

    #[test]
    fn what_stands_in_cells_is_escaped() {
        let table = Table::new("<c>").text("<h>").row([Cell::text("<td>").link("there")]);
        let html = table.html().to_string();
        assert!(html.contains("<a href=\"#there\">&#60;td&#62;</a>"), "{html}");
        assert!(!html.contains("<c>") && !html.contains("<h>"));
    }
}
