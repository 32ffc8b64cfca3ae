//! Owns generating a whole case: a list, its name, the options for it, and the files around it. Never
//! writes to a disk.

use std::ffi::OsString;

use super::name::{Format, Unnamed};
use super::table::{Role, Table};
use super::truth::{Refusal, Truth};
use super::wrap::Compression;
use super::{File, Made, delimited, foreign, json, lines, name, stored, wrap};
use crate::harness::seed::Seeded;

const OUTPUT: &str = "out";

/// Lists whose first line is no header that is known, and no record.
const TELL_NOTHING: [&str; 5] = [
    "--no_header",
    "semicolons unannounced",
    "malformed records",
    "every record malformed",
    "records over several lines",
];
/// JSON lists of columns, each of which is one record where it is read as a line.
const TABLES: [&str; 2] = ["object of objects", "object of lists"];

/// A list's bytes and what is known of them.
struct Written {
    bytes: Vec<u8>,
    truth: Truth,
    options: Vec<String>,
    compression: Compression,
}

/// Draws the case of a seed.
pub fn make(seed: u64) -> Made {
    let random = &mut Seeded::new(seed);
    let mut kinds = Vec::new();
    let format = draw_format(random);
    kinds.push(format.word());
    match random.below(100) {
        0..5 => {
            let (bytes, truth) = foreign::empty(random, format, &mut kinds);
            bare(random, seed, format, bytes, truth, kinds)
        }
        5..9 => {
            let (bytes, truth) = foreign::other(random, &mut kinds);
            bare(random, seed, format, bytes, truth, kinds)
        }
        _ => whole(random, seed, format, kinds),
    }
}

fn draw_format(random: &mut Seeded) -> Format {
    match random.below(100) {
        0..25 => Format::Csv,
        25..40 => Format::Tsv,
        40..52 => Format::Txt,
        52..68 => Format::Json,
        68..84 => Format::Jsonl,
        84..94 => Format::Parquet,
        _ => Format::Arrow,
    }
}

/// A case of a file that is no list, under a usual name.
fn bare(
    random: &mut Seeded,
    seed: u64,
    format: Format,
    bytes: Vec<u8>,
    truth: Truth,
    kinds: Vec<&'static str>,
) -> Made {
    let name: OsString = format!("list.{}", format.word()).into();
    let mut options = Vec::new();
    if random.chance(20) {
        options.extend(["--input_format".to_owned(), format.word().to_owned()]);
    }
    Made {
        seed,
        files: vec![
            File {
                path: name.clone(),
                bytes,
            },
            beside(random),
        ],
        list: name,
        output: OUTPUT,
        options,
        truth,
        kinds,
    }
}

/// A case of a list with rows.
fn whole(random: &mut Seeded, seed: u64, format: Format, mut kinds: Vec<&'static str>) -> Made {
    let mut of_table = Vec::new();
    let table = Table::draw(random, &mut of_table);
    // A list of lines has nothing of a table but its URLs.
    of_table.retain(|kind| format != Format::Txt || *kind == "odd URLs");
    kinds.extend(of_table);
    let mut written = write(random, &table, format, &mut kinds);
    if !written.truth.knows_a_url() {
        // A list without a URL may be taken for a list of something else.
        written.truth.or_refused();
    }
    let mut options = std::mem::take(&mut written.options);
    options.extend(of_columns(
        random,
        &table,
        format,
        &mut written.truth,
        &mut kinds,
    ));
    let unnamed = Unnamed {
        format,
        compression: written.compression,
        tells_nothing: table.columns.len() == 1
            || kinds.iter().any(|kind| TELL_NOTHING.contains(kind)),
        is_table: kinds.iter().any(|kind| TABLES.contains(kind)),
    };
    let mut files = vec![beside(random)];
    let (list, input_format) = if random.chance(6) {
        folder(random, &unnamed, &mut written, &mut files, &mut kinds)
    } else {
        let named = name::draw(random, &unnamed, &mut written.truth, &mut kinds);
        let list = place(
            random,
            named.name,
            written.bytes,
            &mut files,
            &mut written.truth,
            &mut kinds,
        );
        (list, named.input_format)
    };
    if let Some(word) = input_format {
        options.extend(["--input_format".to_owned(), word.to_owned()]);
    }
    let formats = ["webdataset", "webdataset", "files", "parquet", "tfrecord"];
    options.extend([
        "--output_format".to_owned(),
        (*random.pick(&formats)).to_owned(),
    ]);
    options.extend([
        "--number_sample_per_shard".to_owned(),
        (1 + random.below(7)).to_string(),
    ]);
    Made {
        seed,
        files,
        list,
        output: OUTPUT,
        options,
        truth: written.truth,
        kinds,
    }
}

fn write(
    random: &mut Seeded,
    table: &Table,
    format: Format,
    kinds: &mut Vec<&'static str>,
) -> Written {
    if format.is_stored() {
        let mut stored = if format == Format::Parquet {
            stored::parquet(random, table, kinds)
        } else {
            stored::arrow(random, table, kinds)
        };
        return stored_as_it_is(random, &mut stored.bytes, stored.truth, kinds);
    }
    let text = match format {
        Format::Txt => lines::write(random, table, kinds),
        Format::Json => json::write(random, table, false, kinds),
        Format::Jsonl => json::write(random, table, true, kinds),
        _ => delimited::write(random, table.clone(), format == Format::Tsv, kinds),
    };
    let mut truth = text.truth;
    let bytes = wrap::encode(random, &text.text, &mut truth, kinds);
    let asked = table.saved().chain([table.url()]);
    if kinds.contains(&"Latin-1") && asked.into_iter().any(|column| !column.name.is_ascii()) {
        // The column's name is no text.
        truth.or_refused();
    }
    let (bytes, compression) = wrap::compress(random, bytes, &mut truth, kinds);
    Written {
        bytes,
        truth,
        options: text.options,
        compression,
    }
}

/// A file of a format with types, now and then compressed as a whole or cut short.
fn stored_as_it_is(
    random: &mut Seeded,
    bytes: &mut Vec<u8>,
    mut truth: Truth,
    kinds: &mut Vec<&'static str>,
) -> Written {
    let mut compression = Compression::None;
    if random.chance(5) {
        (*bytes, compression) = wrap::compress(random, std::mem::take(bytes), &mut truth, kinds);
        truth.or_refused();
    } else if random.chance(5) {
        kinds.push("cut short");
        bytes.truncate(8 + random.below(bytes.len() as u64 - 8) as usize);
        truth.cut_short();
    }
    Written {
        bytes: std::mem::take(bytes),
        truth,
        options: Vec::new(),
        compression,
    }
}

/// Options that name columns, now and then one that is not there.
fn of_columns(
    random: &mut Seeded,
    table: &Table,
    format: Format,
    truth: &mut Truth,
    kinds: &mut Vec<&'static str>,
) -> Vec<String> {
    let mut options = Vec::new();
    let mut give = |name: &str, value: String| options.extend([format!("--{name}"), value]);
    if format == Format::Txt {
        truth.saved.clear();
        if random.chance(5) {
            kinds.push("a caption column of txt");
            truth.or_refused();
            give("caption_col", "caption".to_owned());
        }
        return options;
    }
    let saved = table.saved().filter(|column| column.role == Role::Saved);
    let mut saved: Vec<&str> = saved.map(|column| &*column.name).collect();
    let mut url = &*table.url().name;
    match random.below(60) {
        0 => {
            kinds.push("a column that is not there");
            truth.must_be_refused(&["nope"]);
            saved.push("nope");
        }
        1 => {
            kinds.push("a URL column that is not there");
            truth.must_be_refused(&["nope"]);
            url = "nope";
        }
        2 => {
            kinds.push("a reserved column");
            truth.must_be_refused(&["status"]);
            saved.push("status");
        }
        _ => {}
    }
    if url != "url" {
        give("url_col", url.to_owned());
    }
    if let Some(caption) = table.column(Role::Caption) {
        give("caption_col", caption.name.clone());
    }
    if !saved.is_empty() {
        give(
            "save_additional_columns",
            serde_json::json!(saved).to_string(),
        );
    }
    options
}

/// A file of somebody's, next to the list.
fn beside(random: &mut Seeded) -> File {
    File {
        path: "mine.txt".into(),
        bytes: random.below(u64::MAX).to_string().into_bytes(),
    }
}

/// Puts the list into a folder twice, beside what is none; gives what the command is told.
fn folder(
    random: &mut Seeded,
    list: &Unnamed,
    written: &mut Written,
    files: &mut Vec<File>,
    kinds: &mut Vec<&'static str>,
) -> (OsString, Option<&'static str>) {
    let word = list.format.word();
    let end = format!("{word}{}", list.compression.extension());
    written.truth.twice();
    let mut put = |path: String, bytes: &[u8]| {
        files.push(File {
            path: path.into(),
            bytes: bytes.to_vec(),
        });
    };
    put(format!("lists/a.{end}"), &written.bytes);
    put(format!("lists/b.{end}"), &written.bytes);
    put("lists/notes.md".to_owned(), b"# of somebody's");
    if random.chance(25) {
        put(format!("lists/.hidden.{end}"), b"http://127.0.0.1/hidden");
        kinds.push("a hidden file beside");
    }
    if random.chance(40) {
        kinds.push("a glob");
        return (format!("lists/*.{end}").into(), None);
    }
    kinds.push("a folder");
    if random.chance(30) {
        // Which of its files are lists is then for the program to say.
        written.truth.or_refused();
        return ("lists".into(), None);
    }
    if list.format == Format::Arrow {
        written.truth.or_refused();
    }
    ("lists".into(), Some(word))
}

/// Puts the list somewhere, among other files; gives what the command is told.
fn place(
    random: &mut Seeded,
    name: OsString,
    bytes: Vec<u8>,
    files: &mut Vec<File>,
    truth: &mut Truth,
    kinds: &mut Vec<&'static str>,
) -> OsString {
    let below = |folder: &str, name: &OsString| {
        let mut path = OsString::from(format!("{folder}/"));
        path.push(name);
        path
    };
    let mine = |path: &str| File {
        path: path.into(),
        bytes: b"mine".to_vec(),
    };
    let mut path = name.clone();
    match random.below(50) {
        0..4 => {
            kinds.push("others' files in the output folder");
            files.extend([mine("out/mine.txt"), mine("out/sub/mine.txt")]);
        }
        4 => {
            kinds.push("others' files under shards' names");
            truth.or_refused();
            files.extend(["out/00000.parquet", "out/00000.tar", "out/00000.tfrecord"].map(mine));
        }
        5 => {
            kinds.push("others' files in a shard's folder");
            truth.or_refused();
            files.push(mine("out/00000/mine.txt"));
        }
        6 => {
            kinds.push("the list in the output folder");
            truth.or_refused();
            path = below(OUTPUT, &name);
        }
        7 => {
            kinds.push("the list under a shard's name");
            truth.unknown_name();
            path = "out/00000.parquet".into();
        }
        _ => {}
    }
    files.push(File {
        path: path.clone(),
        bytes,
    });
    path
}

impl Truth {
    /// The name is another than the one that was drawn, in a folder that a run may refuse.
    fn unknown_name(&mut self) {
        if matches!(self.refusal, Refusal::Must(_)) {
            self.must_be_refused(&[]);
        } else {
            self.unknown();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::truth::Rows;
    use super::*;

    #[test]
    fn a_seed_draws_the_same_list_every_time() {
        for seed in 0..200 {
            let (one, other) = (make(seed), make(seed));
            assert_eq!(one.files.len(), other.files.len());
            for (one, other) in one.files.iter().zip(&other.files) {
                assert!(one.path == other.path && one.bytes == other.bytes, "{seed}");
            }
            assert_eq!((one.options, one.truth), (other.options, other.truth));
        }
    }

    #[test]
    fn of_most_lists_it_is_known_what_must_come_of_them() {
        let count = 4000;
        let mut shares = BTreeMap::new();
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        for seed in 0..count {
            let made = make(seed);
            let share = match (&made.truth.refusal, &made.truth.rows) {
                (Refusal::Must(_), _) => "refused",
                (_, Rows::Unknown) => "unknown",
                (Refusal::Never, _) => "read",
                (Refusal::May, _) => "read or refused",
            };
            *shares.entry(share).or_insert(0) += 100;
            for kind in made.kinds {
                *kinds.entry(kind).or_default() += 1;
            }
        }
        let share = |name| shares[name] / count;
        assert!(share("read") >= 50, "{shares:?}");
        assert!(share("refused") >= 8, "{shares:?}");
        assert!(share("unknown") <= 8, "{shares:?}");
        // Whatever is particular about lists is met hundreds of times in 20,000.
        let rare: Vec<_> = kinds
            .iter()
            .filter(|(kind, times)| **times < 5 && **kind != "no URL")
            .collect();
        assert!(
            kinds.len() > 70 && rare.is_empty(),
            "{rare:?} of {}",
            kinds.len()
        );
    }
}
