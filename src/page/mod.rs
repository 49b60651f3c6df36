//! Pages for people: one HTML file that is read anywhere, offline, on paper and in ten years.
//!
//! The room knows no stage. A stage makes pieces, [`Html`], and puts them on a [`Page`]:
//!
//! ```no_run
//! # fn main() -> Result<(), sbi::atomic_file::Error> {
//! use sbi::page::{Axis, Chart, Html, Layer, Page, Paint, Section, Table};
//!
//! let line = Layer::line("validation", Paint::Series(0), vec![(1.0, 0.71), (2.0, 0.83)]);
//! let auc = Chart::new("auc", "AUC by epoch", "AUC rises from 0.71 to 0.83.")
//!     .axes(Axis::whole("epoch", 1, 2), Axis::over("AUC", 0.5, 1.0))
//!     .with(line);
//! let table = Table::new("What was measured").text("what").number("value").row(["AUC".into(), "0.83".into()]);
//! let page = Page::new("A run")
//!     .with(Html::paragraph("Text is escaped: <b> is shown as it stands."))
//!     .with(Section::new("curves", "Curves").with(auc.html()).with(table.html()).html());
//! page.write("report.html".as_ref())?;
//! # Ok(()) }
//! ```
//!
//! **Safety.** Text from outside (names of files, metadata, errors) becomes markup in one place only, [`Visible`], the
//! escaping of all templates: it also shows control characters and those that turn the direction of writing. Only
//! [`Html`] is placed as it is, and only templates and this room make it. A Content-Security-Policy in the file forbids
//! every request and every script but the page's own.
//!
//! **Form.** What is written is well-formed XML too, so that tests can read it with a parser: templates close every
//! element and quote every attribute. Colours are the classes of `templates/style.css`, light and dark; no meaning hangs on
//! a colour alone.

mod axis;
mod banner;
mod chart;
mod escape;
mod figure;
mod html;
mod legend;
mod shapes;
mod shell;
mod table;
#[cfg(test)]
pub(crate) mod testing;

pub use axis::Axis;
pub use banner::Banner;
pub use chart::{Bar, Chart, Dot, Layer, Paint, Range};
pub(crate) use escape::is_hidden;
pub use escape::{Visible, visible};
pub use figure::{Figure, Picture};
pub use html::{Details, Facts, Html, Section};
pub use shell::{Page, STYLE};
pub use table::{Cell, Table};
