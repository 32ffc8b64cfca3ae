//! Owns cells that hold a list of URLs (`--explode_url`): each URL becomes a row, with the row's other
//! values repeated, as in pandas' `explode`. A row with an empty list or null stays one row without a
//! URL. Never parses a URL.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, LargeListArray, UInt64Array};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field};

use super::cell::{Cell, Node};

/// The type that all columns of URL lists are cast to.
fn lists_of_text() -> DataType {
    DataType::LargeList(Arc::new(Field::new_list_field(DataType::Utf8, true)))
}

/// Whether a column of this type holds lists of scalars.
pub(super) fn accepts(kind: &DataType) -> bool {
    match kind {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => !item.data_type().is_nested(),
        _ => false,
    }
}

/// Casts a column of lists to lists of text.
pub(super) fn as_lists(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    cast(array, &lists_of_text())
}

/// Converts JSON values to lists of text: a scalar becomes a list of one.
pub(super) fn from_cells(cells: impl Iterator<Item = Cell>) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for cell in cells {
        match cell.into_node() {
            Node::Cell(Cell::Null) => lists.append_null(),
            Node::List(items) => {
                for item in items {
                    let text = match item {
                        Node::Cell(cell) => cell.into_text(),
                        _ => None,
                    };
                    lists.values().append_option(text);
                }
                lists.append(true);
            }
            Node::Object(_) => {
                lists.values().append_value("{}");
                lists.append(true);
            }
            Node::Cell(cell) => {
                lists.values().append_option(cell.into_text());
                lists.append(true);
            }
        }
    }
    Arc::new(lists.finish())
}

/// Converts text to lists of text: a JSON list, or a list as Python prints it, is parsed; any other
/// text becomes a list of one.
pub(super) fn from_texts(texts: &arrow_array::StringArray) -> ArrayRef {
    from_cells(texts.iter().map(|text| match text {
        None => Cell::Null,
        Some(text) if text.trim_start().starts_with('[') => list_of(text.trim()),
        Some(text) => Cell::Text(text.to_owned()),
    }))
}

fn list_of(text: &str) -> Cell {
    let readable = |text: &str| serde_json::from_str::<Vec<serde_json::Value>>(text).is_ok();
    if readable(text) {
        return Cell::Nested(text.to_owned());
    }
    // Python's quotes; a URL contains neither kind.
    let quoted = text.replace('\'', "\"");
    if readable(&quoted) {
        return Cell::Nested(quoted);
    }
    Cell::Text(text.to_owned())
}

/// Repeats the rows of all columns for each item of the lists in the last column, which becomes text.
pub(super) fn rows(arrays: &mut [ArrayRef]) -> Result<(), ArrowError> {
    let Some((urls, others)) = arrays.split_last_mut() else {
        return Ok(());
    };
    let lists = as_lists(urls)?;
    let lists: &LargeListArray = lists.as_list();
    let (mut rows, mut items) = (Vec::new(), Vec::new());
    for row in 0..lists.len() {
        let (start, end) = (lists.value_offsets()[row], lists.value_offsets()[row + 1]);
        if lists.is_null(row) || start == end {
            rows.push(row as u64);
            items.push(None);
        }
        // Offsets are never negative.
        for item in start..if lists.is_null(row) { start } else { end } {
            rows.push(row as u64);
            items.push(Some(item as u64));
        }
    }
    let rows = UInt64Array::from(rows);
    for array in others {
        *array = arrow_select::take::take(array, &rows, None)?;
    }
    *urls = arrow_select::take::take(lists.values(), &UInt64Array::from(items), None)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int64Array, StringArray};

    use super::*;

    #[test]
    fn each_url_becomes_a_row_and_no_row_is_lost() {
        let texts = StringArray::from(vec![
            Some(r#"["a","b"]"#),
            Some("[]"),
            None,
            Some("c"),
            Some("['d', 'e']"),
            Some("[f"),
        ]);
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..6));
        let mut arrays = [ids, from_texts(&texts)];
        rows(&mut arrays).unwrap();
        let urls: Vec<_> = arrays[1].as_string::<i32>().iter().collect();
        let expected = [
            Some("a"),
            Some("b"),
            None,
            None,
            Some("c"),
            Some("d"),
            Some("e"),
            Some("[f"),
        ];
        assert_eq!(urls, expected);
        let ids: &Int64Array = arrays[0].as_primitive();
        assert_eq!(ids.values(), &[0, 0, 1, 2, 3, 4, 4, 5]);
    }
}
