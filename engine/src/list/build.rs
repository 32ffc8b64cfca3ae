//! Owns building Arrow arrays from text and JSON values, in types that were decided before. A value
//! that does not fit (the list has changed since, or is a stream that could not be surveyed) becomes
//! null and is counted. Every value fits a text column. Never decides a type.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, StringArray, StructArray,
    UInt64Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field};

use super::cell::{Cell, Node};
use super::types::{boolean, is_null_text, whole_number};

/// Builds a column of type `to` from the fields of a delimited file.
pub(super) fn from_texts(texts: StringArray, to: &DataType, misfits: &mut u64) -> ArrayRef {
    if *to == DataType::Utf8 {
        return Arc::new(texts);
    }
    let cells = texts.iter().map(|text| match text {
        Some(text) if !is_null_text(text) => Node::Cell(parse(text, to)),
        _ => Node::Cell(Cell::Null),
    });
    build(cells.collect(), to, misfits)
}

fn parse(text: &str, to: &DataType) -> Cell {
    let cell = match to {
        DataType::Int64 | DataType::UInt64 => whole_number(text).map(Cell::Int),
        DataType::Float64 => Some(Cell::Number(text.to_owned())),
        DataType::Boolean => boolean(text).map(Cell::Bool),
        _ => None,
    };
    cell.unwrap_or_else(|| Cell::Text(text.to_owned()))
}

/// Builds a column of type `to` from JSON values.
pub(super) fn from_cells(
    cells: impl Iterator<Item = Cell>,
    to: &DataType,
    misfits: &mut u64,
) -> ArrayRef {
    if *to == DataType::Utf8 {
        return texts(cells);
    }
    build(cells.map(Cell::into_node).collect(), to, misfits)
}

fn texts(cells: impl Iterator<Item = Cell>) -> ArrayRef {
    let mut builder = StringBuilder::new();
    for cell in cells {
        builder.append_option(cell.into_text());
    }
    Arc::new(builder.finish())
}

fn build(nodes: Vec<Node>, to: &DataType, misfits: &mut u64) -> ArrayRef {
    match to {
        DataType::Boolean => {
            let value = |cell: &Cell| match *cell {
                Cell::Bool(value) => Some(value),
                _ => None,
            };
            Arc::new(fitted::<_, BooleanArray>(&nodes, value, misfits))
        }
        DataType::Int64 => Arc::new(fitted::<_, Int64Array>(&nodes, whole, misfits)),
        DataType::UInt64 => Arc::new(fitted::<_, UInt64Array>(&nodes, whole, misfits)),
        DataType::Float64 => Arc::new(fitted::<_, Float64Array>(&nodes, float, misfits)),
        DataType::List(item) => list(nodes, item, misfits),
        DataType::Struct(fields) => structs(nodes, fields, misfits),
        _ => texts(nodes.into_iter().map(as_cell)),
    }
}

fn whole<T: TryFrom<i128>>(cell: &Cell) -> Option<T> {
    match cell {
        Cell::Int(value) => T::try_from(*value).ok(),
        _ => None,
    }
}

fn float(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Int(value) => Some(*value as f64),
        Cell::Number(text) => text.parse().ok(),
        _ => None,
    }
}

/// The cells that `value` can convert. The others become null, and are counted unless they were null.
fn fitted<T, A: FromIterator<Option<T>>>(
    nodes: &[Node],
    value: impl Fn(&Cell) -> Option<T>,
    misfits: &mut u64,
) -> A {
    let kept = nodes.iter().map(|node| {
        let kept = match node {
            Node::Cell(cell) => value(cell),
            _ => None,
        };
        *misfits += u64::from(kept.is_none() && *node != Node::Cell(Cell::Null));
        kept
    });
    kept.collect()
}

fn list(nodes: Vec<Node>, item: &Arc<Field>, misfits: &mut u64) -> ArrayRef {
    let (mut lengths, mut valid, mut items) = (Vec::new(), Vec::new(), Vec::new());
    for node in nodes {
        let is_null = node == Node::Cell(Cell::Null);
        let (is_list, inner) = match node {
            Node::List(inner) => (true, inner),
            _ => (false, Vec::new()),
        };
        *misfits += u64::from(!is_list && !is_null);
        lengths.push(inner.len());
        valid.push(is_list);
        items.extend(inner);
    }
    let values = build(items, item.data_type(), misfits);
    let offsets = OffsetBuffer::from_lengths(lengths);
    Arc::new(ListArray::new(
        item.clone(),
        offsets,
        values,
        Some(NullBuffer::from(valid)),
    ))
}

fn structs(nodes: Vec<Node>, fields: &arrow_schema::Fields, misfits: &mut u64) -> ArrayRef {
    let mut valid = Vec::with_capacity(nodes.len());
    let mut columns: Vec<Vec<Node>> = vec![Vec::with_capacity(nodes.len()); fields.len()];
    for node in nodes {
        let is_null = node == Node::Cell(Cell::Null);
        let mut members = match node {
            Node::Object(members) => Some(members),
            _ => None,
        };
        *misfits += u64::from(members.is_none() && !is_null);
        valid.push(members.is_some());
        for (field, column) in fields.iter().zip(&mut columns) {
            let found = members.as_mut().and_then(|members| {
                let at = members.iter().position(|(name, _)| name == field.name())?;
                Some(members.swap_remove(at).1)
            });
            column.push(found.unwrap_or(Node::Cell(Cell::Null)));
        }
        *misfits += members.map_or(0, |left| left.len() as u64);
    }
    let arrays = fields
        .iter()
        .zip(columns)
        .map(|(field, column)| build(column, field.data_type(), misfits));
    let arrays: Vec<ArrayRef> = arrays.collect();
    Arc::new(StructArray::new(
        fields.clone(),
        arrays,
        Some(NullBuffer::from(valid)),
    ))
}

/// A value that is kept as text.
fn as_cell(node: Node) -> Cell {
    match node {
        Node::Cell(cell) => cell,
        nested => Cell::Nested(json_text(&nested)),
    }
}

/// The compact JSON text of a value.
fn json_text(node: &Node) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    match node {
        Node::Cell(Cell::Null) => "null".to_owned(),
        Node::Cell(Cell::Text(text)) => quoted(text),
        Node::Cell(cell) => cell.clone().into_text().unwrap_or_default(),
        Node::List(items) => {
            let items: Vec<String> = items.iter().map(json_text).collect();
            format!("[{}]", items.join(","))
        }
        Node::Object(members) => {
            let members = members
                .iter()
                .map(|(name, node)| format!("{}:{}", quoted(name), json_text(node)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_cast::display::{ArrayFormatter, FormatOptions};

    use super::super::types::ColumnType;
    use super::*;

    fn column(values: &[&str]) -> (ArrayRef, u64) {
        let cells: Vec<Cell> = values
            .iter()
            .map(|value| Cell::of(serde_json::from_str(value).unwrap()))
            .collect();
        let mut kind = ColumnType::default();
        for cell in &cells {
            kind.add(ColumnType::of(&cell.clone().into_node()));
        }
        let mut misfits = 0;
        let array = from_cells(cells.into_iter(), &kind.arrow(), &mut misfits);
        (array, misfits)
    }

    fn shown(array: &ArrayRef) -> Vec<String> {
        let options = FormatOptions::new().with_null("-");
        let formatter = ArrayFormatter::try_new(array, &options).unwrap();
        (0..array.len())
            .map(|row| formatter.value(row).to_string())
            .collect()
    }

    #[test]
    fn every_value_fits_the_type_that_was_inferred_from_it() {
        for (values, expected) in [
            (
                &["1", "null", "18446744073709551615"][..],
                vec!["1", "-", "18446744073709551615"],
            ),
            (&["1", "0.25"], vec!["1.0", "0.25"]),
            (&["[1,null]", "null", "[]"], vec!["[1, -]", "-", "[]"]),
            (
                &[r#"{"a":1}"#, r#"{"b":["x"]}"#, "null"],
                vec!["{a: 1, b: -}", "{a: -, b: [x]}", "-"],
            ),
            (
                &["1", "\"a\"", "[1, 2]", "true"],
                vec!["1", "a", "[1, 2]", "true"],
            ),
            (
                &["18446744073709551616", "0.10"],
                vec!["18446744073709551616", "0.10"],
            ),
            (&["{}", "null"], vec!["{}", "-"]),
            (&[r#"[{}, {"a": {}}]"#], vec!["[{a: -}, {a: {}}]"]),
            (&[r#"[[1], "x"]"#], vec!["[[1], x]"]),
        ] {
            let (array, misfits) = column(values);
            assert_eq!(
                (shown(&array), misfits),
                (expected.iter().map(|s| (*s).to_owned()).collect(), 0)
            );
        }
    }

    #[test]
    fn values_that_do_not_fit_are_null_and_counted() {
        let texts = StringArray::from(vec![Some("1"), Some("007"), Some(""), None]);
        let mut misfits = 0;
        let array = from_texts(texts, &DataType::Int64, &mut misfits);
        assert_eq!(
            (shown(&array), misfits),
            (vec!["1".into(), "-".into(), "-".into(), "-".into()], 1)
        );
    }
}
