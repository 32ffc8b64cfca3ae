//! Runs that failed in known ways, which the judge must detect.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use parquet::arrow::ArrowWriter;

use super::super::File as Beside;
use super::super::truth::Truth;
use super::*;

const NAMES: [&str; 3] = [
    "http://127.0.0.1/a",
    "http://127.0.0.1/b",
    "http://127.0.0.1/c",
];

fn exact(text: &str) -> Cell {
    Cell::Exact(text.to_owned())
}

/// A list of three rows with a saved column.
fn made() -> Made {
    let rows = NAMES.iter().zip(["1", "2", "3"]).map(|(url, id)| Row {
        cells: vec![exact(id)],
        ..Row::of_url(exact(url))
    });
    Made {
        seed: 0,
        files: vec![Beside {
            path: "list.csv".into(),
            bytes: b"url,id".to_vec(),
        }],
        list: "list.csv".into(),
        output: "out",
        options: Vec::new(),
        truth: Truth::of(rows.collect(), vec!["id".to_owned()]),
        kinds: Vec::new(),
    }
}

/// A dataset of shards, each of these URLs and ids.
fn folder(shards: &[(&[&str], ArrayRef)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    fs::create_dir(&output).unwrap();
    fs::write(folder.path().join("list.csv"), "url,id").unwrap();
    for (shard, (urls, ids)) in shards.iter().enumerate() {
        let urls: ArrayRef = Arc::new(StringArray::from(urls.to_vec()));
        let batch = RecordBatch::try_from_iter([("id", ids.clone()), ("url", urls)]).unwrap();
        let file = File::create(output.join(format!("{shard:05}.parquet"))).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        fs::write(output.join(format!("{shard:05}_stats.json")), "{}").unwrap();
    }
    folder
}

fn ids(ids: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(ids.to_vec()))
}

fn ended(code: i32, stdout: &str, stderr: &str) -> Ended {
    Ended {
        code: Some(code),
        stdout: stdout.into(),
        stderr: stderr.into(),
    }
}

const USUAL: &str = "worker  - success: 0.000 - count: 3\ntotal   - success: 0.000 - count: 3\n";

fn found(made: &Made, folder: &Path, ended: &Ended) -> Vec<&'static str> {
    let faults = judge(made, folder, ended);
    faults.into_iter().map(|fault| fault.what).collect()
}

#[test]
fn rows_that_are_lost_made_up_moved_or_changed_are_found() {
    let [a, b, c] = NAMES;
    let cases: [(&[&str], &[i64], &[&str]); 6] = [
        (&[a, b, c], &[1, 2, 3], &[]),
        (&[a, c], &[1, 3], &["loses rows"]),
        (&[a, b, c, c], &[1, 2, 3, 3], &["has rows that are none"]),
        (&[a, c, b], &[1, 3, 2], &["has another URL"]),
        (&[a, b, "\"c\""], &[1, 2, 3], &["has another URL"]),
        (&[a, b, c], &[1, 2, 30], &["has another value"]),
    ];
    for (urls, numbers, expected) in cases {
        let folder = folder(&[(urls, ids(numbers))]);
        let run = ended(0, USUAL, "");
        assert_eq!(found(&made(), folder.path(), &run), expected, "{urls:?}");
    }
}

#[test]
fn a_column_has_one_type_in_all_shards() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["3"]));
    let folder = folder(&[(&NAMES[..2], ids(&[1, 2])), (&NAMES[2..], texts)]);
    let run = ended(0, USUAL, "");
    assert_eq!(
        found(&made(), folder.path(), &run),
        ["metadata do not read"]
    );
}

#[test]
fn a_row_that_may_be_none_is_there_or_not() {
    let [a, b, c] = NAMES;
    for urls in [&[a, b, "  ", c][..], &[a, b, c]] {
        let mut made = made();
        let mut rows = made.truth.known_rows().to_vec();
        for row in &mut rows {
            row.cells.clear();
        }
        let maybe = Row {
            optional: true,
            ..Row::of_url(Cell::Any)
        };
        rows.insert(0, maybe.clone());
        rows.insert(3, maybe);
        made.truth = Truth::of(rows, Vec::new());
        let folder = folder(&[(urls, ids(&vec![0; urls.len()]))]);
        let run = ended(0, USUAL, "");
        assert_eq!(found(&made, folder.path(), &run), [""; 0], "{urls:?}");
    }
}

#[test]
fn a_refusal_has_a_hint_and_is_of_what_must_or_may_be_refused() {
    let folder = folder(&[]);
    let judged = |made: &Made, said: &str| found(made, folder.path(), &ended(1, "", said));
    let good = "input error: `list.csv` is a zip archive\nhint: unpack it\n";
    assert_eq!(judged(&made(), good), ["refuses a good list"]);
    let mut other = made();
    other.truth.or_refused();
    assert_eq!(judged(&other, good), [""; 0]);
    assert_eq!(
        judged(&other, "input error: it is bad\n"),
        ["refuses without a hint"]
    );
    other.truth = Truth::refused(&["zip"]);
    assert_eq!(judged(&other, good), [""; 0]);
    // A name that says it does not count.
    let named = "input error: cannot read `list.csv`\nhint: none\n";
    other.truth = Truth::refused(&["csv"]);
    assert_eq!(judged(&other, named), ["refuses without the true name"]);
    let taken = ended(0, USUAL, "");
    assert_eq!(
        found(&other, folder.path(), &taken),
        ["takes what it must refuse"]
    );
}

#[test]
fn an_end_in_the_middle_is_for_lists_that_are_cut_short() {
    let folder = folder(&[(&NAMES[..2], ids(&[1, 2]))]);
    let run = ended(1, USUAL, "input error: it ends early\nhint: is it whole?\n");
    let mut made = made();
    assert_eq!(found(&made, folder.path(), &run), ["ends in the middle"]);
    made.truth.cut_short();
    assert_eq!(found(&made, folder.path(), &run), [""; 0]);
    let whole = ended(0, USUAL, "");
    assert_eq!(found(&made, folder.path(), &whole), ["loses rows"]);
}

#[test]
fn losses_are_told() {
    let folder = folder(&[(&NAMES[..2], ids(&[1, 2]))]);
    let mut made = made();
    made.truth.or_told();
    let silent = ended(0, USUAL, "");
    assert_eq!(found(&made, folder.path(), &silent), ["loses rows"]);
    let told = ended(
        0,
        &format!("{USUAL}of the list, line 3 is in a quote\n"),
        "",
    );
    assert_eq!(found(&made, folder.path(), &told), [""; 0]);
}

#[test]
fn changed_files_traces_and_control_bytes_are_found() {
    let folder = folder(&[(&NAMES, ids(&[1, 2, 3]))]);
    let beeps = ended(0, USUAL, "warning: \u{7}\n");
    assert_eq!(
        found(&made(), folder.path(), &beeps),
        ["says control bytes"]
    );
    let bytes = Ended {
        stderr: b"\xff".to_vec(),
        ..ended(0, USUAL, "")
    };
    assert_eq!(
        found(&made(), folder.path(), &bytes),
        ["says bytes that are no text"]
    );
    fs::write(folder.path().join("trace.log"), "x").unwrap();
    fs::write(folder.path().join("list.csv"), "url").unwrap();
    let faults = found(&made(), folder.path(), &ended(0, USUAL, ""));
    let expected = [
        "changes a file that is not its own",
        "leaves something beside",
    ];
    assert_eq!(faults, expected);
}
