//! Plans shards from real files.

use super::*;
use crate::config::{InputConfig, InputFormat};

fn lists(
    files: &[(&str, &str)],
    format: InputFormat,
    rows_per_shard: usize,
) -> (tempfile::TempDir, InputConfig) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let config = InputConfig {
        url_list: folder.path().to_string_lossy().into_owned(),
        format: Some(format),
        rows_per_shard,
        ..InputConfig::default()
    };
    (folder, config)
}

fn open(config: &InputConfig) -> Result<Planner, Error> {
    List::open(config).and_then(Planner::open)
}

fn shape(planner: Planner) -> Vec<(u64, Vec<String>)> {
    planner
        .map(|plan| {
            let plan = plan.unwrap();
            let urls = (0..plan.rows()).map(|row| plan.url(row).unwrap_or("null").to_owned());
            (plan.shard_id, urls.collect())
        })
        .collect()
}

#[test]
fn every_file_starts_a_new_shard_and_ids_count_on() {
    let (_folder, config) = lists(
        &[("a.txt", "1\n2\n3\n"), ("b.txt", ""), ("c.txt", "4\n5\n")],
        InputFormat::Txt,
        2,
    );
    let shards = shape(open(&config).unwrap().starting_at(7));
    let text = |urls: &[&str]| urls.iter().map(|&url| url.to_owned()).collect::<Vec<_>>();
    assert_eq!(
        shards,
        [
            (7, text(&["1", "2"])),
            (8, text(&["3"])),
            (9, text(&["4", "5"]))
        ]
    );
}

#[test]
fn skipped_shards_keep_their_ids_and_rows() {
    let (_folder, config) = lists(
        &[("a.txt", "1\n2\n3\n4\n5\n"), ("b.txt", "6\n")],
        InputFormat::Txt,
        2,
    );
    let all = shape(open(&config).unwrap());
    for done in 0..16_u64 {
        let planner = open(&config)
            .unwrap()
            .skipping(move |id| done >> id & 1 == 1);
        let expected: Vec<_> = all
            .iter()
            .filter(|(id, _)| done >> id & 1 == 0)
            .cloned()
            .collect();
        assert_eq!(shape(planner), expected, "{done:b}");
    }
}

#[test]
fn the_expected_hash_is_given_and_is_no_output_column() {
    let (_folder, mut config) = lists(&[("a.csv", "h,url\nabc,u1\n,u2\n")], InputFormat::Csv, 10);
    config.verify_hash_col = Some("h".to_owned());
    let plan = open(&config).unwrap().next().unwrap().unwrap();
    assert_eq!(plan.input.num_columns(), 1);
    assert_eq!(plan.expected_hash(0), Some("abc"));
    assert_eq!(plan.url(1), Some("u2"));
}

#[test]
fn keys_are_the_columns_texts_in_every_format_and_stand_beside_it() {
    let csv = "id,url,h\n0012,u1,x\n,u2,x\nA,u3,x\na,u4,x\n1.5,u5,x\n";
    let json = concat!(
        r#"[{"id":"0012","url":"u1","h":"x"},{"url":"u2","h":"x"},{"id":"A","url":"u3","h":"x"},"#,
        r#"{"id":"a","url":"u4","h":"x"},{"id":1.5,"url":"u5","h":"x"}]"#,
    );
    for (name, list, format) in [
        ("a.csv", csv.to_owned(), InputFormat::Csv),
        ("a.tsv", csv.replace(',', "\t"), InputFormat::Tsv),
        ("a.json", json.to_owned(), InputFormat::Json),
    ] {
        let (_folder, mut config) = lists(&[(name, &list)], format, 10);
        config.key_col = Some("id".to_owned());
        config.save_additional_columns = vec!["id".to_owned()];
        config.verify_hash_col = Some("h".to_owned());
        let plan = open(&config).unwrap().next().unwrap().unwrap();
        let keys: Vec<_> = (0..plan.rows()).map(|row| plan.key(row)).collect();
        let (invalid, duplicate) = (Failure::InvalidKey, Failure::DuplicateKey);
        let expected = [
            Ok(Some("0012")),
            Err(invalid),
            Ok(Some("A")),
            Err(duplicate),
            Err(invalid),
        ];
        assert_eq!(keys, expected, "{name}");
        let schema = plan.input.schema();
        let names: Vec<_> = schema.fields().iter().map(|field| field.name()).collect();
        assert_eq!(names, ["id", "url"], "{name}");
        assert_eq!(
            (plan.url(3), plan.expected_hash(3)),
            (Some("u4"), Some("x"))
        );
    }
}

#[test]
fn a_key_is_unique_in_its_shard_and_may_come_again_in_the_next() {
    let (_folder, mut config) = lists(
        &[("a.csv", "url,id\nu1,a\nu2,b\nu3,a\nu4,A\n")],
        InputFormat::Csv,
        2,
    );
    config.key_col = Some("id".to_owned());
    let plans: Vec<_> = open(&config).unwrap().map(Result::unwrap).collect();
    assert_eq!(plans[0].key(0), plans[1].key(0));
    assert_eq!(plans[1].key(1), Err(Failure::DuplicateKey));
    config.key_col = None;
    let plan = open(&config).unwrap().next().unwrap().unwrap();
    assert_eq!((plan.key(0), plan.keys()), (Ok(None), None));
}

#[test]
fn the_boxes_are_given_by_row_and_stay_an_output_column() {
    let list = concat!(
        r#"{"url":"u1","faces":[[0,0,0.5,1]],"h":"x"}"#,
        "\n",
        r#"{"url":"u2","faces":null}"#,
        "\n",
        r#"{"url":"u3","faces":[[0,0]]}"#,
    );
    let (_folder, mut config) = lists(&[("a.jsonl", list)], InputFormat::Jsonl, 10);
    config.bbox_col = Some("faces".to_owned());
    config.verify_hash_col = Some("h".to_owned());
    let plan = open(&config).unwrap().next().unwrap().unwrap();
    let schema = plan.input.schema();
    let names: Vec<_> = schema.fields().iter().map(|field| field.name()).collect();
    assert_eq!(names, ["faces", "url"]);
    let half = BoundingBox::new([0.0, 0.0, 0.5, 1.0]).unwrap();
    assert_eq!(plan.boxes(0), Ok(vec![half]));
    assert_eq!(plan.boxes(1), Ok(vec![]));
    assert_eq!(plan.boxes(2), Err(Failure::InvalidBoundingBox));
    assert_eq!(plan.expected_hash(0), Some("x"));
}

#[test]
fn a_record_cut_short_before_its_boxes_has_broken_ones() {
    let (_folder, mut config) = lists(&[("a.csv", "url,f\nu1,\nu2\n")], InputFormat::Csv, 10);
    config.bbox_col = Some("f".to_owned());
    let plan = open(&config).unwrap().next().unwrap().unwrap();
    assert_eq!(plan.boxes(0), Ok(vec![]));
    assert!(plan.boxes(1).is_err());
}

#[test]
fn a_shard_may_span_many_batches() {
    let list: String = (0..50_000).map(|i| format!("http://h/{i}\n")).collect();
    let (_folder, config) = lists(&[("a.txt", &list)], InputFormat::Txt, 45_000);
    let shards = shape(open(&config).unwrap());
    assert_eq!(shards[0].1.len(), 45_000);
    assert_eq!(shards[1].1[0], "http://h/45000");
    assert_eq!(shards[1].1.len(), 5_000);
}

#[test]
fn after_an_error_nothing_more_comes_and_no_short_shard_came() {
    let json = r#"[{"url":"1"},{"url":"2"},{"url":"3"},{"url""#;
    let (_folder, config) = lists(&[("a.json", json), ("b.json", "[]")], InputFormat::Json, 2);
    let mut planner = open(&config).unwrap();
    assert_eq!(planner.next().unwrap().unwrap().rows(), 2);
    assert!(planner.next().unwrap().is_err());
    assert!(planner.next().is_none());
}

#[test]
fn a_missing_column_of_the_first_file_ends_the_run_at_once() {
    let (_folder, config) = lists(&[("a.csv", "URL\nu\n")], InputFormat::Csv, 2);
    assert!(open(&config).is_err());
}

#[test]
fn no_more_rows_are_taken_than_wanted() {
    let files = [("a.txt", "1\n2\n3\n"), ("b.txt", "4\n5\n")];
    for most in 1..7_u64 {
        let (_folder, mut config) = lists(&files, InputFormat::Txt, 2);
        config.rows_max = Some(most);
        let planner = open(&config).unwrap();
        assert_eq!(planner.identity().rows, None);
        let shards = shape(planner);
        let urls: Vec<String> = shards.into_iter().flat_map(|(_, urls)| urls).collect();
        let expected: Vec<String> = (1..=most.min(5)).map(|n| n.to_string()).collect();
        assert_eq!(urls, expected);
    }
}
