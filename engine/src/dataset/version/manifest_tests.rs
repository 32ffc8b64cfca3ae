use super::*;

/// A document as the first program with versions wrote it. Every later one reads it.
const DOCUMENT_1: &str = concat!(
    r#"{"manifest":1,"version":"1.1.0","parent":{"version":"1.0.0","sha256":"00"},"change":"run","#,
    r#""made_at":"2026-11-30T12:00:00Z","tool":"turbo2ds 0.1.0","rows":5,"samples":4,"shards":2,"bytes":60,"#,
    r#""runs":[{"first_shard_id":0,"options":{"output_format":"webdataset"},"input":"ab"}]}"#,
    "\n",
    r#"{"shard":0,"rows":3,"samples":2,"files":{"00000.tar":{"bytes":20,"sha256":"0a"},"#,
    r#""00000_stats.json":{"bytes":10,"sha256":"0b"}}}"#,
    "\n",
    r#"{"shard":1,"rows":2,"samples":2,"files":{"00001":{"files":4,"bytes":30,"sha256":"0c"}}}"#,
    "\n",
    r#"{"end":2}"#,
    "\n",
);

fn manifest() -> Manifest {
    let file = |files, bytes, sha256: &str| FileEntry {
        files,
        bytes,
        sha256: Some(sha256.to_owned()),
    };
    let shard = |shard, rows, samples, files: Vec<(&str, FileEntry)>| ShardManifest {
        shard,
        rows,
        samples,
        files: files
            .into_iter()
            .map(|(name, entry)| (name.to_owned(), entry))
            .collect(),
    };
    let run = RunEntry {
        first_shard_id: 0,
        options: [("output_format".to_owned(), "webdataset".into())].into(),
        input: "ab".to_owned(),
    };
    let parent = Parent {
        version: "1.0.0".to_owned(),
        sha256: "00".to_owned(),
    };
    let mut manifest = Manifest::new(
        "1.1.0".parse().expect("a version"),
        Some(parent),
        Change::Run,
        "2026-11-30T12:00:00Z".to_owned(),
        vec![run],
        vec![
            shard(1, 2, 2, vec![("00001", file(Some(4), 30, "0c"))]),
            shard(
                0,
                3,
                2,
                vec![
                    ("00000_stats.json", file(None, 10, "0b")),
                    ("00000.tar", file(None, 20, "0a")),
                ],
            ),
        ],
    );
    manifest.head.tool = "turbo2ds 0.1.0".to_owned();
    manifest
}

#[test]
fn the_document_of_the_first_version_is_written_and_read() {
    let document = manifest().to_document().expect("plain data");
    assert_eq!(String::from_utf8_lossy(&document), DOCUMENT_1);
    assert_eq!(Manifest::parse(DOCUMENT_1.as_bytes()), Ok(manifest()));
}

#[test]
fn a_torn_document_is_none() {
    for end in 0..DOCUMENT_1.len() - 1 {
        let torn = &DOCUMENT_1.as_bytes()[..end];
        assert!(Manifest::parse(torn).is_err(), "{end} bytes");
    }
    let without = DOCUMENT_1.replacen("{\"shard\":1", "{\"shord\":1", 1);
    assert_eq!(Manifest::parse(without.as_bytes()), Err(Unread::Line(3)));
}

#[test]
fn a_newer_document_is_named() {
    let newer = DOCUMENT_1.replacen("\"manifest\":1", "\"manifest\":9", 1);
    assert_eq!(Manifest::parse(newer.as_bytes()), Err(Unread::Newer(9)));
}
