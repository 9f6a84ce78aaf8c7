//! Rows as SQL Server sent them, without the driver: what a query returned, ready to be read by column name.

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// NULL of any type.
    Null,
    /// A bit or a whole number of any size.
    Int(i64),
    /// A text of any kind.
    Text(String),
    /// Anything else, by the name of its type; no query asks for it.
    Other(String),
}

/// What a query returned: the names of its columns, and its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rows {
    /// In the order of the values.
    pub(super) columns: Vec<String>,
    /// In the order of the server.
    pub(super) rows: Vec<Vec<Value>>,
}

/// A row that does not say what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Malformed(pub(super) String);
