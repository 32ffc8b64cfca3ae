//! Owns the bounding boxes of a list's rows: which column types can hold them, how JSON values become
//! such a column, and how a cell is read. A cell that cannot be read is a failure of its row, never a
//! row without boxes: that would show what should be hidden. Never blurs anything.

use std::sync::Arc;

use arrow_array::builder::{Float64Builder, ListBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, LargeListArray, LargeStringArray};
use arrow_cast::{can_cast_types, cast};
use arrow_schema::{ArrowError, DataType, Field};
use turbo2ds_codec::BoundingBox;

use super::cell::Cell;
use crate::failure::Failure;

/// The boxes of a batch of rows.
#[derive(Clone, Debug)]
pub(crate) struct Boxes {
    cells: Cells,
    empty: EmptyCell,
}

#[derive(Clone, Debug)]
enum Cells {
    /// Lists of boxes, each a list of numbers.
    Lists(LargeListArray),
    /// Lists of boxes as JSON text.
    Texts(LargeStringArray),
}

/// What a cell without a value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EmptyCell {
    /// The row has no boxes.
    NoBoxes,
    /// The record lacks the field: its boxes are unknown.
    Broken,
}

impl Boxes {
    /// Whether a column of this type can be read as boxes.
    pub(super) fn accepts(kind: &DataType) -> bool {
        let lists = match kind {
            DataType::Null => true,
            _ => items(kind).is_some_and(|inner| {
                *inner == DataType::Null
                    || items(inner)
                        .is_some_and(|number| number.is_numeric() || *number == DataType::Null)
            }),
        };
        is_text(kind) || (lists && can_cast_types(kind, &lists_of_numbers()))
    }

    /// Converts a column whose type [`Self::accepts`] accepts.
    pub(crate) fn new(column: &ArrayRef, empty: EmptyCell) -> Result<Self, ArrowError> {
        let cells = if is_text(column.data_type()) {
            let texts = cast(column, &DataType::LargeUtf8)?;
            Cells::Texts(texts.as_string::<i64>().clone())
        } else {
            let lists = cast(column, &lists_of_numbers())?;
            Cells::Lists(lists.as_list::<i64>().clone())
        };
        Ok(Self { cells, empty })
    }

    /// The boxes of `row`.
    pub(crate) fn of(&self, row: usize) -> Result<Vec<BoundingBox>, Failure> {
        let is_null = match &self.cells {
            Cells::Lists(lists) => lists.is_null(row),
            Cells::Texts(texts) => texts.is_null(row),
        };
        if is_null {
            return match self.empty {
                EmptyCell::NoBoxes => Ok(Vec::new()),
                EmptyCell::Broken => Err(Failure::InvalidBoundingBox),
            };
        }
        match &self.cells {
            Cells::Lists(lists) => in_lists(lists.value(row).as_list()),
            Cells::Texts(texts) => in_text(texts.value(row)),
        }
        .ok_or(Failure::InvalidBoundingBox)
    }
}

/// The type that all lists of boxes are cast to.
fn lists_of_numbers() -> DataType {
    let list = |of| DataType::LargeList(Arc::new(Field::new_list_field(of, true)));
    list(list(DataType::Float64))
}

fn is_text(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

fn items(kind: &DataType) -> Option<&DataType> {
    match kind {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            Some(item.data_type())
        }
        _ => None,
    }
}

fn in_lists(boxes: &LargeListArray) -> Option<Vec<BoundingBox>> {
    (0..boxes.len())
        .map(|at| {
            if boxes.is_null(at) {
                return None;
            }
            let numbers = boxes.value(at);
            let numbers: Option<Vec<f64>> = numbers.as_primitive::<Float64Type>().iter().collect();
            bounding_box(&numbers?)
        })
        .collect()
}

fn in_text(text: &str) -> Option<Vec<BoundingBox>> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    let boxes: Option<Vec<Vec<f64>>> = serde_json::from_str(text).ok()?;
    boxes
        .unwrap_or_default()
        .iter()
        .map(|numbers| bounding_box(numbers))
        .collect()
}

/// Numbers after the four edges, such as a score, are ignored.
fn bounding_box(numbers: &[f64]) -> Option<BoundingBox> {
    BoundingBox::new(*numbers.first_chunk()?)
}

/// A column of boxes from JSON values. A value other than a list of lists of numbers is counted and
/// becomes a list of one null, which is an invalid box.
pub(super) fn column(cells: impl Iterator<Item = Cell>, misfits: &mut u64) -> ArrayRef {
    let mut lists = ListBuilder::new(ListBuilder::new(Float64Builder::new()));
    for cell in cells {
        let boxes: Option<Vec<Vec<f64>>> = match cell {
            Cell::Null => {
                lists.append_null();
                continue;
            }
            Cell::Text(text) | Cell::Nested(text) => serde_json::from_str(&text).ok(),
            Cell::Int(_) | Cell::Number(_) | Cell::Bool(_) => None,
        };
        match boxes {
            Some(boxes) => {
                for numbers in boxes {
                    lists.values().append_value(numbers.into_iter().map(Some));
                }
            }
            None => {
                *misfits += 1;
                lists.values().append_null();
            }
        }
        lists.append(true);
    }
    Arc::new(lists.finish())
}

#[cfg(test)]
mod tests {
    use arrow_array::types::{Float32Type, Int64Type};
    use arrow_array::{FixedSizeListArray, ListArray, NullArray, StringArray};
    use arrow_buffer::OffsetBuffer;

    use super::*;

    fn edges(edges: [f64; 4]) -> BoundingBox {
        BoundingBox::new(edges).unwrap()
    }

    fn nested(values: ArrayRef, lengths: &[usize]) -> ArrayRef {
        let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
        Arc::new(ListArray::new(item, offsets, values, None))
    }

    fn read(column: &ArrayRef) -> Vec<Result<Vec<BoundingBox>, Failure>> {
        assert!(Boxes::accepts(column.data_type()), "{}", column.data_type());
        let boxes = Boxes::new(column, EmptyCell::NoBoxes).unwrap();
        (0..column.len()).map(|row| boxes.of(row)).collect()
    }

    #[test]
    fn lists_of_any_numbers_and_of_fixed_length_are_boxes() {
        let floats = FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(
            [Some([0.5, 0.0, 0.75, 1.0].map(Some)), None, None],
            4,
        );
        let floats = nested(Arc::new(floats), &[1, 0, 2]);
        let expected = edges([0.5, 0.0, 0.75, 1.0]);
        assert_eq!(
            read(&floats),
            [
                Ok(vec![expected]),
                Ok(vec![]),
                Err(Failure::InvalidBoundingBox)
            ]
        );
        let ints = ListArray::from_iter_primitive::<Int64Type, _, _>([
            Some([0, 0, 1, 1].map(Some).to_vec()),
            Some([0, 0, 1].map(Some).to_vec()),
            Some(vec![Some(0), None, Some(1), Some(1)]),
        ]);
        let ints = nested(Arc::new(ints), &[1, 1, 1]);
        let found = read(&ints.slice(0, 3));
        assert_eq!(found[0], Ok(vec![edges([0.0, 0.0, 1.0, 1.0])]));
        assert!(found[1].is_err() && found[2].is_err());
        assert_eq!(read(&ints.slice(1, 1)), found[1..2]);
    }

    #[test]
    fn columns_without_any_value_have_no_boxes() {
        let nulls: ArrayRef = Arc::new(NullArray::new(2));
        assert_eq!(read(&nulls), [Ok(vec![]), Ok(vec![])]);
        let empty_lists = nested(Arc::new(NullArray::new(0)), &[0, 0]);
        assert_eq!(read(&empty_lists), [Ok(vec![]), Ok(vec![])]);
    }

    #[test]
    fn other_types_are_not_boxes() {
        let flat = ListArray::from_iter_primitive::<Float64Type, _, _>([Some([Some(0.0)])]);
        let words = nested(nested(Arc::new(StringArray::from(vec!["a"])), &[1]), &[1]);
        for kind in [flat.data_type(), words.data_type(), &DataType::Float64] {
            assert!(!Boxes::accepts(kind), "{kind}");
        }
    }

    #[test]
    fn text_must_be_json() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![
            Some("[[0, 0, 0.5, 1, 0.99], [0.5,0.5,0.5,0.5]]"),
            Some("[]"),
            Some(" "),
            Some("null"),
            None,
            Some("[0, 0, 1, 1]"),
            Some("[[0, 0, 1]]"),
            Some("[null]"),
            Some("[[0, 0, 200, 100]]"),
            Some("faces"),
        ]));
        let found = read(&texts);
        let two = vec![edges([0.0, 0.0, 0.5, 1.0]), edges([0.5, 0.5, 0.5, 0.5])];
        assert_eq!(found[0], Ok(two));
        assert!(found[1..5].iter().all(|boxes| *boxes == Ok(vec![])));
        assert!(found[5..].iter().all(Result::is_err));
        let known = Boxes::new(&texts, EmptyCell::Broken).unwrap();
        assert_eq!(known.of(2), Ok(vec![]));
        assert!(known.of(4).is_err());
    }

    #[test]
    fn json_values_become_lists_and_misfits_stay_broken() {
        let nested = |text: &str| Cell::Nested(text.to_owned());
        let cells = [
            nested("[[0.25,0,1,1]]"),
            Cell::Null,
            nested("[]"),
            nested("[[0.25,\"a\",1,1]]"),
            Cell::Text("nobody".to_owned()),
            Cell::Int(3),
        ];
        let mut misfits = 0;
        let column = column(cells.into_iter(), &mut misfits);
        let found = read(&column);
        assert_eq!(found[0], Ok(vec![edges([0.25, 0.0, 1.0, 1.0])]));
        assert!(found[1..3].iter().all(|boxes| *boxes == Ok(vec![])));
        assert!(found[3..].iter().all(Result::is_err));
        assert_eq!(misfits, 3);
    }
}
