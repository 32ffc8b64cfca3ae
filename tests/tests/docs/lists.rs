//! Owns the small lists that stand for those which the examples name: of the name, the columns and the
//! form that a page's commands expect, every URL with a picture. Never runs an example.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use turbo2ds_tests::harness::{Job, read};
use turbo2ds_tests::web::Web;

use super::shell::{calls, value};

/// Rows of each list.
const ROWS: usize = 12;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Url,
    /// A text of its own in each row.
    Text,
    /// Boxes to blur.
    Boxes,
    /// The SHA-256 of the picture.
    Hash,
}

/// A list as a page's commands expect it.
#[derive(Default)]
struct Wanted {
    columns: BTreeMap<String, Content>,
    /// Names and order of the columns where the file has no header.
    headless: Option<Vec<String>>,
    delimiter: Option<String>,
}

/// The pictures that all lists name.
pub(crate) struct Pictures {
    urls: Vec<String>,
    hashes: Vec<String>,
}

impl Pictures {
    pub(crate) fn of(web: &Web) -> Self {
        let url = |seed| web.url(&format!("/img/{seed}.jpg?w=96&h=80"));
        let urls: Vec<String> = (0..ROWS).map(url).collect();
        let job = Job::of_urls(web, &urls);
        job.succeed();
        let rows = read::rows_by_url(&job.output());
        let hash = |url: &String| read::text(&rows[url], "sha256").to_owned();
        let hashes = urls.iter().map(hash).collect();
        Self { urls, hashes }
    }

    /// Writes every list that commands of a page read into their folder.
    pub(crate) fn write_lists<'a>(&self, folder: &Path, lines: impl Iterator<Item = &'a str>) {
        let mut lists: BTreeMap<String, Wanted> = BTreeMap::new();
        for line in lines {
            for call in calls(line, "turbo2ds") {
                let Some(list) = list_of(line, &call) else {
                    continue;
                };
                lists.entry(list).or_default().add(&call);
            }
        }
        for (name, wanted) in lists {
            self.write(&folder.join(name.replace('*', "0")), &wanted);
        }
    }

    fn write(&self, path: &Path, wanted: &Wanted) {
        let parent = path.parent().expect("a list is in a folder");
        fs::create_dir_all(parent).unwrap();
        let Some(extension) = path.extension() else {
            fs::create_dir_all(path).unwrap();
            fs::write(path.join("part-0.parquet"), self.parquet(wanted)).unwrap();
            return;
        };
        let bytes = match extension.to_str().unwrap() {
            "txt" => (self.urls.join("\n") + "\n").into_bytes(),
            "csv" => self.delimited(wanted, ","),
            "tsv" => self.delimited(wanted, "\t"),
            "parquet" => self.parquet(wanted),
            "gz" => gzip(&self.delimited(wanted, ",")),
            other => panic!("no list is written as {other}"),
        };
        fs::write(path, bytes).unwrap();
    }

    fn cell(&self, name: &str, content: Content, row: usize) -> String {
        match content {
            Content::Url => self.urls[row].clone(),
            Content::Text => format!("{name} {row}"),
            Content::Boxes => "[[0.1, 0.1, 0.4, 0.5]]".to_owned(),
            Content::Hash => self.hashes[row].clone(),
        }
    }

    fn delimited(&self, wanted: &Wanted, delimiter: &str) -> Vec<u8> {
        let delimiter = wanted.delimiter.as_deref().unwrap_or(delimiter);
        let names: Vec<&String> = match &wanted.headless {
            Some(names) => names.iter().collect(),
            None => wanted.columns.keys().collect(),
        };
        let content = |name: &str| wanted.columns.get(name).copied().unwrap_or(Content::Text);
        let header = names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let rows = (0..ROWS).map(|row| {
            let cells = names.iter().map(|name| self.cell(name, content(name), row));
            cells.map(|cell| quoted(&cell, delimiter)).collect()
        });
        let lines = wanted.headless.is_none().then_some(header);
        let lines = lines.into_iter().chain(rows);
        let text: String = lines.map(|line| line.join(delimiter) + "\n").collect();
        text.into_bytes()
    }

    fn parquet(&self, wanted: &Wanted) -> Vec<u8> {
        let columns = wanted.columns.iter().map(|(name, content)| {
            let cells = (0..ROWS).map(|row| Some(self.cell(name, *content, row)));
            let column: ArrayRef = Arc::new(cells.collect::<StringArray>());
            (name, column)
        });
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        bytes
    }
}

impl Wanted {
    fn add(&mut self, call: &[String]) {
        let url = value(call, "--url_col").unwrap_or("url");
        self.columns.insert(url.to_owned(), Content::Url);
        for option in ["--caption_col", "--key_col"] {
            self.text_columns(value(call, option).into_iter());
        }
        for option in ["--caption_cols", "--save_additional_columns"] {
            self.text_columns(listed(value(call, option).unwrap_or_default()));
        }
        if let Some(boxes) = value(call, "--bbox_col") {
            self.columns.insert(boxes.to_owned(), Content::Boxes);
        }
        if let Some(hash) = value(call, "--verify_hash").and_then(|both| listed(both).next()) {
            self.columns.insert(hash.to_owned(), Content::Hash);
        }
        if call.iter().any(|argument| argument == "--no_header") {
            let names = listed(value(call, "--columns").expect("names of the columns"));
            self.headless = Some(names.map(str::to_owned).collect());
        }
        if let Some(delimiter) = value(call, "--delimiter") {
            self.delimiter = Some(delimiter.to_owned());
        }
    }

    fn text_columns<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        for name in names {
            self.columns.entry(name.to_owned()).or_insert(Content::Text);
        }
    }
}

/// The file that a run reads: its list, or what is piped into it; none for another sub-command.
fn list_of(line: &str, call: &[String]) -> Option<String> {
    let named = value(call, "--url_list").or_else(|| call.first().map(String::as_str))?;
    match named {
        "doctor" | "resolve" | "tune" | "verify" => None,
        "-" => calls(line, "zcat").pop()?.pop(),
        option if option.starts_with("--") => None,
        list => Some(list.to_owned()),
    }
}

/// The texts of a list, as JSON or with commas.
fn listed(list: &str) -> impl Iterator<Item = &str> {
    let parts = list.split(|c: char| "[]\"', ".contains(c));
    parts.filter(|part| !part.is_empty())
}

fn quoted(cell: &str, delimiter: &str) -> String {
    match cell.contains(delimiter) || cell.contains('"') {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
