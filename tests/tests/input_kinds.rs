//! End to end: what kind of file a list is, pipes, cells of any type in every output format, and lists
//! that are refused. Addresses are not allowed, unless a test needs images.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use turbo2ds_tests::harness::{Job, read, tool};
use turbo2ds_tests::web::{Ports, Web};

/// `url,id` and three rows.
const XZ: &[u8] = b"\
    \xfd\x37\x7a\x58\x5a\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x16\x00\x00\x00\x74\x2f\xe5\xa3\
    \xe0\x00\x45\x00\x28\x5d\x00\x3a\x9c\x89\xb7\xd8\xd2\xdf\xa7\xf9\xe1\x75\xa7\xa9\xb7\x3a\xf2\x45\
    \x82\x38\x85\x5a\xde\x74\x5c\x33\x00\xb5\xd7\x6c\x32\xe9\x2e\x23\x55\x22\x6e\x13\x11\x00\x00\x00\
    \xf8\xb6\xc5\x7d\x22\x2d\xcd\x33\x00\x01\x44\x46\x8f\xdb\x2c\x2b\x1f\xb6\xf3\x7d\x01\x00\x00\x00\
    \x00\x04\x59\x5a";
const BZIP2: &[u8] = b"\
    \x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x73\xfc\x09\xd3\x00\x00\x22\xd9\x80\x00\x10\x00\x05\xf8\
    \xf0\x04\x64\x56\x00\x20\x00\x50\xa6\x13\x4d\x01\xa6\x20\xda\x52\x32\x30\xd4\xc8\xd3\x15\xb5\xeb\
    \x6b\xe6\x86\x11\x05\x20\x6a\x11\x26\x34\xa4\x38\xa8\xd6\x8d\x64\xe3\xdf\x8d\xb3\x64\xff\x17\x72\
    \x45\x38\x50\x90\x73\xfc\x09\xd3";

fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(order).collect()
}

fn arrow(urls: &[&str]) -> Vec<u8> {
    let ids: ArrayRef = Arc::new(StringArray::from(vec!["7", "8", "9"]));
    let urls: ArrayRef = Arc::new(StringArray::from(urls.to_vec()));
    let batch = RecordBatch::try_from_iter([("id", ids), ("url", urls)]).unwrap();
    let mut writer = arrow_ipc::writer::FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn a_list_is_what_its_bytes_say_whatever_its_name() {
    let csv = "url,id\nhttp://127.0.0.1/1,7\nhttp://127.0.0.1/2,8\nhttp://127.0.0.1/3,9\n";
    let urls = [
        "http://127.0.0.1/1",
        "http://127.0.0.1/2",
        "http://127.0.0.1/3",
    ];
    let columns = format!("{{\"url\":{urls:?},\"id\":[7,8,9]}}");
    for (name, bytes) in [
        ("list.csv.xz", XZ.to_vec()),
        ("list.CSV", BZIP2.to_vec()),
        ("list", BZIP2.to_vec()),
        ("list.tsv", utf16(&csv.replace(',', "\t"), u16::to_le_bytes)),
        ("list.csv", utf16(csv, u16::to_be_bytes)),
        ("list.feather", arrow(&urls)),
        ("list.txt", arrow(&urls)),
        (
            "list.jsonl",
            columns
                .clone()
                .replace('{', "[{")
                .replace('}', "}]")
                .into_bytes(),
        ),
        ("list.json", columns.into_bytes()),
    ] {
        let job = Job::strict(name, bytes).option("--save_additional_columns", "id");
        let job = if name == "list.jsonl" {
            // One record whose cells are lists, in an array.
            job.option("--explode_url", "True")
        } else {
            job
        };
        job.succeed();
        let rows = read::rows(&job.output());
        let found: Vec<&str> = rows.iter().map(|row| read::text(row, "url")).collect();
        assert_eq!(found, urls, "{name}");
        if name != "list.jsonl" {
            let ids: Vec<&str> = rows.iter().map(|row| read::text(row, "id")).collect();
            assert_eq!(ids, ["7", "8", "9"], "{name}");
        }
    }
}

/// Feeds a job's list to its binary through a pipe.
fn piped(job: Job, list: &std::path::Path) -> Job {
    job.through([
        "sh".into(),
        "-c".into(),
        "exec \"$@\" < \"$0\"".into(),
        list.as_os_str().to_owned(),
    ])
    .over("-")
}

#[test]
fn lists_that_stream_are_read_from_standard_input_and_resume() {
    let lines: String = (0..500).fold(String::new(), |mut lines, n| {
        let _ = writeln!(lines, "http://127.0.0.1/{n}");
        lines
    });
    let job = Job::strict("list.txt", &lines).option("--number_sample_per_shard", "100");
    let list = job.file("copy.txt", &lines);
    let job = piped(job, &list);
    job.succeed();
    assert_eq!(read::rows(&job.output()).len(), 500);
    for name in ["00002_stats.json", "00002.parquet"] {
        std::fs::remove_file(job.output().join(name)).unwrap();
    }
    let outcome = job.succeed();
    assert!(
        outcome.stdout.contains("1 written, 4 found done"),
        "{outcome}"
    );
    std::fs::write(&list, lines.replace("/7\n", "/8\n")).unwrap();
    let outcome = job.run();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stderr.contains("config mismatch"), "{outcome}");
}

#[test]
fn lists_whose_end_is_read_first_are_refused_from_pipes() {
    let job = Job::strict("list.txt", "");
    let list = job.file("copy.arrow", arrow(&["a", "b", "c"]));
    let outcome = piped(job, &list).run();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(
        outcome
            .stderr
            .contains("arrow cannot be read from standard input"),
        "{outcome}"
    );
}

#[test]
fn additional_columns_of_a_pipe_are_text() {
    let csv = "url,n\nhttp://127.0.0.1/1,7\nhttp://127.0.0.1/2,many\n";
    let job = Job::strict("list.txt", "")
        .option("--input_format", "csv")
        .option("--save_additional_columns", "n")
        .option("--number_sample_per_shard", "1");
    let list = job.file("copy.csv", csv);
    let job = piped(job, &list);
    job.succeed();
    let rows = read::rows(&job.output());
    let cells: Vec<&str> = rows.iter().map(|row| read::text(row, "n")).collect();
    assert_eq!(cells, ["7", "many"]);
}

#[test]
fn a_mixed_folder_says_what_it_leaves_out() {
    let job = Job::strict("unused.txt", "");
    let folder = job.file("lists/a.csv", "url\nhttp://127.0.0.1/1\n");
    job.file("lists/b.CSV.bz2", BZIP2);
    for other in ["lists/_SUCCESS", "lists/notes.md", "lists/\u{1b}[2Jx"] {
        job.file(other, "x");
    }
    let job = job.over(folder.parent().unwrap());
    let outcome = job.succeed();
    assert_eq!(read::rows(&job.output()).len(), 4);
    assert!(outcome.stderr.contains("3 left out: "), "{outcome}");
    assert!(!outcome.stderr.contains('\u{1b}'), "{outcome}");
}

#[test]
fn lists_that_hold_no_row_are_errors() {
    for (name, bytes, word) in [
        ("a.txt", "", "is empty"),
        ("a.txt", "\n\n", "is empty"),
        ("a.csv", "url\n", "is empty"),
        ("a.json", "[]", "is empty"),
        ("a.jsonl", "nothing\nhere\n", "none of its 2 records"),
        ("a.json", "[1,2,3]", "none of its 3 records"),
        ("a.tsv", "url\tx\n\ty\n", "none of its 1 records"),
    ] {
        let job = Job::strict(name, bytes);
        let outcome = job.run();
        assert_eq!(outcome.code, Some(1), "{name} {outcome}");
        assert!(outcome.stderr.contains(word), "{name} {outcome}");
        assert!(
            outcome
                .stderr
                .trim_end()
                .lines()
                .last()
                .unwrap()
                .starts_with("hint: ")
        );
        assert!(
            !job.output().exists(),
            "{name}: nothing is written for a list that is refused"
        );
    }
}

#[test]
fn cells_of_any_type_reach_every_output_format() {
    let web = Web::start(Ports::default()).unwrap();
    let record = |seed: u32, rest: &str| {
        format!(
            "{{\"url\":\"{}\",{rest}}}\n",
            web.url(&format!("/img/{seed}.jpg"))
        )
    };
    let list = [
        record(
            1,
            r#""tags":["x","y"],"meta":{"w":1},"phash":18446744073709551615,"big":1,"score":NaN"#,
        ),
        record(
            2,
            r#""tags":[],"meta":{"h":[0.5]},"phash":7,"big":123456789012345678901234,"score":0.5"#,
        ),
        record(
            3,
            r#""tags":null,"meta":null,"phash":null,"big":null,"score":Infinity"#,
        ),
    ]
    .concat();
    for format in ["webdataset", "files", "parquet", "tfrecord"] {
        let job = Job::new(&web, "list.jsonl", &list)
            .option("--output_format", format)
            .option(
                "--save_additional_columns",
                r#"["tags","meta","phash","big","score"]"#,
            )
            .option("--number_sample_per_shard", "1");
        job.succeed();
        let rows = read::rows(&job.output());
        let column = |name: &str| -> Vec<Option<String>> {
            rows.iter().map(|row| row[name].clone()).collect()
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            column("phash"),
            [text("18446744073709551615"), text("7"), None]
        );
        assert_eq!(
            column("big"),
            [text("1"), text("123456789012345678901234"), None]
        );
        assert_eq!(column("score"), [None, text("0.5"), None]);
        assert_eq!(column("tags"), [text("[x, y]"), text("[]"), None]);
        assert_eq!(column("meta")[1], text("{w: , h: [0.5]}"));
        let samples = read::samples(&job.output(), format);
        assert_eq!(samples.len(), 3, "{format}");
        if format == "webdataset" || format == "files" {
            let json = samples["00000"].json.as_ref().unwrap();
            assert_eq!(json["tags"], serde_json::json!(["x", "y"]));
            assert_eq!(json["meta"], serde_json::json!({"w": 1, "h": null}));
            assert_eq!(json["phash"], serde_json::json!(u64::MAX));
            assert_eq!(json["score"], serde_json::Value::Null);
        }
        let verified = tool(["verify".into(), job.output().into_os_string()]);
        assert_eq!(verified.code, Some(0), "{format} {verified}");
    }
}

#[test]
fn several_captions_are_one_text_and_stay_columns() {
    let web = Web::start(Ports::default()).unwrap();
    let list = format!(
        "url,alt,title\n{},a,b\n{},,c\n{},,\n",
        web.url("/img/1.jpg"),
        web.url("/img/2.jpg"),
        web.url("/img/3.jpg")
    );
    let job = Job::new(&web, "list.csv", list)
        .option("--output_format", "webdataset")
        .option("--caption_cols", "alt,title")
        .option("--caption_separator", " - ");
    job.succeed();
    let captions: Vec<_> = read::samples(&job.output(), "webdataset")
        .into_values()
        .map(|sample| sample.caption.unwrap())
        .collect();
    assert_eq!(captions, ["a - b", "c", ""]);
    let rows = read::rows(&job.output());
    assert_eq!(read::text(&rows[0], "caption_title"), "b");
    assert_eq!(rows[2]["caption"], None);
}

#[test]
fn a_first_try_takes_some_of_the_rows_and_the_same_ones_again() {
    let list: String = (0..400)
        .map(|n| format!("http://127.0.0.1/{n}\n"))
        .collect();
    let job = |options: &[(&str, &str)]| {
        let job = Job::strict("list.txt", &list).option("--number_sample_per_shard", "50");
        options
            .iter()
            .fold(job, |job, (name, value)| job.option(name, *value))
    };
    let urls = |job: &Job| -> Vec<String> {
        let rows = read::rows(&job.output());
        rows.iter()
            .map(|row| read::text(row, "url").to_owned())
            .collect()
    };
    let first = job(&[("--max_rows", "120")]);
    first.succeed();
    assert_eq!(urls(&first).len(), 120);
    let sampled = job(&[("--sample_rate", "0.25"), ("--sample_seed", "3")]);
    sampled.succeed();
    let picked = urls(&sampled);
    assert!((60..140).contains(&picked.len()), "{}", picked.len());
    std::fs::remove_file(sampled.output().join("00000_stats.json")).unwrap();
    std::fs::remove_file(sampled.output().join("00000.parquet")).unwrap();
    sampled.succeed();
    assert_eq!(urls(&sampled), picked);
    let both = job(&[
        ("--sample_rate", "0.25"),
        ("--sample_seed", "3"),
        ("--max_rows", "10"),
    ]);
    both.succeed();
    assert_eq!(urls(&both), picked[..10]);
    let other = sampled.option("--sample_seed", "4").run();
    assert!(
        other.stderr.contains("sample_seed was 3 and is now 4"),
        "{other}"
    );
}
