//! Shards whose keys the list gives.

use super::*;

/// Keys of every sort a list may give: letters beyond ASCII, a hash of 128 digits, none.
fn given_keys() -> [Option<String>; 4] {
    [
        Some("Zürich 日本".to_owned()),
        Some("b".to_owned()),
        Some("0f".repeat(64)),
        None,
    ]
}

fn write_keyed(format: OutputFormat) -> Memory {
    let (mut sink, outcomes) = (Memory::default(), outcomes());
    let writer = ShardWriter::new(Arc::new(layout(format)), 1, input()).unwrap();
    let keys = given_keys().into_iter().collect();
    let mut writer = writer.with_keys(keys).unwrap();
    for row in [2, 0] {
        writer
            .sample(row, outcomes[row].as_result().unwrap(), b"jpeg", &mut sink)
            .unwrap();
    }
    writer.finish(&outcomes, &mut sink).unwrap();
    sink
}

#[test]
fn keys_that_are_given_name_samples_and_rows_in_every_format() {
    let [first, _, third, _] = given_keys().map(Option::unwrap_or_default);
    let sink = write_keyed(OutputFormat::Webdataset);
    let names: Vec<String> = read_tar(&sink.stream).into_iter().map(|m| m.0).collect();
    let members = |key: &str| ["jpg", "json", "txt"].map(|ext| format!("{key}.{ext}"));
    assert_eq!(names, [members(&third), members(&first)].concat());
    let sink = write_keyed(OutputFormat::Files);
    assert!(sink.files.contains_key(&format!("00001/{third}.jpg")));
    let json: serde_json::Value =
        serde_json::from_slice(&sink.files[&format!("00001/{first}.json")]).unwrap();
    assert_eq!(json["key"], *first);
    let keys = |parquet: &[u8]| -> Vec<Option<String>> {
        let batch = read_parquet(parquet);
        let keys = batch["key"].as_string::<i32>().iter();
        keys.map(|key| key.map(str::to_owned)).collect()
    };
    assert_eq!(keys(&sink.files["00001.parquet"]), given_keys());
    let [one, two, three, four] = given_keys();
    let sink = write_keyed(OutputFormat::Parquet);
    assert_eq!(keys(&sink.stream), [three, one, two, four]);
    let sink = write_keyed(OutputFormat::Tfrecord);
    let mut records = crate::Records::new(&sink.stream[..], 1 << 20);
    let features = records.next_features().unwrap().unwrap();
    assert_eq!(features.bytes("key"), Some(third.as_bytes()));
}

#[test]
fn a_member_whose_name_fits_no_ustar_header_has_it_before() {
    let sink = write_keyed(OutputFormat::Webdataset);
    let types = |at: usize| sink.stream[at + 156];
    assert_eq!((types(0), types(1024)), (b'x', b'0'));
    let record = &sink.stream[512..1024];
    let end = record.iter().position(|&byte| byte == 0).unwrap();
    let record = std::str::from_utf8(&record[..end]).unwrap();
    let (length, rest) = record.split_once(' ').unwrap();
    assert_eq!(length, record.len().to_string());
    assert_eq!(rest, format!("path={}.jpg\n", "0f".repeat(64)));
}

#[test]
fn a_row_without_a_key_is_no_sample_and_keys_are_one_per_row() {
    let new = || ShardWriter::new(Arc::new(layout(OutputFormat::Files)), 0, input()).unwrap();
    let mut writer = new().with_keys(given_keys().into_iter().collect()).unwrap();
    let written = writer.sample(3, &facts(1), b"x", &mut Memory::default());
    assert!(matches!(written, Err(WriterError::KeyMissing(3))));
    let short = new().with_keys(given_keys()[1..].iter().cloned().collect());
    assert!(matches!(
        short.map(drop),
        Err(WriterError::KeyCount { given: 3, rows: 4 })
    ));
}
