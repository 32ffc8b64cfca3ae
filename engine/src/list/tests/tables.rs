//! Lists of parquet and arrow.

use super::*;

#[test]
fn parquet_is_projected_renamed_and_its_binary_urls_are_text() {
    let (_folder, path) = parquet_file(25, 10);
    let (batches, error, _) = read_at(&path, &with_columns(InputFormat::Parquet, &["n"]));
    assert!(error.is_none(), "{error:?}");
    let names: Vec<_> = batches[0]
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    assert_eq!(names, ["n", "caption", "url"]);
    assert_eq!(urls(&batches)[24], "http://h/24");
    assert_eq!(texts(&batches, "caption")[1], None);
}

#[test]
fn a_parquet_column_that_cannot_hold_boxes_is_refused() {
    let (_folder, path) = parquet_file(5, 5);
    let with_boxes = |column: &str| InputConfig {
        bbox_col: Some(column.to_owned()),
        ..config(InputFormat::Parquet)
    };
    let error = open(&path, &with_boxes("n")).err().unwrap().to_string();
    assert!(error.contains("`n`") && error.contains("Int64"), "{error}");
    assert!(open(&path, &with_boxes("text")).is_ok());
    let error = open(&path, &with_boxes("faces")).err().unwrap().to_string();
    assert!(error.contains("no column `faces`"), "{error}");
}

#[test]
fn parquet_skips_to_any_row() {
    let (_folder, path) = parquet_file(25, 10);
    let config = InputConfig {
        rows_per_shard: 4,
        ..config(InputFormat::Parquet)
    };
    for start in 0..=26_u64 {
        let mut source = open(&path, &config).unwrap().source(0).unwrap().unwrap();
        assert_eq!(source.skip(start), start.min(25));
        match source.next_batch() {
            Some(batch) => assert_eq!(urls(&[batch.unwrap()])[0], format!("http://h/{start}")),
            None => assert!(start >= 25, "{start}"),
        }
    }
}

#[test]
fn what_broke_a_list_is_its_errors_source() {
    use std::error::Error as StdError;

    let of = |path: &Path| read_at(path, &InputConfig::default()).1.expect("an error");
    let (folder, cut) = parquet_file(5, 5);
    let whole = std::fs::read(&cut).expect("a file");
    std::fs::write(&cut, &whole[..whole.len() / 2]).expect("a file");
    let error = of(&cut);
    let source = error.source().expect("the reader's error");
    assert!(source.is::<::parquet::errors::ParquetError>(), "{source:?}");
    assert!(error.message().ends_with(&source.to_string()), "{error}");

    let looped = folder.path().join("looped.csv");
    std::os::unix::fs::symlink(&looped, &looped).expect("a link");
    let error = files::open_regular(&looped).expect_err("a loop");
    let source = error
        .source()
        .and_then(|source| source.downcast_ref::<std::io::Error>());
    let source = source.expect("the kernel's error");
    assert_eq!(source.raw_os_error(), Some(libc::ELOOP));
    assert!(error.message().ends_with(&source.to_string()), "{error}");
}

#[test]
fn a_damaged_parquet_is_an_error_and_no_panic() {
    let (_folder, path) = parquet_file(5000, 1000);
    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half..half + 200].fill(0xff);
    std::fs::write(&path, &bytes).unwrap();
    let config = InputConfig {
        rows_per_shard: 100,
        ..config(InputFormat::Parquet)
    };
    let (batches, error, _) = read_at(&path, &config);
    assert!(error.is_some() && !batches.is_empty());
    std::fs::write(&path, &bytes[..half]).unwrap();
    assert!(read_at(&path, &config).1.is_some());
}

#[test]
fn arrow_files_and_streams_are_read_in_their_types() {
    let batch = |from: i64| {
        let n: Int64Array = (from..from + 700).collect();
        let urls: StringArray = (from..from + 700)
            .map(|n| Some(format!("http://h/{n}")))
            .collect();
        RecordBatch::try_from_iter([("n", Arc::new(n) as ArrayRef), ("url", Arc::new(urls))])
            .unwrap()
    };
    let schema = batch(0).schema();
    let mut stored = arrow_ipc::writer::FileWriter::try_new(Vec::new(), &schema).unwrap();
    let mut stream = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &schema).unwrap();
    for from in [0, 700] {
        stored.write(&batch(from)).unwrap();
        stream.write(&batch(from)).unwrap();
    }
    stored.finish().unwrap();
    stream.finish().unwrap();
    let config = InputConfig {
        save_additional_columns: vec!["n".to_owned()],
        rows_per_shard: 300,
        ..InputConfig::default()
    };
    let whole = stored.into_inner().unwrap();
    for bytes in [&whole, &stream.into_inner().unwrap()] {
        let (batches, error, _) = read(bytes, &config);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(urls(&batches)[1399], "http://h/1399");
        assert_eq!(types(&batches)[0].1, DataType::Int64);
    }
    for cut in (0..whole.len()).step_by(97) {
        let (batches, error, _) = read(&whole[..cut], &config);
        assert!(error.is_some() && batches.is_empty(), "{cut}");
    }
}

#[test]
fn a_parquet_column_may_be_the_key_and_kept_too() {
    let (_folder, path) = parquet_file(25, 10);
    let config = InputConfig {
        key_col: Some("n".to_owned()),
        ..with_columns(InputFormat::Parquet, &["n"])
    };
    let (batches, error, _) = read_at(&path, &config);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(texts(&batches, "key")[24], Some("24".to_owned()));
    assert_eq!(batches[0].column(0).data_type(), &DataType::Int64);
    assert_eq!(texts(&batches, "caption")[2], Some("2".to_owned()));
    assert_eq!(urls(&batches)[24], "http://h/24");
}
