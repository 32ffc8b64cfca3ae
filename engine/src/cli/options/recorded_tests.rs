//! The recorded options: those that decide what the dataset contains, and no others.

use serde_json::{Value, json};
use turbo2ds_writers::OutputFormat;

use super::super::recorded::Recorded;
use super::*;
use crate::config::{FetchConfig, OutputConfig, StorageConfig, choices};
use crate::dataset::record::{Asking, Record};

const BASE: [&str; 3] = ["l.csv", "--compute_hash", "md5"];

/// Everything in a configuration that decides what the dataset contains. A new field has to be assigned
/// to one side before this compiles.
fn what_decides(config: &Config) -> String {
    let Config {
        input,
        output:
            OutputConfig {
                location: _,
                staging: _,
                format,
                true_extension,
                shard_digits,
                mode: _,
                max_shard_retry: _,
                assignment: _,
            },
        codec,
        extract_exif,
        fetch:
            FetchConfig {
                timeout: _,
                outage_wait: _,
                retries: _,
                sender: _,
                robots_tokens: _,
                disallowed_directives,
                ignore_ssl_certificate: _,
                body_bytes_max,
                redirects_max: _,
                allow_net: _,
                proxy_resolves: _,
                hash,
            },
        dns: _,
        storage: _,
        machine: _,
        isolation: _,
        show: _,
        recorded: _,
    } = config;
    let mut input = input.clone();
    input.url_list.clear();
    input.storage = StorageConfig::default();
    let output = (format, true_extension, shard_digits, extract_exif);
    format!("{input:?} {output:?} {codec:?} {disallowed_directives:?} {body_bytes_max} {hash:?}")
}

/// The options that decide, according to the record.
fn recorded(config: &Config) -> Vec<(&'static str, Value)> {
    let options = config.recorded.iter().filter(|option| option.decides);
    options
        .map(|option| (option.name, option.value.clone()))
        .collect()
}

#[test]
fn options_that_decide_the_dataset_are_recorded() {
    let mut refused = Vec::new();
    for spec in TABLE {
        // Other options that an option requires.
        let company: &[&str] = match spec.name {
            "sample_seed" => &["--sample_rate=0.5"],
            "columns" => &["--no_header"],
            "no_header" => &["--columns=url"],
            "caption_separator" => &["--caption_cols=[a,b]"],
            _ => &[],
        };
        let value = match spec.name {
            "sample_rate" => "0.25",
            "delimiter" => "|",
            "referer" => "auto",
            "contact" => "a@b.example",
            "dns_cache_bytes" => "1048576",
            "dns_max_ttl" => "700",
            "header" => "A: b",
            _ => unlike(spec),
        };
        let option = format!("--{}={value}", spec.name);
        let refused_alone = matches!(spec.name, "columns" | "no_header");
        let beside = if refused_alone { &[] } else { company };
        let without = [&BASE[..], beside].concat();
        let with = [&BASE[..], company, &[&option]].concat();
        let (Ok(without), Ok(with)) = (run(&without), run(&with)) else {
            refused.push(spec.name);
            continue;
        };
        let decides = what_decides(&without) != what_decides(&with);
        let is_recorded = recorded(&without) != recorded(&with);
        assert_eq!(decides, is_recorded, "{option}");
    }
    // What these require only says who does the work, and where.
    let elsewhere = [
        "storage_option",
        "staging",
        "staging_bytes",
        "shard_range",
        "shard_index",
        "distributor",
        "enable_wandb",
    ];
    assert_eq!(refused, elsewhere);
}

#[test]
fn different_spellings_are_recorded_alike() {
    let plain = run(&["l.csv"]).unwrap().recorded;
    for args in [
        &["./l.csv", "--upscale_interpolation=lanczos4"][..],
        &[
            "l.csv",
            "--thread_count=9",
            "--retries=2",
            "--timeout=3",
            "--io=epoll",
        ],
        &["l.csv", "--true_extension", "False", "--image-size", "2_56"],
        &[
            "l.csv",
            "--save_additional_columns",
            "[]",
            "--caption_separator",
            "; ",
        ],
    ] {
        assert_eq!(run(args).unwrap().recorded, plain, "{args:?}");
    }
    assert_ne!(run(&["l.csv", "--image_size=64"]).unwrap().recorded, plain);
}

#[test]
fn recorded_values_are_valid_on_the_command_line() {
    for spec in TABLE {
        let option = format!("--{}={}", spec.name, unlike(spec));
        let Ok(config) = run(&[&BASE[..], &[&option]].concat()) else {
            continue;
        };
        let again: Vec<String> = config
            .recorded
            .iter()
            .filter(|option| option.name != "url_list")
            .map(|option| {
                let text = match &option.value {
                    Value::Null => "None".to_owned(),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                format!("--{}={text}", option.name)
            })
            .collect();
        let again: Vec<&str> = again.iter().map(String::as_str).collect();
        let list = match spec.name {
            "url_list" => unlike(spec),
            _ => BASE[0],
        };
        let again = run(&[&[list], &again[..]].concat()).unwrap();
        assert_eq!(again.recorded, config.recorded, "{option}");
    }
}

/// The command lines of the runs in the golden record.
const GOLDEN: [(&str, &[&str]); 3] = [
    ("csv", &["list.csv"]),
    (
        "csv",
        &[
            "list.csv",
            "--output_format=webdataset",
            "--quoting=none",
            "--delimiter=|",
            "--no_header",
            r#"--columns=['id','u','cap a','cap \"b\"']"#,
            "--url_col=u",
            r#"--caption_cols=["cap a","cap \"b\""]"#,
            "--caption_separator= ; \\n",
            "--save_additional_columns=id",
            "--key_col=id",
            "--number_sample_per_shard=1",
            "--max_rows=2",
            "--sample_rate=1",
            "--sample_seed=9",
            "--oom_shard_count=4",
            "--true_extension",
            "--extract_exif=False",
            "--image_size=512",
            "--resize_mode=keep_ratio_largest",
            "--resize_only_if_bigger",
            "--upscale_interpolation=bicubic",
            "--downscale_interpolation=catmullrom",
            "--encode_format=webp",
            "--encode_quality=101",
            "--skip_reencode",
            "--jpeg_decoder=zune",
            "--exact",
            "--max_pixels=1_000_000",
            "--max_jpeg_scans=9",
            "--min_image_size=10",
            "--max_image_area=80000",
            "--max_aspect_ratio=2.5",
            "--compute_hash=md5",
            "--max_body_bytes=1000000",
            "--disallowed_header_directives=NoAI",
            "--explode_url",
        ],
    ),
    (
        "csv.gz",
        &[
            "list.csv",
            "--output_format=parquet",
            r#"--verify_hash=["cap","sha512"]"#,
            "--compute_hash=sha512",
            "--disable_all_reencoding",
            "--disallowed_header_directives=[]",
        ],
    ),
];

#[test]
fn runs_of_the_first_records_resume_with_the_same_command_lines() {
    let golden = include_bytes!("../../dataset/record/golden/v1.json");
    let record = Record::parse(golden).expect("a record");
    for (run_entry, (format, args)) in record.runs.iter().zip(GOLDEN) {
        let mut config = run(args).unwrap();
        config.recorded.set("input_format", json!(format));
        let asking = Asking {
            options: &config.recorded,
            input: &run_entry.input,
        };
        let at = run_entry.first_shard_id;
        assert!(run_entry.is_continued_by(asking), "the run from {at}");
        config.recorded.set("image_size", json!(1));
        let asking = Asking {
            options: &config.recorded,
            input: &run_entry.input,
        };
        assert!(!run_entry.is_continued_by(asking), "the run from {at}");
    }
}

#[test]
fn every_word_of_a_choice_is_recorded() {
    let written: Vec<String> = [
        OutputFormat::ALL.map(OutputFormat::as_str).to_vec(),
        choices::RESIZE_MODES.map(choices::resize_mode).to_vec(),
        choices::INTERPOLATIONS.map(choices::interpolation).to_vec(),
        choices::ANTIALIASED.map(choices::interpolation).to_vec(),
        choices::JPEG_DECODERS.map(choices::jpeg_decoder).to_vec(),
        choices::QUOTINGS.map(choices::quoting).to_vec(),
        choices::HASHES.map(HashKind::as_str).to_vec(),
        EncodeFormat::ALL.map(EncodeFormat::as_str).to_vec(),
    ]
    .concat()
    .into_iter()
    .map(str::to_owned)
    .collect();
    for spec in TABLE
        .iter()
        .filter(|spec| !matches!(spec.recorded, Recorded::Unrecorded))
    {
        let Kind::Choice(choices) = spec.kind else {
            continue;
        };
        if spec.name == "input_format" {
            continue;
        }
        for word in choices.split('|').filter(|word| *word != "None") {
            assert!(
                written.iter().any(|known| known == word),
                "{}: {word}",
                spec.name
            );
        }
    }
}
