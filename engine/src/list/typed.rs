//! Owns what the typed formats (parquet, Arrow) have in common: finding the kept columns in a file,
//! which types may hold what, one type per column over all files, and the casts to it. Never knows a
//! format.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::{can_cast_types, cast};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};

use super::bounding_boxes::Boxes;
use super::columns::{Column, Columns, Role, as_text};
use super::losses::{Loss, Losses};
use super::{RowSource, broken, explode, key_column, missing, shown};
use crate::error::Error;
use crate::text::visible;

/// The record batches of a file.
pub(super) trait Batches: Send {
    /// The next rows, at least one; `None` at the end.
    fn next(&mut self) -> Result<Option<RecordBatch>, Error>;

    /// As [`RowSource::skip`].
    fn skip(&mut self, rows: u64) -> u64 {
        let _ = rows;
        0
    }
}

/// Reads the kept columns of a file's batches.
pub(super) struct TypedSource<B> {
    path: PathBuf,
    batches: B,
    columns: Columns,
    types: Arc<[DataType]>,
    /// Index of each kept column in a batch.
    places: Vec<usize>,
    failed: bool,
    losses: Losses,
}

impl<B: Batches> TypedSource<B> {
    /// Reads the columns at `places` of each batch.
    pub(super) fn new(
        path: &Path,
        batches: B,
        columns: Columns,
        types: Arc<[DataType]>,
        places: Vec<usize>,
    ) -> Self {
        Self {
            losses: Losses::of(&shown(path), "row"),
            path: path.to_owned(),
            batches,
            columns,
            types,
            places,
            failed: false,
        }
    }

    fn read(&mut self) -> Result<Option<RecordBatch>, Error> {
        let Some(batch) = self.batches.next()? else {
            return Ok(None);
        };
        let places = self.places.iter();
        let arrays: Vec<ArrayRef> = places.map(|&place| batch.column(place).clone()).collect();
        kept(arrays, &self.columns, &self.types, &mut self.losses)
            .and_then(|arrays| self.columns.batch(arrays))
            .map(Some)
            .map_err(|cause| broken(&self.path, cause))
    }
}

impl<B: Batches> RowSource for TypedSource<B> {
    fn next_batch(&mut self) -> Option<Result<RecordBatch, Error>> {
        if self.failed {
            return None;
        }
        let batch = self.read().transpose();
        self.failed = matches!(batch, Some(Err(_)));
        batch
    }

    fn skip(&mut self, rows: u64) -> u64 {
        if self.columns.explode_url {
            return 0;
        }
        self.batches.skip(rows)
    }

    fn losses(&self) -> Losses {
        self.losses.clone()
    }
}

/// Indices of the kept columns in a file.
pub(super) struct Places(Vec<usize>);

impl Places {
    /// Finds every column, and refuses types that do not fit its role.
    ///
    /// # Errors
    /// [`Error::Input`] that names the column.
    pub(super) fn in_schema(
        path: &Path,
        schema: &Schema,
        columns: &Columns,
    ) -> Result<Self, Error> {
        let place = |column: &Column| {
            let fields = schema.fields();
            let root = fields
                .iter()
                .position(|field| *field.name() == column.source);
            let root = root.ok_or_else(|| {
                let present: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
                missing(path, &column.source, &present)
            })?;
            check_type(path, column, fields[root].data_type(), columns.explode_url)?;
            Ok(root)
        };
        columns
            .stored
            .iter()
            .map(place)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The indices, in the order of the kept columns.
    pub(super) fn roots(&self) -> Vec<usize> {
        self.0.clone()
    }

    /// The indices among only the kept columns, which are in the file's order.
    pub(super) fn among_kept(&self) -> Vec<usize> {
        // A column may have two roles but is read once.
        let kept: BTreeSet<usize> = self.0.iter().copied().collect();
        let before = |root: &usize| kept.range(..root).count();
        self.0.iter().map(before).collect()
    }
}

fn check_type(path: &Path, column: &Column, kind: &DataType, explode: bool) -> Result<(), Error> {
    let (name, file) = (visible(&column.source), shown(path));
    match column.role {
        Role::Boxes if !Boxes::accepts(kind) => Err(Error::input(
            format!(
                "column `{name}` of `{file}` holds no boxes but {}",
                kind_name(kind)
            ),
            "--bbox_col is a list of boxes for each row, each a list [x_min, y_min, x_max, y_max], or \
             such a list as JSON text",
        )),
        Role::Key if !key_column::accepts(kind) => Err(Error::input(
            format!(
                "column `{name}` of `{file}` holds no keys but {}",
                kind_name(kind)
            ),
            "--key_col is a column of texts or whole numbers; cast it to text in the list",
        )),
        Role::Url if explode && explode::accepts(kind) => Ok(()),
        Role::Url if explode::accepts(kind) => Err(lists_of_urls(path, &column.source)),
        Role::Url | Role::Hash | Role::CaptionPart if kind.is_nested() => Err(Error::input(
            format!(
                "column `{name}` of `{file}` holds no text but {}",
                kind_name(kind)
            ),
            "choose a column of text; a member of a struct has to become a column first",
        )),
        _ => Ok(()),
    }
}

/// A column that holds several URLs per row.
pub(super) fn lists_of_urls(path: &Path, column: &str) -> Error {
    Error::input(
        format!(
            "column `{}` of `{}` holds lists of URLs",
            visible(column),
            shown(path)
        ),
        "--explode_url True makes a row of each URL",
    )
}

/// The usual name of a type.
fn kind_name(kind: &DataType) -> String {
    match kind {
        DataType::Struct(_) => "structs".to_owned(),
        DataType::Map(..) => "maps".to_owned(),
        nested if nested.is_nested() => "lists".to_owned(),
        other => other.to_string(),
    }
}

/// The types of the kept columns of one file.
///
/// # Errors
/// As [`Places::in_schema`].
pub(super) fn types(
    path: &Path,
    schema: &Schema,
    columns: &Columns,
) -> Result<Vec<DataType>, Error> {
    let places = Places::in_schema(path, schema, columns)?;
    let roots = places.roots().into_iter();
    Ok(roots
        .map(|root| schema.field(root).data_type().clone())
        .collect())
}

/// Widens each type to hold the values of another file's columns.
///
/// # Errors
/// [`Error::Input`] for columns that have no type in common.
pub(super) fn widen(
    types: &mut [DataType],
    (first, path): (&Path, &Path),
    others: &[DataType],
    columns: &Columns,
) -> Result<(), Error> {
    for ((kind, other), column) in types.iter_mut().zip(others).zip(&columns.stored) {
        *kind = common(kind, other).ok_or_else(|| {
            Error::input(
                format!(
                    "column `{}` is {kind} in `{}` and {other} in `{}`",
                    visible(&column.source),
                    shown(first),
                    shown(path)
                ),
                "give the files one type, or list them in runs of their own",
            )
        })?;
    }
    Ok(())
}

/// The narrowest type that holds the values of both exactly.
fn common(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType as D;
    if a == b {
        return Some(a.clone());
    }
    match (a, b) {
        (D::Null, other) | (other, D::Null) => Some(other.clone()),
        (D::Dictionary(_, value), other) | (other, D::Dictionary(_, value)) => common(value, other),
        _ if is_text(a) && is_text(b) => Some(wider(a, b, D::Utf8, D::LargeUtf8)),
        _ if is_binary(a) && is_binary(b) => Some(wider(a, b, D::Binary, D::LargeBinary)),
        (D::Timestamp(x, zone), D::Timestamp(y, other)) if zone == other => {
            Some(D::Timestamp(finer(*x, *y), zone.clone()))
        }
        (D::List(x) | D::LargeList(x), D::List(y) | D::LargeList(y)) => {
            let item = common(x.data_type(), y.data_type())?;
            Some(D::LargeList(Arc::new(Field::new_list_field(item, true))))
        }
        _ if a.is_numeric() && b.is_numeric() => common_number(a, b),
        _ => None,
    }
}

/// The narrowest number type that holds both exactly, or else text.
fn common_number(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType as D;
    let bits = |kind: &D| kind.primitive_width().unwrap_or(0) * 8;
    let (ints, floats) = ([a, b].map(D::is_integer), [a, b].map(D::is_floating));
    if floats == [true, true] {
        return Some(if bits(a) >= bits(b) { a } else { b }.clone());
    }
    if ints == [true, true] {
        return Some(match (a.is_signed_integer(), b.is_signed_integer()) {
            (x, y) if x == y => if bits(a) >= bits(b) { a } else { b }.clone(),
            (true, _) => signed_for(bits(a), bits(b)),
            (false, _) => signed_for(bits(b), bits(a)),
        });
    }
    if ints[0] == floats[1] && ints[1] == floats[0] {
        let int = if ints[0] { a } else { b };
        // A float64 holds integers of 53 bits exactly.
        return Some(if bits(int) <= 32 { D::Float64 } else { D::Utf8 });
    }
    None
}

/// The type for signed integers of `signed` bits and unsigned ones of `unsigned` bits.
fn signed_for(signed: usize, unsigned: usize) -> DataType {
    match signed.max(unsigned * 2) {
        0..=8 => DataType::Int8,
        9..=16 => DataType::Int16,
        17..=32 => DataType::Int32,
        33..=64 => DataType::Int64,
        _ => DataType::Utf8,
    }
}

fn is_text(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

fn is_binary(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView
    )
}

fn wider(a: &DataType, b: &DataType, narrow: DataType, wide: DataType) -> DataType {
    if *a == wide || *b == wide {
        wide
    } else {
        narrow
    }
}

fn finer(a: TimeUnit, b: TimeUnit) -> TimeUnit {
    let rank = |unit| match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 1,
        TimeUnit::Microsecond => 2,
        TimeUnit::Nanosecond => 3,
    };
    if rank(a) >= rank(b) { a } else { b }
}

/// Converts the kept columns of a batch: those that the engine reads to text, the others to the type of
/// the list.
fn kept(
    arrays: Vec<ArrayRef>,
    columns: &Columns,
    types: &[DataType],
    losses: &mut Losses,
) -> Result<Vec<ArrayRef>, ArrowError> {
    let mut invalid_utf8 = 0;
    let kept = arrays.into_iter().zip(&columns.stored).zip(types);
    let kept = kept.map(|((array, column), kind)| match column.role {
        Role::Url if columns.explode_url && explode::accepts(array.data_type()) => {
            explode::as_lists(&array)
        }
        Role::Url if columns.explode_url => {
            let texts = as_text(&array, &mut invalid_utf8)?;
            Ok(explode::from_texts(arrow_array::cast::AsArray::as_string(
                &texts,
            )))
        }
        Role::Url | Role::Hash | Role::CaptionPart => as_text(&array, &mut invalid_utf8),
        Role::Key => key_column::texts(&array, &mut invalid_utf8),
        Role::Extra | Role::Boxes | Role::Caption => to_type(array, kind),
    });
    let kept = kept.collect();
    losses.add(Loss::InvalidUtf8, invalid_utf8);
    kept
}

fn to_type(array: ArrayRef, kind: &DataType) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == kind {
        return Ok(array);
    }
    if !can_cast_types(array.data_type(), kind) {
        return Err(ArrowError::CastError("its types have changed".to_owned()));
    }
    cast(&array, kind)
}

#[cfg(test)]
mod tests {
    use DataType as D;

    use super::*;

    #[test]
    fn common_types_hold_both_exactly() {
        let list = |of: DataType| D::List(Arc::new(Field::new_list_field(of, true)));
        let large = |of: DataType| D::LargeList(Arc::new(Field::new_list_field(of, true)));
        for (a, b, expected) in [
            (D::Null, D::Utf8, Some(D::Utf8)),
            (D::Int32, D::Int64, Some(D::Int64)),
            (D::Int8, D::UInt8, Some(D::Int16)),
            (D::Int64, D::UInt64, Some(D::Utf8)),
            (D::Int32, D::Float64, Some(D::Float64)),
            (D::Int64, D::Float64, Some(D::Utf8)),
            (D::Float32, D::Float64, Some(D::Float64)),
            (D::Utf8View, D::LargeUtf8, Some(D::LargeUtf8)),
            (
                D::Dictionary(Box::new(D::Int32), Box::new(D::Utf8)),
                D::Utf8,
                Some(D::Utf8),
            ),
            (list(D::Null), list(D::Int64), Some(large(D::Int64))),
            (D::Utf8, D::Int64, None),
            (list(D::Int64), D::Int64, None),
        ] {
            assert_eq!(common(&a, &b), expected, "{a} {b}");
            assert_eq!(common(&b, &a), expected, "{b} {a}");
        }
    }
}
