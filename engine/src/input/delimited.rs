//! Owns csv and tsv (RFC 4180): header, quoting, records that are too short or too long.
//! Never drops a record.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, RecordBatch};
use csv::{ByteRecord, Reader, ReaderBuilder};

use crate::error::Error;

use super::columns::{Column, ColumnType, Columns, Role, convert, infer};
use super::lines::append_lossily;
use super::text::Records;
use super::{LossyCounts, RECORD_BYTES_MAX, broken, missing};

/// Size of the csv reader's buffer, bytes.
const BUFFER_BYTES: usize = 1 << 18;

/// The records of a delimited file.
pub(super) struct Delimited {
    path: PathBuf,
    reader: Reader<Metered>,
    record: ByteRecord,
    /// Fields of the header.
    width: usize,
    /// Where each kept column stands in a record.
    places: Vec<usize>,
    columns: Columns,
    builders: Vec<StringBuilder>,
    /// Decided by the first batch.
    types: Option<Vec<ColumnType>>,
}

impl Delimited {
    /// Reads the header.
    pub(super) fn open(
        path: &Path,
        bytes: Box<dyn Read + Send>,
        delimiter: u8,
        columns: Columns,
    ) -> Result<Self, Error> {
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .buffer_capacity(BUFFER_BYTES)
            .from_reader(Metered {
                bytes,
                since_record: 0,
            });
        let header = reader
            .byte_headers()
            .map_err(|cause| broken(path, &cause))?;
        let names: Vec<String> = header
            .iter()
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect();
        let place = |column: &Column| {
            names
                .iter()
                .position(|name| *name == column.source)
                .ok_or_else(|| {
                    let present: Vec<&str> = names.iter().map(String::as_str).collect();
                    missing(path, &column.source, &present)
                })
        };
        let places = columns.0.iter().map(place).collect::<Result<_, _>>()?;
        Ok(Self {
            path: path.to_owned(),
            reader,
            record: ByteRecord::new(),
            width: names.len(),
            places,
            builders: columns.0.iter().map(|_| StringBuilder::new()).collect(),
            columns,
            types: None,
        })
    }
}

impl Records for Delimited {
    fn append(&mut self, lossy: &mut LossyCounts) -> Result<Option<usize>, Error> {
        self.reader.get_mut().since_record = 0;
        let more = self
            .reader
            .read_byte_record(&mut self.record)
            .map_err(|cause| broken(&self.path, &cause))?;
        if !more {
            return Ok(None);
        }
        lossy.short_records += u64::from(self.record.len() < self.width);
        lossy.long_records += u64::from(self.record.len() > self.width);
        for (builder, &place) in self.builders.iter_mut().zip(&self.places) {
            match self.record.get(place) {
                Some(field) => append_lossily(builder, field, lossy),
                None => builder.append_null(),
            }
        }
        Ok(Some(self.record.as_slice().len()))
    }

    fn finish(&mut self, lossy: &mut LossyCounts) -> Result<RecordBatch, Error> {
        let texts: Vec<_> = self
            .builders
            .iter_mut()
            .map(StringBuilder::finish)
            .collect();
        let types = self.types.get_or_insert_with(|| {
            let typed = self.columns.0.iter().zip(&texts);
            typed
                .map(|(column, text)| match column.role {
                    Role::Extra => infer(text),
                    _ => ColumnType::Utf8,
                })
                .collect()
        });
        let arrays: Vec<ArrayRef> = texts
            .into_iter()
            .zip(types.iter())
            .map(|(text, to)| match to {
                ColumnType::Utf8 => Arc::new(text),
                _ => convert(text, *to, &mut lossy.misfits),
            })
            .collect();
        self.columns
            .batch(arrays)
            .map_err(|cause| broken(&self.path, &cause))
    }
}

/// Bytes of which one record may take only so many.
struct Metered {
    bytes: Box<dyn Read + Send>,
    since_record: usize,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_record > RECORD_BYTES_MAX {
            return Err(io::Error::other(
                "a record is over 16 MiB; is a quote left open?",
            ));
        }
        let read = self.bytes.read(buffer)?;
        self.since_record += read;
        Ok(read)
    }
}
