//! Owns which columns are kept, under which names and in which order, and how batches of them are
//! built: captions from several columns are joined, and cells with lists of URLs become rows. Never
//! reads a file.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema};

use super::explode;
use crate::config::InputConfig;

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Kept as it is.
    Extra,
    /// The boxes to blur; also kept.
    Boxes,
    /// A part of the caption; also kept as text.
    CaptionPart,
    /// The caption.
    Caption,
    /// The expected hash; not in the output.
    Hash,
    /// The sample's key; not in the output.
    Key,
    /// The URL.
    Url,
}

/// One kept column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// Name in the file.
    pub(crate) source: String,
    /// Name in the batch.
    pub(crate) output: String,
    /// What it is for.
    pub(crate) role: Role,
}

/// The kept columns, in the order of a batch; the last is the URL.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    /// Columns of the file.
    pub(crate) stored: Vec<Column>,
    /// Separator of the parts of a joined caption; `None` if captions are not joined.
    separator: Option<String>,
    pub(super) explode_url: bool,
}

impl Columns {
    pub(crate) fn new(config: &InputConfig) -> Self {
        let column = |source: &String, output: String, role| Column {
            source: source.clone(),
            output,
            role,
        };
        let kept = |role| move |name: &String| column(name, name.clone(), role);
        let named =
            |output: &'static str, role| move |name: &String| column(name, output.to_owned(), role);
        let part = |name: &String| column(name, format!("caption_{name}"), Role::CaptionPart);
        let mut stored = Vec::new();
        stored.extend(config.save_additional_columns.iter().map(kept(Role::Extra)));
        stored.extend(config.bbox_col.iter().map(kept(Role::Boxes)));
        stored.extend(config.caption_cols.iter().map(part));
        stored.extend(
            config
                .caption_col
                .iter()
                .map(named("caption", Role::Caption)),
        );
        stored.extend(
            config
                .verify_hash_col
                .iter()
                .map(named("expected_hash", Role::Hash)),
        );
        stored.extend(config.key_col.iter().map(named("key", Role::Key)));
        stored.push(named("url", Role::Url)(&config.url_col));
        Self {
            stored,
            separator: (!config.caption_cols.is_empty()).then(|| config.caption_separator.clone()),
            explode_url: config.explode_url,
        }
    }

    /// Number of columns of the file.
    pub(crate) fn len(&self) -> usize {
        self.stored.len()
    }

    /// Index of the column with this role in a batch.
    pub(crate) fn place(&self, role: Role) -> Option<usize> {
        let at = self.stored.iter().position(|column| column.role == role)?;
        Some(at + usize::from(self.caption_after().is_some_and(|after| at > after)))
    }

    /// Index of the last caption part. The joined caption follows it.
    fn caption_after(&self) -> Option<usize> {
        self.stored
            .iter()
            .rposition(|column| column.role == Role::CaptionPart)
    }

    /// Builds a batch from the columns' values, which are in the order of `stored`.
    pub(super) fn batch(&self, mut arrays: Vec<ArrayRef>) -> Result<RecordBatch, ArrowError> {
        let mut names: Vec<&str> = self.stored.iter().map(|column| &*column.output).collect();
        if let (Some(separator), Some(after)) = (&self.separator, self.caption_after()) {
            let parts = self.stored.iter().zip(&arrays);
            let parts = parts.filter(|(column, _)| column.role == Role::CaptionPart);
            let parts: Vec<&StringArray> = parts.map(|(_, array)| array.as_string()).collect();
            let caption = joined(&parts, separator);
            arrays.insert(after + 1, Arc::new(caption));
            names.insert(after + 1, "caption");
        }
        if self.explode_url {
            explode::rows(&mut arrays)?;
        }
        let fields: Vec<Field> = names
            .into_iter()
            .zip(&arrays)
            .map(|(name, array)| Field::new(name, array.data_type().clone(), true))
            .collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
    }
}

/// Joins the non-empty texts of each row with `separator`; null if there are none.
fn joined(parts: &[&StringArray], separator: &str) -> StringArray {
    let rows = parts.first().map_or(0, |part| Array::len(*part));
    let row = |row: usize| {
        let texts = parts.iter().filter(|part| part.is_valid(row));
        let texts: Vec<&str> = texts
            .map(|part| part.value(row))
            .filter(|text| !text.is_empty())
            .collect();
        (!texts.is_empty()).then(|| texts.join(separator))
    };
    (0..rows).map(row).collect()
}

/// Converts a column to UTF-8 text. Invalid bytes are replaced and counted; nested values are refused.
pub(super) fn as_text(array: &ArrayRef, invalid_utf8: &mut u64) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::Utf8 => Ok(Arc::clone(array)),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => {
            let bytes = arrow_cast::cast(array, &DataType::LargeBinary)?;
            let bytes = arrow_array::cast::as_generic_binary_array::<i64>(&bytes);
            let mut builder = StringBuilder::new();
            for value in bytes {
                let text = value.map(String::from_utf8_lossy);
                *invalid_utf8 += u64::from(matches!(text, Some(std::borrow::Cow::Owned(_))));
                builder.append_option(text);
            }
            Ok(Arc::new(builder.finish()))
        }
        nested if nested.is_nested() => Err(ArrowError::CastError(
            "lists and structs are not text".to_owned(),
        )),
        _ => arrow_cast::cast(array, &DataType::Utf8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(texts.to_vec()))
    }

    #[test]
    fn several_captions_are_joined_and_kept_separately() {
        let config = InputConfig {
            caption_cols: vec!["alt".to_owned(), "caption".to_owned()],
            caption_separator: "; ".to_owned(),
            verify_hash_col: Some("md5".to_owned()),
            ..InputConfig::default()
        };
        let columns = Columns::new(&config);
        let batch = columns
            .batch(vec![
                texts(&[Some("a"), None, Some("")]),
                texts(&[Some("b"), Some("c"), None]),
                texts(&[None; 3]),
                texts(&[Some("u"); 3]),
            ])
            .unwrap();
        let schema = batch.schema();
        let names: Vec<&str> = schema
            .fields()
            .iter()
            .map(|field| &**field.name())
            .collect();
        let expected = [
            "caption_alt",
            "caption_caption",
            "caption",
            "expected_hash",
            "url",
        ];
        assert_eq!(names, expected);
        assert_eq!(columns.place(Role::Hash), Some(3));
        assert_eq!(columns.place(Role::CaptionPart), Some(0));
        let captions: Vec<_> = batch.column(2).as_string::<i32>().iter().collect();
        assert_eq!(captions, [Some("a; b"), Some("c"), None]);
    }
}
