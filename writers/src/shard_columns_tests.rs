//! Every column of the list is in everything that a format writes of a row: parquet, JSON, tfrecord.

use super::*;

/// A layout with every column that may be asked for.
fn layout(format: OutputFormat) -> Layout {
    Layout {
        pdq_columns: true,
        ..super::layout(format)
    }
}

/// The names of the dataset's own columns in [`layout`], in their order.
fn own() -> Vec<&'static str> {
    let layout = layout(OutputFormat::Webdataset);
    let own = Column::ALL.iter();
    own.map(|column| {
        column
            .name_in(&layout, |_| false)
            .expect("all are asked for")
    })
    .collect()
}

/// Checks that a parquet has the columns behind the input's, each of its type and with a value for a
/// sample or for a failure.
fn assert_columns(batch: &RecordBatch) {
    let schema = batch.schema();
    let fields = &schema.fields()[input().num_columns()..];
    let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names[..own().len()], own());
    for (column, field) in Column::ALL.iter().zip(fields) {
        assert_eq!(field.data_type(), &column.data_type(), "{}", field.name());
        assert!(field.is_nullable(), "{}", field.name());
        let values = &batch[field.name().as_str()];
        assert!(values.null_count() < batch.num_rows(), "{}", field.name());
    }
}

#[test]
fn every_column_is_in_the_parquet_of_every_format_that_has_one() {
    for format in OutputFormat::ALL {
        let Some(metadata) = format.metadata() else {
            continue;
        };
        let sink = write(layout(format));
        let file = sink.files.get(&format!("00001{}", metadata.part.ending()));
        assert_columns(&read_parquet(file.unwrap_or(&sink.stream)));
    }
}

#[test]
fn a_shard_has_the_files_of_its_format_and_no_others() {
    for format in OutputFormat::ALL {
        let mut sink = write(layout(format));
        assert_eq!(
            sink.stream.is_empty(),
            format.stream().is_none(),
            "{format:?}"
        );
        for file in format.files().iter().filter(|file| !file.is_stream) {
            let before = sink.files.len();
            let name = format!("00001{}", file.part.ending());
            sink.files.retain(|path, _| {
                let of_folder = path
                    .split_once('/')
                    .is_some_and(|(folder, _)| folder == name);
                *path != name && !(file.part == Part::Folder && of_folder)
            });
            assert!(sink.files.len() < before, "{format:?} has no {name}");
        }
        assert!(sink.files.is_empty(), "{format:?}: {:?}", sink.files.keys());
    }
}

#[test]
fn every_column_is_a_member_of_a_samples_json() {
    let sink = write(layout(OutputFormat::Files));
    let json = &sink.files["00001/000010000.json"];
    let json: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(json).unwrap();
    let names: Vec<&str> = json.keys().map(String::as_str).collect();
    assert_eq!(names[input().num_columns()..], own());
    for name in own().into_iter().filter(|name| *name != "error_message") {
        assert!(!json[name].is_null(), "{name}");
    }
}

#[test]
fn every_column_is_a_feature_of_a_record() {
    let sink = write(layout(OutputFormat::Tfrecord));
    for example in read_tfrecord(&sink.stream) {
        for (column, name) in Column::ALL.iter().zip(own()) {
            let whole = column.data_type().is_integer();
            assert_eq!(matches!(example[name], Kind::Int64(_)), whole, "{name}");
        }
    }
}

#[test]
fn a_failure_has_nothing_but_its_key_status_and_text() {
    let sink = write(layout(OutputFormat::Webdataset));
    let failures = read_parquet(&sink.files["00001.parquet"]).slice(1, 1);
    let told = [Column::Key, Column::Status, Column::ErrorMessage];
    for (column, name) in Column::ALL.iter().zip(own()) {
        assert_eq!(failures[name].is_valid(0), told.contains(column), "{name}");
    }
}

#[test]
fn a_column_has_one_of_the_names_that_readers_look_for() {
    for (column, name) in Column::ALL.iter().zip(own()) {
        assert!(column.names().contains(&name), "{name}");
    }
}
