//! Lists of lines and of separated values.

use super::*;

#[test]
fn a_txt_list_is_a_url_per_line_with_any_line_end() {
    let (batches, error, lossy) = read(
        b"\xef\xbb\xbfhttp://a/1,2\r\n\n\"http://b\"\nhttp://c/\xff\nlast",
        &config(InputFormat::Txt),
    );
    assert!(error.is_none(), "{error:?}");
    assert_eq!(
        urls(&batches),
        ["http://a/1,2", "http://b", "http://c/\u{fffd}", "last"]
    );
    assert_eq!(lossy.count(Loss::InvalidUtf8), 1);
}

#[test]
fn csv_columns_come_renamed_typed_and_in_order() {
    let csv = b"\xef\xbb\xbfurl,text,n,f,b,d\r\nu1,7,1,1.5,true,2020-01-01\r\nu2,\"a\r\n\"\"b\"\"\",,2,False,x\r\n";
    let (batches, error, lossy) = read(csv, &with_columns(InputFormat::Csv, &["b", "n", "f", "d"]));
    assert!(error.is_none() && none_lost(&lossy));
    let schema = batches[0].schema();
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|f| (f.name().as_str(), f.data_type().clone()))
        .collect();
    assert_eq!(
        fields,
        [
            ("b", DataType::Boolean),
            ("n", DataType::Int64),
            ("f", DataType::Float64),
            ("d", DataType::Utf8),
            ("caption", DataType::Utf8),
            ("url", DataType::Utf8),
        ]
    );
    assert_eq!(urls(&batches), ["u1", "u2"]);
    assert_eq!(
        texts(&batches, "caption"),
        [Some("7".into()), Some("a\r\n\"b\"".into())]
    );
    assert!(batches[0].column(1).is_null(1));
    assert_eq!(
        batches[0].column(2).as_primitive::<Float64Type>().value(1),
        2.0
    );
}

#[test]
fn no_csv_record_is_lost() {
    let csv = b"n,url,text\n1\n2,u2,t,extra,more\n3,u\0three,\xff\n4,u4,t";
    let (batches, error, lossy) = read(csv, &with_columns(InputFormat::Csv, &["n"]));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(urls(&batches), ["null", "u2", "u\0three", "u4"]);
    assert_eq!(
        counts(
            &lossy,
            [Loss::ShortRecord, Loss::LongRecord, Loss::InvalidUtf8]
        ),
        [1, 1, 1]
    );
}

#[test]
fn the_last_value_may_decide_the_type_of_a_column() {
    for (format, last, expected) in [
        (InputFormat::Tsv, "many", DataType::Utf8),
        (InputFormat::Tsv, "0.5", DataType::Float64),
        (InputFormat::Tsv, "0012", DataType::Utf8),
        (InputFormat::Jsonl, "[1]", DataType::Utf8),
        (InputFormat::Jsonl, "18446744073709551615", DataType::UInt64),
        (InputFormat::Jsonl, "18446744073709551616", DataType::Utf8),
    ] {
        let line = |n: &str| match format {
            InputFormat::Tsv => format!("u\t{n}\n"),
            _ => format!("{{\"url\":\"u\",\"n\":{n}}}\n"),
        };
        let mut text = if format == InputFormat::Tsv {
            "url\tn\n".to_owned()
        } else {
            String::new()
        };
        (0..2 * BATCH_ROWS_MAX).for_each(|n| text += &line(&n.to_string()));
        text += &line(last);
        let config = InputConfig {
            save_additional_columns: vec!["n".to_owned()],
            ..config(format)
        };
        let (batches, error, losses) = read(text.as_bytes(), &config);
        assert!(error.is_none() && none_lost(&losses));
        assert_eq!(types(&batches)[0].1, expected, "{last}");
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(rows, 2 * BATCH_ROWS_MAX + 1);
        assert_eq!(
            batches
                .iter()
                .map(|batch| batch.column(0).null_count())
                .sum::<usize>(),
            0
        );
    }
}

#[test]
fn an_open_quote_does_not_swallow_a_file() {
    let mut csv = b"url\nu1\n\"open\nu2\n".to_vec();
    csv.extend(b"u3\n".repeat(RECORD_BYTES_MAX / 3 + 100));
    let (batches, error, losses) = read(&csv, &config(InputFormat::Csv));
    assert!(error.is_none());
    assert_eq!(urls(&batches)[..4], ["u1", "\"open", "u2", "u3"]);
    assert_eq!(losses.count(Loss::UnbalancedQuote), 1);
    let strict = with_quoting(Quoting::Rfc4180, config(InputFormat::Csv));
    let error = read(&csv, &strict).1.unwrap().to_string();
    assert!(error.contains("line 3 is never closed"), "{error}");
}

#[test]
fn an_unbalanced_quote_costs_no_record() {
    let swallowing = "url\ttext\nhttp://a/1\t\"an inch\nhttp://a/2\tplain\nhttp://a/3\tcloses 5\"\n\
                      http://a/4\t\"fine\ttab\"\n";
    let several_lines = "text\turl\n\"one\ntwo http://x\nthree\"\thttp://a/1\n";
    let in_one_line = "text\turl\n\"12 inch\thttp://a/1\n5\" x\thttp://a/2\n";
    let at_the_end = "url\ttext\nhttp://a/1\t\"open\nmore\n";
    for (text, expected, captions, unbalanced) in [
        (
            swallowing,
            &["http://a/1", "http://a/2", "http://a/3", "http://a/4"][..],
            &["\"an inch", "plain", "closes 5\"", "fine\ttab"][..],
            1,
        ),
        (
            several_lines,
            &["http://a/1"],
            &["one\ntwo http://x\nthree"],
            0,
        ),
        (
            in_one_line,
            &["http://a/1", "http://a/2"],
            &["\"12 inch", "5\" x"],
            1,
        ),
        (at_the_end, &["http://a/1", "more"], &["\"open", ""], 1),
    ] {
        let (batches, error, losses) = read(text.as_bytes(), &with_columns(InputFormat::Tsv, &[]));
        assert!(error.is_none());
        assert_eq!(urls(&batches), expected);
        let found = texts(&batches, "caption")
            .into_iter()
            .map(Option::unwrap_or_default);
        assert_eq!(found.collect::<Vec<_>>(), captions);
        assert_eq!(losses.count(Loss::UnbalancedQuote), unbalanced, "{text}");
    }
    let literal = with_quoting(Quoting::None, with_columns(InputFormat::Tsv, &[]));
    let (batches, ..) = read(b"url\ttext\nu\t\"a\"\"b\"\n", &literal);
    assert_eq!(texts(&batches, "caption"), [Some("\"a\"\"b\"".to_owned())]);
}

#[test]
fn files_without_a_header_and_with_any_delimiter_are_read() {
    for (text, delimiter) in [
        ("http://a,x\n", None),
        ("http://a;x\n", Some(b';')),
        ("http://a|x", Some(b'|')),
    ] {
        let config = InputConfig {
            dialect: Dialect {
                delimiter,
                columns: Some(vec!["url".to_owned(), "text".to_owned()]),
                ..Dialect::default()
            },
            format: None,
            ..with_columns(InputFormat::Csv, &[])
        };
        let (batches, error, _) = read(text.as_bytes(), &config);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(urls(&batches), ["http://a"]);
        assert_eq!(texts(&batches, "caption"), [Some("x".to_owned())]);
    }
}

#[test]
fn a_missing_column_error_names_the_present_ones() {
    for (format, bytes) in [
        (InputFormat::Csv, &b"URL,TEXT\nu,t\n"[..]),
        (InputFormat::Jsonl, b"{\"URL\":1,\"TEXT\":2}\n"),
        (InputFormat::Json, b"{\"URL\":{\"0\":\"u\"},\"TEXT\":{}}"),
    ] {
        let error = read(bytes, &config(format)).1.unwrap().to_string();
        assert!(
            error.contains("no column `url`") && error.contains("URL, TEXT"),
            "{error}"
        );
    }
}
