//! Owns judging a run over a generated list: it is refused before it begins, or every row of the list
//! is a row of the metadata; no other file has changed; and no control character was printed. Never
//! runs anything.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use arrow_array::{Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, Schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::Made;
use super::truth::{Cell, Refusal, Row, Rows};

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Exit code; `None` after a signal.
    pub code: Option<i32>,
    /// All of standard output.
    pub stdout: Vec<u8>,
    /// All of standard error.
    pub stderr: Vec<u8>,
}

/// What was wrong.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What, for counting.
    pub what: &'static str,
    /// What exactly.
    pub detail: String,
}

fn fault(what: &'static str, detail: impl Into<String>) -> Fault {
    Fault {
        what,
        detail: detail.into(),
    }
}

/// The metadata of a dataset: its rows, and the types of its columns.
struct Metadata {
    rows: Vec<Found>,
    types: BTreeMap<String, DataType>,
}

/// One row: URL and saved columns as text, `None` for null.
struct Found {
    url: Option<String>,
    cells: Vec<Option<String>>,
}

/// Holds a run over `made`, in `folder`, against what must come of it.
pub fn judge(made: &Made, folder: &Path, ended: &Ended) -> Vec<Fault> {
    let mut faults = Vec::new();
    faults.extend(of_files(made, folder));
    faults.extend(of_texts(ended));
    let output = folder.join(made.output);
    match (ended.code, marks(&output)) {
        (Some(1 | 2), 0) => faults.extend(of_refusal(made, ended)),
        (Some(0), _) => faults.extend(of_rows(made, &output, ended)),
        (Some(1), _) => faults.extend(of_end_in_the_middle(made, &output, ended)),
        (code, _) => faults.push(fault("ends otherwise", format!("code {code:?}"))),
    }
    faults
}

/// Every file is as it was, and nothing came beside the output folder.
fn of_files(made: &Made, folder: &Path) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in &made.files {
        if fs::read(folder.join(&file.path)).ok().as_ref() != Some(&file.bytes) {
            let path = file.path.to_string_lossy().escape_debug().to_string();
            faults.push(fault("changes a file that is not its own", path));
        }
    }
    let known: Vec<OsString> = made
        .files
        .iter()
        .filter_map(|file| Some(Path::new(&file.path).iter().next()?.to_owned()))
        .collect();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name != *made.output && !known.contains(&name) {
            faults.push(fault("leaves something beside", name.to_string_lossy()));
        }
    }
    faults
}

/// What a person reads is text, and nothing that a terminal would obey.
fn of_texts(ended: &Ended) -> Option<Fault> {
    for bytes in [&ended.stdout, &ended.stderr] {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Some(fault(
                "says bytes that are no text",
                bytes.escape_ascii().to_string(),
            ));
        };
        let obeyed = |c: char| {
            let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            c.is_control() && !matches!(c, '\n' | '\t') || turns
        };
        if text.contains(obeyed) {
            return Some(fault("says control bytes", text.escape_debug().to_string()));
        }
        if text.contains("panicked") {
            return Some(fault("panics", text));
        }
    }
    None
}

fn of_refusal(made: &Made, ended: &Ended) -> Option<Fault> {
    let said = String::from_utf8_lossy(&ended.stderr);
    let last = said.lines().last().unwrap_or_default();
    if !last.starts_with("hint: ") {
        return Some(fault("refuses without a hint", &*said));
    }
    match &made.truth.refusal {
        Refusal::Never => Some(fault("refuses a good list", &*said)),
        Refusal::May => None,
        Refusal::Must(words) => {
            // The name of a list says what it likes.
            let mut said = said.to_lowercase();
            for file in &made.files {
                said = said.replace(&*file.path.to_string_lossy().to_lowercase(), "");
            }
            let says = words.is_empty() || words.iter().any(|word| said.contains(word));
            (!says).then(|| {
                fault(
                    "refuses without the true name",
                    format!("{words:?}: {said}"),
                )
            })
        }
    }
}

fn of_rows(made: &Made, output: &Path, ended: &Ended) -> Option<Fault> {
    if let Refusal::Must(_) = made.truth.refusal {
        return Some(fault("takes what it must refuse", said(ended)));
    }
    let metadata = match metadata(output, &made.truth.saved) {
        Ok(metadata) => metadata,
        Err(detail) => return Some(fault("metadata do not read", detail)),
    };
    let found = match &made.truth.rows {
        Rows::Unknown => Ok(()),
        Rows::Exact(rows) | Rows::CutShort(rows) => compare(rows, &metadata, rows.len()),
        Rows::Told(rows) => match compare(rows, &metadata, rows.len()) {
            Err(_) if tells_of_losses(ended) => Ok(()),
            other => other,
        },
    };
    if let Err(mut fault) = found {
        fault.detail = format!("{}\n{}", fault.detail, said(ended));
        return Some(fault);
    }
    if made.truth.losses && !tells_of_losses(ended) {
        return Some(fault("is silent about losses", said(ended)));
    }
    None
}

/// A run that began and ended with an error: the first rows are there, and the list was cut short.
fn of_end_in_the_middle(made: &Made, output: &Path, ended: &Ended) -> Option<Fault> {
    let said = said(ended);
    let rows = match &made.truth.rows {
        Rows::CutShort(rows) => rows,
        Rows::Unknown => return None,
        _ => return Some(fault("ends in the middle", said)),
    };
    let metadata = match metadata(output, &made.truth.saved) {
        Ok(metadata) => metadata,
        Err(detail) => return Some(fault("metadata do not read", detail)),
    };
    let known = metadata.rows.len().min(rows.len());
    compare(rows, &metadata, known).err()
}

fn said(ended: &Ended) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!(
        "code {:?}\n{}{}",
        ended.code,
        text(&ended.stdout),
        text(&ended.stderr)
    )
}

/// Whether a line is there beyond those of every run that speaks of the list.
fn tells_of_losses(ended: &Ended) -> bool {
    let words = ["line", "record", "row", "value", "quote", "field"];
    let text = said(ended).to_lowercase();
    let mut lines = text.lines();
    lines.any(|line| {
        let usual = ["worker", "total", "shards:", "code"];
        !usual.iter().any(|head| line.starts_with(head))
            && words.iter().any(|word| line.contains(word))
    })
}

/// Holds the rows that came against the first `count` that were written.
fn compare(rows: &[Row], metadata: &Metadata, count: usize) -> Result<(), Fault> {
    let rows = without_what_is_none(&rows[..count], &metadata.rows);
    if rows.len() != metadata.rows.len() {
        return Err(wrong_count(&rows, metadata));
    }
    for (at, (row, found)) in rows.iter().zip(&metadata.rows).enumerate() {
        if !fits(&row.url, found.url.as_deref()) {
            let detail = format!("row {at}: {:?} for {:?}", found.url, row.url);
            return Err(fault("has another URL", detail));
        }
        for (cell, value) in row.cells.iter().zip(&found.cells) {
            if !fits_or_nested(cell, value.as_deref()) {
                let detail = format!("row {at}: {value:?} for {cell:?}");
                return Err(fault("has another value", detail));
            }
        }
    }
    Ok(())
}

/// The rows, as far as those that may be none are there.
fn without_what_is_none<'a>(rows: &'a [Row], found: &[Found]) -> Vec<&'a Row> {
    if rows.iter().all(|row| !row.optional) {
        return rows.iter().collect();
    }
    // Whether the rows from `at` on can be those found from `to` on, from the last on.
    let mut can = vec![vec![false; found.len() + 1]; rows.len() + 1];
    can[rows.len()][found.len()] = true;
    let is = |row: &Row, to: usize| to < found.len() && fits(&row.url, found[to].url.as_deref());
    for at in (0..rows.len()).rev() {
        for to in (0..=found.len()).rev() {
            let taken = is(&rows[at], to) && can[at + 1][to + 1];
            can[at][to] = taken || rows[at].optional && can[at + 1][to];
        }
    }
    let mut to = 0;
    let mut kept = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let taken = is(row, to) && can[at + 1][to + 1];
        if taken || !row.optional {
            kept.push(row);
            to = (to + 1).min(found.len());
        }
    }
    kept
}

fn wrong_count(rows: &[&Row], metadata: &Metadata) -> Fault {
    let urls: Vec<_> = metadata.rows.iter().map(|row| &row.url).collect();
    let (wanted, came) = (rows.len(), metadata.rows.len());
    let what = if came < wanted {
        "loses rows"
    } else {
        "has rows that are none"
    };
    fault(what, format!("{came} rows for {wanted}: {urls:?}"))
}

fn fits(cell: &Cell, value: Option<&str>) -> bool {
    match cell {
        Cell::Any | Cell::Nested => true,
        Cell::Null => value.is_none(),
        Cell::Exact(text) => value == Some(text),
    }
}

fn fits_or_nested(cell: &Cell, value: Option<&str>) -> bool {
    match cell {
        Cell::Nested => value.is_some_and(|text| text.starts_with(NESTED)),
        other => fits(other, value),
    }
}

/// Before the text of a value whose type is a list or a struct.
const NESTED: &str = "\u{1}";

/// Finished shards.
fn marks(output: &Path) -> usize {
    let entries = fs::read_dir(output).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name());
    names
        .filter(|name| name.to_string_lossy().ends_with("_stats.json"))
        .count()
}

/// Reads the metadata of the finished shards.
fn metadata(output: &Path, saved: &[String]) -> Result<Metadata, String> {
    let mut all = Metadata {
        rows: Vec::new(),
        types: BTreeMap::new(),
    };
    let mut shard = 0;
    loop {
        if !output.join(format!("{shard:05}_stats.json")).exists() {
            return match marks(output) {
                count if count == shard => Ok(all),
                count => Err(format!(
                    "{count} shards are finished, and not shard {shard}"
                )),
            };
        }
        let path = output.join(format!("{shard:05}.parquet"));
        for batch in batches(&path).map_err(|error| format!("{}: {error}", path.display()))? {
            take_types(&mut all.types, &batch.schema(), saved)?;
            take_rows(&mut all.rows, &batch, saved)?;
        }
        shard += 1;
    }
}

fn batches(path: &PathBuf) -> io::Result<Vec<RecordBatch>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?.build()?;
    reader.collect::<Result<_, _>>().map_err(io::Error::other)
}

/// A column has one type in all shards.
fn take_types(
    types: &mut BTreeMap<String, DataType>,
    schema: &Schema,
    saved: &[String],
) -> Result<(), String> {
    for name in saved {
        let kind = match schema.field_with_name(name) {
            Ok(field) => field.data_type().clone(),
            Err(error) => return Err(error.to_string()),
        };
        let first = types.entry(name.clone()).or_insert_with(|| kind.clone());
        if *first != kind {
            return Err(format!(
                "column {name} is {first} in one shard and {kind} in another"
            ));
        }
    }
    Ok(())
}

fn take_rows(rows: &mut Vec<Found>, batch: &RecordBatch, saved: &[String]) -> Result<(), String> {
    let options = FormatOptions::default();
    let column = |name: &str| -> Result<Vec<Option<String>>, String> {
        let array = batch
            .column_by_name(name)
            .ok_or_else(|| format!("no column {name}"))?;
        let nested = matches!(
            array.data_type(),
            DataType::List(_)
                | DataType::LargeList(_)
                | DataType::FixedSizeList(..)
                | DataType::Struct(_)
        );
        let formatter = ArrayFormatter::try_new(array, &options).map_err(|e| e.to_string())?;
        let text = |row: usize| {
            let text = formatter.value(row).to_string();
            array.is_valid(row).then(|| match nested {
                true => format!("{NESTED}{text}"),
                false => text,
            })
        };
        // A column of nulls has no validity of its own.
        let is_null = *array.data_type() == DataType::Null;
        Ok((0..batch.num_rows())
            .map(|row| text(row).filter(|_| !is_null))
            .collect())
    };
    let urls = column("url")?;
    let cells: Vec<Vec<Option<String>>> = saved
        .iter()
        .map(|name| column(name))
        .collect::<Result<_, _>>()?;
    rows.extend(urls.into_iter().enumerate().map(|(row, url)| Found {
        url,
        cells: cells.iter().map(|column| column[row].clone()).collect(),
    }));
    Ok(())
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
