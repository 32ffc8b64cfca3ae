//! Lists of JSON, by lines, arrays and columns.

use super::*;

#[test]
fn a_malformed_json_line_stays_a_row() {
    let lines = b"{\"url\":\"u1\",\"text\":\"007\",\"n\":1,\"x\":{\"a\":[1]}}\n{broken\n\n[1]\n\
                  {\"url\":\"u\xff\",\"n\":2.5,\"z\":{\"deep\":1}}\r\n";
    let (batches, error, losses) = read(lines, &with_columns(InputFormat::Jsonl, &["n", "x"]));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(urls(&batches), ["u1", "null", "null", "u\u{fffd}"]);
    assert_eq!(
        counts(&losses, [Loss::MalformedRecord, Loss::InvalidUtf8]),
        [2, 1]
    );
    let told: Vec<String> = losses.lines().collect();
    assert!(told[1].contains("(lines 2, 4 of "), "{told:?}");
    assert_eq!(
        batches[0].column(0).as_primitive::<Float64Type>().value(0),
        1.0
    );
    let x = batches[0].column(1).as_struct();
    let a: &ListArray = x.column(0).as_list();
    assert_eq!(a.value(0).as_primitive::<Int64Type>().values(), &[1]);
    assert!(x.is_null(3));
    assert_eq!(texts(&batches, "caption")[0].as_deref(), Some("007"));
}

#[test]
fn pythons_nan_is_null_and_every_integer_is_exact() {
    let record = r#"{"url":"u","n":NaN,"big":18446744073709551615,"list":[-Infinity,1.5]}"#;
    let other = r#"{"url":"v","n":0.5,"big":1,"list":[]}"#;
    let columns =
        r#"{"url":["u","v"],"n":[NaN,0.5],"big":[18446744073709551615,1],"list":[[null,1.5],[]]}"#
            .to_owned();
    for (format, text) in [
        (InputFormat::Jsonl, format!("{record}\n{other}\n")),
        (InputFormat::Json, format!("[{record},{other}]")),
        (InputFormat::Json, columns),
        (InputFormat::Json, format!("{record}\n{other}\n")),
        (InputFormat::Jsonl, format!("[{record},{other}]")),
    ] {
        let extra = ["n", "big", "list"];
        let config = InputConfig {
            caption_col: None,
            ..with_columns(format, &extra)
        };
        let (batches, error, losses) = read(text.as_bytes(), &config);
        assert!(
            error.is_none() && none_lost(&losses),
            "{text} {error:?} {losses:?}"
        );
        assert_eq!(urls(&batches), ["u", "v"]);
        assert!(batches[0].column(0).is_null(0) && batches[0].column(0).is_valid(1));
        let big = batches[0].column(1).as_primitive::<UInt64Type>();
        assert_eq!(big.values(), &[u64::MAX, 1]);
        assert_eq!(batches[0].column(2).as_list::<i32>().value_length(0), 2);
    }
}

#[test]
fn tables_of_lists_keep_every_row_or_fail_with_a_reason() {
    let read = |text: &str| read(text.as_bytes(), &with_columns(InputFormat::Json, &[]));
    let (batches, error, _) = read(r#"{"url":["a","b"],"text":["x",null],"version":3}"#);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(urls(&batches), ["a", "b"]);
    // The rows of all columns, as pandas has them.
    let (batches, ..) = read(r#"{"url":{"0":"a"},"text":{"0":"x","1":"y"}}"#);
    assert_eq!(urls(&batches), ["a", "null"]);
    for (text, word) in [
        (
            r#"{"url":["a","b"],"text":["x"]}"#,
            "1 values where others have 2",
        ),
        (
            r#"{"url":["a"],"text":"x","n":[1]}"#,
            "neither a list nor an object",
        ),
        (r#"{"URL":["a"],"text":["x"]}"#, "no column `url`"),
        (r#"{"url":[}"#, "neither an array of objects"),
    ] {
        let error = read(text).1.unwrap().to_string();
        assert!(error.contains(word), "{text}: {error}");
    }
}

#[test]
fn a_json_array_is_cut_at_the_right_commas() {
    let json = br#" [ {"url":"a,]\"}","k":[1,{"x":2}]} ,
        {"url":"b"}, 5 ]"#;
    let (batches, error, lossy) = read(json, &config(InputFormat::Json));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(urls(&batches), ["a,]\"}", "b", "null"]);
    assert_eq!(lossy.count(Loss::MalformedRecord), 1);
    let empty = read(b"[]", &config(InputFormat::Json)).1.unwrap();
    assert!(empty.to_string().contains("empty"), "{empty}");
}

#[test]
fn a_json_array_without_end_gives_its_rows_and_then_an_error() {
    let (batches, error, _) = read(br#"[{"url":"a"},{"url":"#, &config(InputFormat::Json));
    assert_eq!(urls(&batches), ["a"]);
    assert!(error.unwrap().to_string().contains("no end"));
}

#[test]
fn a_json_object_of_columns_is_read_as_pandas_writes_it() {
    let json = br#"{"text":{"0":"x","1":null},"url":{"0":"a","1":"b"},"n":{"0":1,"1":2}}"#;
    let (batches, error, _) = read(json, &with_columns(InputFormat::Json, &["n"]));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(urls(&batches), ["a", "b"]);
    assert_eq!(texts(&batches, "caption"), [Some("x".into()), None]);
    assert_eq!(
        batches[0].column(0).as_primitive::<Int64Type>().values(),
        &[1, 2]
    );
}
