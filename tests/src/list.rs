//! Owns the sample lists: rows with a URL of the fake web, a caption and an id.
//! Never has a row that the fake web cannot answer.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// The form of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListFormat {
    /// One URL per line.
    Txt,
    /// `id,url,caption` with a header line.
    Csv,
    /// One object per line.
    Jsonl,
}

impl ListFormat {
    /// The format of a name, which is also its extension.
    pub fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "txt" => Self::Txt,
            "csv" => Self::Csv,
            "jsonl" => Self::Jsonl,
            _ => return None,
        })
    }
}

/// One row of a sample list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The row's number, from 0.
    pub id: u64,
    /// Where its picture is.
    pub url: String,
    /// A caption with what breaks careless readers: a comma, quotes, letters beyond ASCII.
    pub caption: String,
}

/// The rows of a sample: mostly pictures of several formats and sides, one in twenty not found.
/// `base` is the origin, `http://HOST:PORT`.
pub fn sample(base: &str, count: u64) -> impl Iterator<Item = Row> + use<> {
    let base = base.to_owned();
    (0..count).map(move |id| {
        let extension = ["jpg", "jpg", "jpg", "png", "webp", "pjpg"][(id % 6) as usize];
        let (width, height) = (160 + id % 7 * 48, 120 + id % 5 * 40);
        let url = if id % 20 == 19 {
            format!("{base}/missing/{id}.jpg")
        } else {
            format!("{base}/img/{id}.{extension}?w={width}&h={height}")
        };
        let caption = format!("picture {id}, {width} × {height}, \"{extension}\"");
        Row { id, url, caption }
    })
}

/// Writes rows to a new file.
///
/// # Errors
/// What the file system says.
pub fn write(path: &Path, format: ListFormat, rows: impl Iterator<Item = Row>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    if format == ListFormat::Csv {
        file.write_all(b"id,url,caption\n")?;
    }
    for row in rows {
        match format {
            ListFormat::Txt => writeln!(file, "{}", row.url)?,
            ListFormat::Csv => {
                let caption = row.caption.replace('"', "\"\"");
                writeln!(file, "{},{},\"{caption}\"", row.id, row.url)?;
            }
            ListFormat::Jsonl => {
                let line =
                    serde_json::json!({"id": row.id, "url": row.url, "caption": row.caption});
                writeln!(file, "{line}")?;
            }
        }
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_the_same_every_time() {
        let rows: Vec<Row> = sample("http://h", 40).collect();
        assert_eq!(rows, sample("http://h", 40).collect::<Vec<_>>());
        assert_eq!(rows[19].url, "http://h/missing/19.jpg");
        assert!(rows[0].url.starts_with("http://h/img/0.jpg?w="));
    }

    #[test]
    fn a_csv_list_quotes_its_captions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.csv");
        write(&path, ListFormat::Csv, sample("http://h", 1)).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        assert!(
            text.ends_with("\"picture 0, 160 × 120, \"\"jpg\"\"\"\n"),
            "{text}"
        );
    }
}
