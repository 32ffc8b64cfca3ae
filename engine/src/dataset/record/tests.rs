//! Records as they are read, compared and written. What lies under `golden/` is on disks: it is read for ever.

use std::fs;

use serde_json::json;

use super::*;
use crate::config::RecordedOption;
use crate::dataset::disk;

const V1: &str = include_str!("golden/v1.json");
const V2: &str = include_str!("golden/v2.json");

fn entry(first_shard_id: u64, options: &[(&str, Value)]) -> RunEntry {
    RunEntry {
        first_shard_id,
        options: options
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        input: "digest".to_owned(),
    }
}

/// Options that a run asks with; the list's place does not decide.
fn asked(options: &[(&'static str, Value)]) -> RecordedOptions {
    let options = options.iter().map(|(name, value)| RecordedOption {
        name,
        value: value.clone(),
        absent: json!(256),
        decides: *name != "url_list",
    });
    RecordedOptions::new(options.collect())
}

fn record(runs: Vec<RunEntry>) -> Record {
    Record {
        runs,
        ..Record::default()
    }
}

#[test]
fn both_versions_on_disks_are_read_alike_and_the_second_is_written() {
    let first = Record::parse(V1.as_bytes()).expect("the first version");
    let second = Record::parse(V2.as_bytes()).expect("the second version");
    assert_eq!(first, second);
    assert_eq!(second.to_document().expect("plain data"), V2);
}

#[test]
fn what_was_found_is_written_only_where_there_is_some() {
    let mut record = record(vec![entry(0, &[])]);
    let text = |record: &Record| record.to_document().expect("plain data");
    assert!(!text(&record).contains("found"));
    record.found = vec![[0, 3]];
    assert_eq!(Record::parse(text(&record).as_bytes()), Ok(record));
}

#[test]
fn a_list_that_lies_elsewhere_is_the_same_list() {
    let options = |list: &str, size: u64| [("url_list", json!(list)), ("image_size", json!(size))];
    let record = record(vec![entry(7, &options("/a/list.txt", 256))]);
    let place = |options: [(&'static str, Value); 2], input| {
        let options = asked(&options);
        let asking = Asking {
            options: &options,
            input,
        };
        record.place_of(asking, Path::new("out"))
    };
    assert_eq!(place(options("/b/list.txt", 256), "digest").ok(), Some(7));
    for (options, input, words) in [
        (
            options("/b/list.txt", 64),
            "digest",
            "image_size was 256 and is now 64",
        ),
        (options("/b/list.txt", 256), "other", "files have changed"),
    ] {
        let error = place(options, input).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn an_option_that_a_record_lacks_is_as_it_was_before_it_existed() {
    let recorded = entry(0, &[]);
    let differs = |options: &[(&'static str, Value)]| {
        let options = asked(options);
        recorded.difference(Asking {
            options: &options,
            input: "digest",
        })
    };
    assert_eq!(differs(&[("image_size", json!(256))]), None);
    let said = differs(&[("image_size", json!("x"))]);
    assert_eq!(said.as_deref(), Some("image_size was 256 and is now x"));
}

#[test]
fn an_option_that_this_version_does_not_know_is_a_mismatch() {
    let recorded = entry(0, &[("sharpen", json!(true))]);
    let options = asked(&[]);
    let asking = Asking {
        options: &options,
        input: "digest",
    };
    assert!(!recorded.is_continued_by(asking));
    let said = recorded.difference(asking).expect("a difference");
    assert!(said.contains("sharpen was True"), "{said}");
}

#[test]
fn a_shards_shape_is_that_of_the_run_it_belongs_to() {
    let options = |format: &str, digits: u64| {
        [
            ("output_format", json!(format)),
            ("oom_shard_count", json!(digits)),
            ("number_sample_per_shard", json!(10)),
            ("encode_format", json!("jpg")),
            ("caption_col", json!("None")),
        ]
    };
    let mut record = record(vec![
        entry(2, &options("webdataset", 5)),
        entry(7, &options("files", 3)),
    ]);
    let name = |record: &Record, id| {
        record
            .shape_of(id)
            .map(|shape| shape.name(id, shape.parts()[0]))
    };
    assert_eq!(name(&record, 1), None);
    assert_eq!(name(&record, 2).as_deref(), Some("00002.tar"));
    assert_eq!(name(&record, 7).as_deref(), Some("007"));
    assert!(record.shape_of(7).expect("a shape").captions);
    assert!(record.set_found(&[2, 3, 4, 8].into()));
    assert_eq!(record.found, [[2, 4], [8, 8]]);
    assert!(!record.set_found(&[2, 3, 4, 8].into()));
    assert_eq!((name(&record, 3), name(&record, 8)), (None, None));
    assert_eq!(name(&record, 5).as_deref(), Some("00005.tar"));
}

#[test]
fn what_is_no_record_is_refused_and_never_quoted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(RECORD_NAME);
    let read = || Record::read(&*disk::real(), folder.path());
    assert_eq!(read().ok(), Some(Record::default()));
    for text in [
        "",
        "{",
        "{}",
        "[]",
        "my notes",
        r#"{"runs": [], "mine": 1}"#,
        r#"{"version": 2, "runs": [], "mine": 1}"#,
        r#"{"version": 2}"#,
        r#"{"version": "2", "runs": []}"#,
        r#"{"runs": [{"first_shard_id": 0, "options": {"image_size": 256}, "input": ""}]}"#,
        r#"{"runs": [{"first_shard_id": 0, "options": {}, "input": "", "\u001b[31m": 1}]}"#,
    ] {
        fs::write(&path, text).expect("a file");
        let error = read().expect_err("no record").to_string();
        assert!(
            error.contains("no record") && error.contains("hint:"),
            "{text}: {error}"
        );
        assert!(!error.contains('\u{1b}'), "{error:?}");
    }
    fs::write(&path, r#"{"version": 3, "shards": {}}"#).expect("a file");
    let error = read().expect_err("a newer record").to_string();
    assert!(error.contains("a newer turbo2ds wrote it"), "{error}");
    fs::remove_file(&path).expect("a file");
    fs::create_dir(&path).expect("a folder in its place");
    assert!(read().is_err());
}
