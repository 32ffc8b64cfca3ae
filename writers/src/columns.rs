//! Owns the list of the columns that metadata have beside the list's own: their names, order and types, when
//! each is there, and how a row's value is got. The schema, the columns of the parquet, the members of the
//! JSON, the features of tfrecord and what `verify` reads follow from it. Never lays a value out.
//!
//! Every column may hold nulls: a failure has no facts, and a row that the list gives no key has none.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, StringArray};
use arrow_schema::{DataType, Field};

use crate::layout::Layout;
use crate::outcome::{RowFailure, RowOutcome, SampleFacts, Status};
use crate::value::Value;

/// A row, as far as its columns follow from it.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    /// None where the list gives the row no key that a sample may have.
    key: Option<&'a str>,
    end: Result<&'a SampleFacts, &'a RowFailure>,
}

impl<'a> Row<'a> {
    /// Any row.
    pub(crate) const fn new(key: Option<&'a str>, outcome: &'a RowOutcome) -> Self {
        let end = outcome.as_result();
        Self { key, end }
    }

    /// A row whose sample is written.
    pub(crate) const fn of_sample(key: &'a str, facts: &'a SampleFacts) -> Self {
        Self {
            key: Some(key),
            end: Ok(facts),
        }
    }

    const fn status(self) -> Status {
        match self.end {
            Ok(_) => Status::Success,
            Err(failure) => Status::Failed(failure.stage),
        }
    }

    fn facts(self) -> Option<&'a SampleFacts> {
        self.end.ok()
    }
}

/// How a row's value is got, and so its type.
#[derive(Clone, Copy)]
enum Source {
    Text(for<'a> fn(Row<'a>) -> Option<&'a str>),
    Number(for<'a> fn(Row<'a>) -> Option<u32>),
}

/// One column of the list.
struct Spec {
    /// Every name that it can have.
    names: &'static [&'static str],
    /// Its name in a layout; none where the layout has no such column.
    name_in: fn(&Layout) -> Option<&'static str>,
    /// Whether it is left out where the input has a column of its name. All others refuse such an input.
    gives_way: bool,
    source: Source,
}

macro_rules! columns {
    ($($(#[$doc:meta])* $column:ident = $spec:expr;)*) => {
        /// A column of the metadata, the list's own apart.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Column {
            $($(#[$doc])* $column,)*
        }

        impl Column {
            /// All, in the order in which they follow the list's own.
            pub const ALL: &'static [Self] = &[$(Self::$column),*];

            const fn spec(self) -> Spec {
                match self {
                    $(Self::$column => $spec,)*
                }
            }
        }
    };
}

/// A column of every layout.
macro_rules! always {
    ($name:literal, $source:expr) => {
        Spec {
            names: &[$name],
            name_in: |_| Some($name),
            gives_way: false,
            source: $source,
        }
    };
}

columns! {
    /// The sample's key.
    Key = always!("key", Source::Text(|row| row.key));
    /// How the row ended.
    Status = always!("status", Source::Text(|row| Some(row.status().as_str())));
    /// Why there is no sample.
    ErrorMessage = always!("error_message", Source::Text(|row| Some(&row.end.err()?.text)));
    /// Width of the stored image.
    Width = always!("width", Source::Number(|row| Some(row.facts()?.width)));
    /// Height of the stored image.
    Height = always!("height", Source::Number(|row| Some(row.facts()?.height)));
    /// Width of the image as it came.
    OriginalWidth = always!("original_width", Source::Number(|row| Some(row.facts()?.original_width)));
    /// Height of the image as it came.
    OriginalHeight = always!("original_height", Source::Number(|row| Some(row.facts()?.original_height)));
    /// EXIF tags.
    Exif = Spec {
        names: &["exif"],
        name_in: |layout| layout.exif_column.then_some("exif"),
        gives_way: false,
        source: Source::Text(|row| row.facts()?.exif.as_deref()),
    };
    /// Hash of the body as it came.
    Hash = Spec {
        names: &["md5", "sha256", "sha512"],
        name_in: |layout| layout.hash_column,
        gives_way: true,
        source: Source::Text(|row| row.facts()?.hash.as_deref()),
    };
    /// Perceptual hash of the image as it came.
    Pdq = Spec {
        names: &["pdq"],
        name_in: |layout| layout.pdq_columns.then_some("pdq"),
        gives_way: false,
        source: Source::Text(|row| row.facts()?.pdq.as_deref()),
    };
    /// Quality of the perceptual hash.
    PdqQuality = Spec {
        names: &["pdq_quality"],
        name_in: |layout| layout.pdq_columns.then_some("pdq_quality"),
        gives_way: false,
        source: Source::Number(|row| row.facts()?.pdq_quality),
    };
}

impl Column {
    /// Every name that it can have, of which a dataset has one.
    pub const fn names(self) -> &'static [&'static str] {
        self.spec().names
    }

    /// Its name, or the first of those that it can have.
    pub const fn name(self) -> &'static str {
        self.names()[0]
    }

    /// Its Arrow type.
    pub const fn data_type(self) -> DataType {
        match self.spec().source {
            Source::Text(_) => DataType::Utf8,
            Source::Number(_) => DataType::Int32,
        }
    }

    /// Its name in a layout, for an input that has the columns for which `has` is true; none where it is
    /// not there.
    pub(crate) fn name_in(
        self,
        layout: &Layout,
        has: impl Fn(&str) -> bool,
    ) -> Option<&'static str> {
        let spec = self.spec();
        (spec.name_in)(layout).filter(|name| !(spec.gives_way && has(name)))
    }

    /// Its field in a schema.
    pub(crate) fn field(self, name: &str) -> Field {
        Field::new(name, self.data_type(), true)
    }

    /// A row's value.
    pub(crate) fn value(self, row: Row<'_>) -> Value<'_> {
        match self.spec().source {
            Source::Text(get) => Value::text_or_null(get(row)),
            Source::Number(get) => Value::uint_or_null(get(row)),
        }
    }

    /// The values of many rows.
    pub(crate) fn array(self, rows: &[Row<'_>]) -> ArrayRef {
        let rows = rows.iter().copied();
        match self.spec().source {
            Source::Text(get) => Arc::new(rows.map(get).collect::<StringArray>()),
            // Sides of images and qualities are far below i32::MAX; a larger number could only be a caller's
            // mistake and is null rather than negative.
            Source::Number(get) => Arc::new(
                rows.map(|row| get(row).and_then(|number| i32::try_from(number).ok()))
                    .collect::<Int32Array>(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These facts, and others that differ from them in one field each.
    fn changed(facts: &SampleFacts) -> Vec<(&'static str, SampleFacts)> {
        // A new field is put here before this compiles.
        let SampleFacts {
            width,
            height,
            original_width,
            original_height,
            exif: _,
            hash: _,
            pdq: _,
            pdq_quality: _,
            // The extension of the member, which no column has.
            image_ext: _,
        } = facts.clone();
        let other = |name, change: fn(&mut SampleFacts)| {
            let mut facts = facts.clone();
            change(&mut facts);
            (name, facts)
        };
        assert_eq!(
            (width, height, original_width, original_height),
            (0, 0, 0, 0)
        );
        vec![
            other("width", |facts| facts.width = 1),
            other("height", |facts| facts.height = 1),
            other("original_width", |facts| facts.original_width = 1),
            other("original_height", |facts| facts.original_height = 1),
            other("exif", |facts| facts.exif = Some("{}".to_owned())),
            other("hash", |facts| facts.hash = Some("00".to_owned())),
            other("pdq", |facts| facts.pdq = Some("00".to_owned())),
            other("pdq_quality", |facts| facts.pdq_quality = Some(0)),
        ]
    }

    #[test]
    fn every_fact_of_a_sample_is_in_one_column() {
        let facts = SampleFacts::default();
        let values = |facts: &SampleFacts| {
            let row = Row::of_sample("key", facts);
            let columns = Column::ALL.iter();
            columns
                .map(|column| column.array(&[row]))
                .collect::<Vec<_>>()
        };
        let before = values(&facts);
        for (name, facts) in changed(&facts) {
            let after = values(&facts);
            let differing = before
                .iter()
                .zip(&after)
                .filter(|(one, other)| one != other);
            assert_eq!(differing.count(), 1, "{name}");
        }
    }
}
