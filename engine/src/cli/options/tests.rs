//! The command line as a user types it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::config::{AssignmentConfig, Location};
use crate::config::{DnsLimits, HashKind, InputFormat, NameServer, Resolver};
use turbo2ds_codec::{EncodeFormat, Interpolation, ReencodePolicy};

fn run(args: &[&str]) -> Result<Config, Error> {
    match parse(args.iter().map(OsString::from))? {
        Invocation::Run(config) => Ok(*config),
        other => panic!("expected a run, got {other:?}"),
    }
}

fn refused(args: &[&str]) -> String {
    let error = run(args).expect_err("refused");
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

#[test]
fn the_defaults_are_img2datasets() {
    let config = run(&["list.csv"]).unwrap();
    assert_eq!(config.codec.image_size, 256);
    assert_eq!(config.codec.upscale, Interpolation::Lanczos4);
    assert_eq!(config.codec.downscale, Interpolation::Area);
    assert_eq!(config.codec.encode_quality, 95);
    assert_eq!(config.input.rows_per_shard, 10_000);
    assert_eq!(config.output.shard_digits, 5);
    assert_eq!(config.fetch.hash, Some(HashKind::Sha256));
    assert_eq!(config.fetch.timeout.as_secs(), 10);
    assert_eq!(config.fetch.disallowed_directives.len(), 4);
    assert_eq!(config.fetch.body_bytes_max, crate::limits::BODY_BYTES_MAX);
    assert_eq!(config.fetch.redirects_max, crate::limits::REDIRECTS_MAX);
    assert_eq!(config.codec.limits.pixels_max, crate::limits::PIXELS_MAX);
    assert_eq!(
        config.codec.limits.jpeg_scans_max,
        crate::limits::JPEG_SCANS_MAX
    );
    assert!(config.extract_exif);
}

#[test]
fn every_spelling_of_an_option_means_the_same() {
    for args in [
        &["l.txt", "--image_size=64", "--resize_only_if_bigger=True"][..],
        &[
            "l.txt",
            "--image-size",
            "64",
            "--resize-only-if-bigger",
            "true",
        ],
        &["--resize_only_if_bigger", "l.txt", "--image-size=64"],
        &[
            "--url_list",
            "l.txt",
            "--image_size",
            "64",
            "--resize_only_if_bigger",
        ],
    ] {
        let config = run(args).unwrap();
        assert_eq!(config.codec.image_size, 64, "{args:?}");
        assert!(config.codec.only_if_bigger, "{args:?}");
        assert_eq!(config.input.url_list, "l.txt", "{args:?}");
    }
}

#[test]
fn a_whole_img2dataset_command_is_understood() {
    let config = run(&[
        "--url_list",
        "laion400m-meta",
        "--input_format",
        "parquet",
        "--url_col",
        "URL",
        "--caption_col",
        "TEXT",
        "--output_format",
        "webdataset",
        "--output_folder",
        "laion",
        "--processes_count",
        "16",
        "--thread_count",
        "128",
        "--image_size",
        "384",
        "--resize_only_if_bigger=True",
        "--resize_mode=keep_ratio",
        "--skip_reencode=True",
        "--save_additional_columns",
        r#"["NSFW","similarity","LICENSE"]"#,
        "--enable_wandb",
        "False",
        "--distributor",
        "multiprocessing",
        "--verify_hash",
        "['md5col', 'md5']",
        "--compute_hash",
        "md5",
        "--disallowed_header_directives",
        "[]",
    ])
    .unwrap();
    assert_eq!(config.input.format, Some(InputFormat::Parquet));
    assert_eq!(
        config.input.save_additional_columns,
        ["NSFW", "similarity", "LICENSE"]
    );
    assert_eq!(config.input.verify_hash_col.as_deref(), Some("md5col"));
    assert_eq!(config.machine.cores, Some(16));
    assert_eq!(config.machine.in_flight, Some(128));
    assert!(config.fetch.disallowed_directives.is_empty());
}

#[test]
fn an_input_format_may_name_a_compression() {
    for (word, expected) in [
        ("None", None),
        ("tsv.gz", Some(InputFormat::Tsv)),
        ("csv", Some(InputFormat::Csv)),
        ("jsonl.zst", Some(InputFormat::Jsonl)),
        ("arrow", Some(InputFormat::Arrow)),
    ] {
        let config = run(&["list", "--input_format", word]).unwrap();
        assert_eq!(config.input.format, expected, "{word}");
    }
}

#[test]
fn dialect_and_sampling_options_are_parsed() {
    let config = run(&[
        "l.tsv",
        "--quoting",
        "none",
        "--delimiter",
        "\\t",
        "--no_header",
        "--columns",
        "url,caption",
        "--caption_cols",
        "a,b",
        "--caption_separator",
        " | ",
        "--max_rows",
        "10",
        "--sample_rate",
        "0.5",
    ])
    .unwrap();
    assert_eq!(config.input.dialect.delimiter, Some(b'\t'));
    assert_eq!(
        config.input.dialect.columns.as_deref().map(<[_]>::len),
        Some(2)
    );
    assert_eq!(config.input.caption_separator, " | ");
    assert_eq!(config.input.sample.map(|sample| sample.seed), Some(0));
    for args in [
        &["l", "--delimiter", "ab"][..],
        &["l", "--delimiter", "\""],
        &["l", "--no_header"],
        &["l", "--columns", "url"],
        &["l", "--sample_rate", "0"],
        &["l", "--sample_rate", "1.5"],
        &["l", "--sample_seed", "1"],
        &["l", "--max_rows", "0"],
        &["l", "--caption_cols", "a", "--caption_col", "b"],
        &["l", "--caption_cols", "a,a"],
    ] {
        refused(args);
    }
}

#[test]
fn an_unknown_option_error_names_the_nearest_one() {
    let text = refused(&["l.txt", "--image_sise", "3"]);
    assert_eq!(
        text,
        "unknown option `--image_sise`\nhint: did you mean `--image_size`?"
    );
    assert!(refused(&["l.txt", "--zzzzzzzzzzzz"]).contains("--help"));
}

#[test]
fn a_bad_value_error_names_the_valid_ones() {
    for (args, hint) in [
        (&["--image_size", "0"][..], "from 1 to 65500"),
        (&["--retries", "-1"], "from 0 to 100"),
        (&["--timeout", "0"], "more than 0"),
        (&["--resize_mode", "stretch"], "keep_ratio_largest"),
        (&["--compute_hash", "sha1"], "sha512"),
        (&["--input_format", "xml"], "jsonl"),
        (&["--upscale_interpolation", "hamming"], "nearest"),
        (&["--extract_exif=yes"], "True or False"),
        (&["--allow_net", "10.0.0.0/99"], "10.0.0.0/8"),
        (&["--dns_servers", "dns.example"], "9.9.9.9"),
        (&["--resolve", "example.org"], "HOST:ADDRESS"),
        (&["--user_agent_token", "a\r\nHost: b"], "on one line"),
        (&["--user_agent_token", "b\u{f6}t"], "printable ASCII"),
        (&["--user_agent", "a\0"], "printable ASCII"),
        (&["--user_agent="], "some text"),
        (&["--contact", "example.org"], "bot@example.org"),
        (&["--referer", "example.org"], "auto"),
        (&["--max_body_bytes", "999999999999"], "whole number"),
        (&["--save_additional_columns", "[a"], "list"),
        (&["--image_size"], "--image_size INT"),
        (&["--image_size", "--timeout=3"], "--image_size INT"),
        (&["second.txt"], "only the URL list"),
        (&["-q"], "two dashes"),
    ] {
        let text = refused(&[&["l.csv"], args].concat());
        assert!(
            text.lines().nth(1).unwrap().contains(hint),
            "{args:?}: {text}"
        );
    }
    assert!(refused(&[]).contains("no URL list"));
}

#[test]
fn contradictory_options_are_refused() {
    for args in [
        &["l.csv", "--encode_format", "png"][..],
        &["l.csv", "--encode_quality", "101"],
        &["l.csv", "--verify_hash", r#"["h","md5"]"#],
        &["l.csv", "--verify_hash", r#"["h"]"#],
        &["l.csv", "--save_additional_columns", "[key]"],
        &["l.csv", "--save_additional_columns", "[a,a]"],
        &["l.csv", "--caption_col", "url"],
        &["l.csv", "--bbox_col", "url"],
        &["l.csv", "--bbox_col", "width"],
        &[
            "l.csv",
            "--bbox_col",
            "a",
            "--save_additional_columns",
            "[a]",
        ],
        &["l.csv", "--bbox_col", "a", "--disable_all_reencoding"],
    ] {
        refused(args);
    }
    let png = run(&["l.csv", "--encode_format", "png", "--encode_quality", "9"]).unwrap();
    assert_eq!(png.codec.encode_format, EncodeFormat::Png);
    run(&[
        "l.csv",
        "--encode_format",
        "webp",
        "--encode_quality",
        "101",
    ])
    .unwrap();
}

#[test]
fn unsupported_and_python_only_options_are_refused_in_one_line() {
    for args in [
        &["l.csv", "--distributor", "pyspark"][..],
        &["l.csv", "--distributor=ray"],
        &["l.csv", "--distributor", "pyspark", "--subjob_size", "500"],
        &["l.csv", "--enable_wandb"],
        &["l.csv", "--enable_wandb", "--wandb_project", "mine"],
    ] {
        let said = refused(args);
        assert!(said.contains("Python package"), "{args:?}: {said}");
    }
    for args in [
        &["ftp://host/l.csv"][..],
        &["l.csv", "--output_folder", "https://host/out"],
    ] {
        let said = refused(args);
        assert!(said.contains("or a URL such as s3://"), "{args:?}: {said}");
    }
    let url = "https://me:word@host/l.csv?key=secret";
    let config = run(&[url]).unwrap();
    assert_eq!(config.input.url_list, url);
    let recorded = format!("{:?}", config.recorded);
    assert!(recorded.contains("https://host/l.csv"), "{recorded}");
    assert!(
        !recorded.contains("word") && !recorded.contains("secret"),
        "{recorded}"
    );
    assert_eq!(
        run(&["file:///tmp/l.csv"]).unwrap().input.url_list,
        "/tmp/l.csv"
    );
}

#[test]
fn options_that_only_configure_the_python_package_are_ignored() {
    for args in [
        &["--enable_wandb", "False", "--wandb_project", "mine"][..],
        &["--wandb_project="],
        &["--subjob_size", "500"],
        &["--distributor", "multiprocessing", "--subjob_size=0"],
    ] {
        run(&[&["l.csv"], args].concat()).unwrap();
    }
    for args in [&["--subjob_size", "many"], &["--distributor", "slurm"]] {
        refused(&[&["l.csv"], &args[..]].concat());
    }
}

#[test]
fn disable_all_reencoding_wins_over_skip_reencode() {
    let reencode = |args: &[&str]| run(&[&["l.csv"], args].concat()).unwrap().codec.reencode;
    let (skip, disable) = ("--skip_reencode=True", "--disable_all_reencoding=True");
    for args in [&[skip, disable][..], &[disable, skip], &[disable]] {
        assert_eq!(reencode(args), ReencodePolicy::Never, "{args:?}");
    }
    assert_eq!(reencode(&[skip]), ReencodePolicy::SkipIfUnchanged);
    let disable = "--disable_all_reencoding=False";
    assert_eq!(reencode(&[skip, disable]), ReencodePolicy::SkipIfUnchanged);
}

#[test]
fn a_tilde_in_front_of_a_path_is_home() {
    let home = std::env::var("HOME").expect("tests have a HOME");
    let home = home.trim_end_matches('/');
    let config = run(&[
        "~/l.csv",
        "--output_folder=~",
        "--dns_cache",
        "~/.cache/names",
    ])
    .unwrap();
    assert_eq!(config.input.url_list, format!("{home}/l.csv"));
    assert_eq!(config.output.location, Location::Local(home.into()));
    let cache = format!("{home}/.cache/names");
    assert_eq!(config.dns.cache_path(), Some(Path::new(&cache)));
    let same = run(&[&format!("{home}/l.csv")]).unwrap();
    assert_eq!(same.recorded, run(&["~/l.csv"]).unwrap().recorded);
    let literal = run(&["./~l.csv", "--output_folder", "./~", "--url_col", "~"]).unwrap();
    assert_eq!(literal.input.url_list, "./~l.csv");
    assert_eq!(literal.output.location, Location::Local("./~".into()));
    assert_eq!(literal.input.url_col, "~", "only paths have a home");
    for args in [&["~other/l.csv"][..], &["l.csv", "--output_folder=~other"]] {
        let said = refused(args);
        assert!(
            said.contains("another user's") && said.contains("`./~other"),
            "{said}"
        );
    }
}

/// A value of an option other than its default; lists are read with `md5` as their hash.
fn unlike(spec: &OptionSpec) -> &'static str {
    match spec.name {
        "url_list" => "m.csv",
        "io" => "uring",
        "compute_hash" => "sha512",
        "verify_hash" => "[h,md5]",
        "allow_net" => "10.0.0.0/8",
        "dns" => "system",
        "dns_servers" => "9.9.9.9",
        "resolve" => "a:127.0.0.1",
        "encode_format" => "webp",
        "jpeg_decoder" => "zune",
        "input_format" => "json",
        "upscale_interpolation" => "area",
        _ => match spec.kind {
            Kind::Bool if spec.default == "True" => "False",
            Kind::Bool => "True",
            Kind::Int | Kind::Number => "7",
            Kind::Choice(words) => words.rsplit('|').next().unwrap(),
            Kind::Text | Kind::Path | Kind::List => "other",
        },
    }
}

#[test]
fn every_option_of_the_table_is_read() {
    let base = ["l.csv", "--compute_hash", "md5"];
    let plain = format!("{:?}", run(&base).unwrap());
    let pythons = ["subjob_size", "wandb_project"];
    for spec in TABLE {
        let option = format!("--{}={}", spec.name, unlike(spec));
        match run(&[&base[..], &[&option]].concat()) {
            Ok(config) if pythons.contains(&spec.name) => {
                assert_eq!(format!("{config:?}"), plain, "{option} is another's");
            }
            Ok(config) => assert_ne!(format!("{config:?}"), plain, "{option} changes nothing"),
            Err(error) => assert!(error.to_string().contains(spec.name), "{option}: {error}"),
        }
    }
}

#[test]
fn the_built_in_resolver_is_the_default_and_takes_a_cache_and_no_servers() {
    let config = run(&["l.csv", "--dns_cache", "names"]).unwrap();
    assert_eq!(config.dns.resolver, Resolver::Recursive);
    assert_eq!(config.dns.cache_path(), Some(Path::new("names")));
    let system = run(&["l.csv", "--dns", "system"]).unwrap();
    assert_eq!(system.dns.resolver, Resolver::System);
    for line in [
        &["l.csv", "--dns=recursive", "--dns_servers=9.9.9.9"][..],
        &["l.csv", "--dns=recursive,9.9.9.9"],
        &["l.csv", "--dns=system,recursive"],
        &["l.csv", "--dns=system", "--dns=9.9.9.9"],
        &["l.csv", "--dns=[]"],
        &["l.csv", "--dns=dns.example"],
    ] {
        assert!(refused(line).contains("9.9.9.9"), "{line:?}");
    }
    let cached = ["l.csv", "--dns=system", "--dns_cache=names"];
    assert!(refused(&cached).contains("--dns_cache"));
}

#[test]
fn servers_may_be_listed_by_either_option_and_more_than_once() {
    let plain = |text: &str| NameServer::Plain(text.parse().unwrap());
    let two = vec![plain("9.9.9.9:53"), plain("1.1.1.1:5353")];
    for line in [
        &["l.csv", "--dns", "9.9.9.9,1.1.1.1:5353"][..],
        &["l.csv", "--dns=9.9.9.9", "--dns=1.1.1.1:5353"],
        &["l.csv", "--dns=9.9.9.9", "--dns_servers=1.1.1.1:5353"],
        &[
            "l.csv",
            "--dns=system",
            "--dns_servers=[9.9.9.9,1.1.1.1:5353]",
        ],
    ] {
        let dns = run(line).unwrap().dns;
        assert_eq!(
            (dns.resolver, &dns.servers),
            (Resolver::Listed, &two),
            "{line:?}"
        );
    }
    let secure = run(&[
        "l.csv",
        "--dns",
        "tls://9.9.9.9,https://dns.google/dns-query",
    ])
    .unwrap();
    assert!(matches!(
        secure.dns.servers[..],
        [NameServer::Tls(_), NameServer::Https(_)]
    ));
}

#[test]
fn the_limits_of_the_resolver_are_parsed_and_checked() {
    let line = [
        "l.csv",
        "--dns_cache_bytes=2_000_000",
        "--dns_max_queries=100",
        "--dns_max_queries_per_server=7",
        "--dns_max_rate_per_server=50",
        "--dns_min_ttl=5",
        "--dns_max_ttl=10",
    ];
    let expected = DnsLimits {
        cache_bytes: 2_000_000,
        queries: 100,
        queries_per_server: Some(7),
        rate_per_server: Some(50),
        ttl_min: Duration::from_secs(5),
        ttl_max: Duration::from_secs(10),
    };
    assert_eq!(run(&line).unwrap().dns.limits, expected);
    assert_eq!(run(&["l.csv"]).unwrap().dns.limits, DnsLimits::default());
    assert!(refused(&["l.csv", "--dns_max_ttl=5"]).contains("--dns_min_ttl"));
    assert!(refused(&["l.csv", "--dns_max_queries=0"]).contains("from 1 to"));
}

#[test]
fn repeatable_lists_accumulate_and_others_keep_the_last() {
    let config = run(&[
        "l.csv",
        "--resolve",
        "A.example:127.0.0.1",
        "--resolve=b.example:[::1]",
        "--dns_servers",
        "9.9.9.9,[2620:fe::fe]:5353",
        "--image_size=1",
        "--image_size=2",
    ])
    .unwrap();
    assert_eq!(config.dns.fixed.len(), 2);
    assert_eq!(config.dns.fixed[0].0, "a.example");
    let ports = config.dns.servers.iter().map(|server| match server {
        NameServer::Plain(address) => address.port(),
        other => panic!("{other:?}"),
    });
    assert_eq!(ports.collect::<Vec<_>>(), [53, 5353]);
    assert_eq!(config.codec.image_size, 2);
}

#[test]
fn keys_may_come_from_any_column_with_possible_keys() {
    let keyed = |args: &[&str]| run(&[&["l.csv"], args].concat()).map(|c| c.input.key_col);
    for args in [
        &["--key_col", "id"][..],
        &["--key_col", "id", "--save_additional_columns", "[id]"],
        &["--key_col", "id", "--verify_hash", "[id,sha256]"],
        &["--key_col", "id", "--caption_col", "id"],
    ] {
        assert_eq!(keyed(args).unwrap().as_deref(), Some("id"), "{args:?}");
    }
    // An earlier dataset has its keys in this column, which is not kept under that name.
    assert_eq!(keyed(&["--key_col", "key"]).unwrap().unwrap(), "key");
    for (args, words) in [
        (&["--key_col", "url"][..], "column of URLs"),
        (&["--key_col", "u", "--url_col", "u"], "column of URLs"),
        (&["--key_col", "b", "--bbox_col", "b"], "column of boxes"),
    ] {
        let said = refused(&[&["l.csv"], args].concat());
        assert!(said.contains(words) && said.contains("hint: "), "{said}");
    }
}

#[test]
fn help_names_every_option_and_keeps_its_width() {
    let Invocation::Help(text) = parse(["--help"].iter().map(OsString::from)).unwrap() else {
        panic!("expected help");
    };
    assert!(
        TABLE
            .iter()
            .all(|spec| text.contains(&format!("--{} ", spec.name)))
    );
    assert!(text.lines().all(|line| line.len() <= 100), "{text}");
}

#[test]
fn version_names_the_target_and_the_compiled_in_libraries() {
    let Invocation::Version(text) = parse(["-V"].iter().map(OsString::from)).unwrap() else {
        panic!("expected the version");
    };
    assert!(
        text.contains(env!("CARGO_PKG_VERSION")) && text.contains("linux"),
        "{text}"
    );
    for library in ["libjpeg-turbo 3.", "libwebp 1.", "libdeflate 1.", "zstd 1."] {
        assert!(text.contains(library), "{text}");
    }
}

#[test]
fn an_assignment_is_a_range_or_a_share() {
    let assigned = |args: &[&str]| run(&[&["l.txt"], args].concat()).unwrap().output.assignment;
    assert_eq!(assigned(&[]), AssignmentConfig::All);
    assert_eq!(
        assigned(&["--shard_range", "3-12"]),
        AssignmentConfig::Range { first: 3, last: 12 }
    );
    let (index, count) = (Some(0), 4);
    assert_eq!(
        assigned(&["--shard_index", "0", "--shard_count", "4"]),
        AssignmentConfig::Share { index, count }
    );
    assert_eq!(
        assigned(&["--shard_count", "4"]),
        AssignmentConfig::Share { index: None, count }
    );
    for args in [
        &["--shard_index", "1"][..],
        &["--shard_range", "5-3"],
        &["--shard_range", "5"],
        &["--shard_range", "0-1", "--shard_count", "2"],
        &["--shard_count", "0"],
        &["--shard_count", "2", "--incremental_mode", "overwrite"],
        &["--shard_range", "0-1", "--incremental_mode", "extend"],
    ] {
        refused(&[&["l.txt"], args].concat());
    }
}

#[path = "recorded_tests.rs"]
mod recorded_tests;

#[path = "sender_tests.rs"]
mod sender_tests;

#[test]
fn staging_is_for_datasets_in_a_store() {
    let out = ["l.csv", "--output_folder", "memory://staging-options"];
    let staging = |more: &[&str]| run(&[&out, more].concat()).map(|config| config.output.staging);
    assert_eq!(staging(&[]).unwrap(), None);
    let given = staging(&["--staging", "disk", "--staging_bytes", "1073741824"]).unwrap();
    let given = given.expect("it is given");
    assert_eq!(given.folder, PathBuf::from("disk"));
    assert_eq!(given.bytes_max, Some(1 << 30));
    let bound = staging(&["--staging", "disk"])
        .unwrap()
        .expect("given")
        .bytes_max;
    assert_eq!(bound, None);
    for (args, hint) in [
        (&["l.csv", "--staging", "disk"][..], "leave `--staging` out"),
        (
            &[&out[..], &["--staging_bytes", "1073741824"]].concat(),
            "give `--staging DIR` too",
        ),
        (
            &[&out[..], &["--staging", "s3://b/f"]].concat(),
            "a folder on a local disk",
        ),
        (
            &[&out[..], &["--staging", "disk", "--staging_bytes", "5"]].concat(),
            "1048576",
        ),
    ] {
        let said = run(args).expect_err("refused").to_string();
        assert!(said.contains(hint), "{args:?}: {said}");
    }
}
