//! What a server answers, by column.

use mssql_mock_tds::{ColumnDefinition, ColumnValue, QueryResponse, Row, SqlDataType};

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// NULL.
    Null,
    /// A `bigint`.
    Int(i64),
    /// An `nvarchar`.
    Text(String),
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// One column: its name, and whether it is text.
#[derive(Debug, Clone)]
pub struct Column(&'static str, bool);

/// A column of type `bigint`.
pub fn int(name: &'static str) -> Column {
    Column(name, false)
}

/// A column of type `nvarchar`.
pub fn text(name: &'static str) -> Column {
    Column(name, true)
}

/// One result.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A result without rows.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// With one row more.
    #[track_caller]
    pub fn row(mut self, cells: impl IntoIterator<Item = Cell>) -> Self {
        let cells: Vec<_> = cells.into_iter().collect();
        assert_eq!(cells.len(), self.columns.len(), "cells of a row");
        self.rows.push(cells);
        self
    }

    /// The columns alone.
    pub fn without_rows(&self) -> Self {
        Self { columns: self.columns.clone(), rows: Vec::new() }
    }

    /// With one row more in which everything is NULL.
    pub fn nulls(self) -> Self {
        let nulls = vec![Cell::Null; self.columns.len()];
        self.row(nulls)
    }

    pub(crate) fn response(&self) -> QueryResponse {
        // The mock can send NULL as a text of any length only.
        let types: Vec<_> = self
            .columns
            .iter()
            .enumerate()
            .map(|(index, Column(_, is_text))| match is_text {
                false => SqlDataType::BigInt,
                true if self.rows.iter().any(|row| row[index] == Cell::Null) => SqlDataType::NVarCharMax,
                true => SqlDataType::NVarChar,
            })
            .collect();
        let columns =
            self.columns.iter().zip(&types).map(|(column, sql)| ColumnDefinition::new(column.0, *sql));
        let value = |(cell, sql): (&Cell, &SqlDataType)| match (cell, sql) {
            (Cell::Int(number), _) => ColumnValue::BigInt(*number),
            (Cell::Text(text), SqlDataType::NVarCharMax) if text.is_empty() => {
                ColumnValue::NVarCharMax(Vec::new())
            }
            (Cell::Text(text), SqlDataType::NVarCharMax) => {
                ColumnValue::NVarCharMax(vec![text.encode_utf16().collect()])
            }
            (Cell::Text(text), _) => ColumnValue::NVarChar(text.clone()),
            (Cell::Null, SqlDataType::NVarCharMax) => ColumnValue::NVarCharMaxNull,
            (Cell::Null, _) => ColumnValue::Null,
        };
        let rows = self.rows.iter().map(|cells| Row::new(cells.iter().zip(&types).map(value).collect()));
        QueryResponse::new(columns.collect(), rows.collect())
    }
}
