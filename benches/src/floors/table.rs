//! Owns the form of what was found: tables for people, JSON for programs. Never measures.

use serde_json::{Map, Value, json};

/// A table's column of numbers.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    /// Its head, unit included.
    pub(crate) name: &'static str,
    /// Digits after the point.
    pub(crate) digits: usize,
}

impl Column {
    pub(crate) const fn new(name: &'static str, digits: usize) -> Self {
        Self { name, digits }
    }
}

/// What one comparison found.
pub(crate) struct Table {
    title: String,
    columns: Vec<Column>,
    rows: Vec<(String, Vec<Option<f64>>)>,
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, columns: &[Column]) -> Self {
        Self {
            title: title.into(),
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row, whose cells follow the columns; none where something does not apply.
    pub(crate) fn row(&mut self, name: impl Into<String>, cells: impl Into<Vec<Option<f64>>>) {
        self.rows.push((name.into(), cells.into()));
    }

    /// The table as text, a line per row.
    pub(crate) fn text(&self) -> String {
        let names = self.rows.iter().map(|(name, _)| name.chars().count());
        let first = names.max().unwrap_or(0);
        let mut text = format!("{}\n{:first$}", self.title, "");
        for column in &self.columns {
            text += &format!("  {}", column.name);
        }
        for (name, cells) in &self.rows {
            text += &format!("\n{name:first$}");
            for (column, cell) in self.columns.iter().zip(cells) {
                let (width, digits) = (column.name.chars().count(), column.digits);
                text += &match cell {
                    Some(number) => format!("  {number:>width$.digits$}"),
                    None => format!("  {:>width$}", "-"),
                };
            }
        }
        text + "\n"
    }

    /// Title and rows; each row an object of its name and what its columns hold, unrounded.
    pub(crate) fn json(&self) -> Value {
        let rows = self.rows.iter().map(|(name, cells)| {
            let mut row = Map::from_iter([("name".to_owned(), json!(name))]);
            let cells = self.columns.iter().zip(cells);
            row.extend(cells.map(|(column, cell)| (column.name.to_owned(), json!(cell))));
            Value::Object(row)
        });
        json!({"title": self.title, "rows": rows.collect::<Vec<_>>()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(
            "speed",
            &[Column::new("ours us", 1), Column::new("ratio", 3)],
        );
        table.row("short", [Some(12.345), Some(1.0)]);
        table.row("a longer one", [Some(2.0), None]);
        table
    }

    #[test]
    fn columns_stand_under_their_heads() {
        assert_eq!(
            table().text(),
            "speed\n              ours us  ratio\nshort            12.3  1.000\n\
             a longer one      2.0      -\n"
        );
    }

    #[test]
    fn json_keeps_what_text_rounds() {
        let json = table().json();
        assert_eq!(json["rows"][0]["ours us"], 12.345);
        assert_eq!(json["rows"][1]["name"], "a longer one");
        assert!(json["rows"][1]["ratio"].is_null());
    }
}
