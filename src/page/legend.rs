//! What lines, areas and dots of a chart stand for.

/// An entry of a legend.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub kind: Kind,
    /// The classes that it is drawn with.
    pub class: String,
    pub name: String,
}

/// How it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Line,
    Area,
    Dot,
}
