//! End to end: what the command line refuses, and how.

use std::path::Path;

use turbo2ds_tests::harness::job::binary;
use turbo2ds_tests::harness::{Job, read};
use turbo2ds_tests::web::{Ports, Web};

/// The run must be refused before anything is touched.
fn check_refused(option: &str, value: &str) {
    let job = Job::strict("list.txt", "http://a.ok.test/1.jpg\n").option(option, value);
    let outcome = job.run();
    assert_eq!(outcome.code, Some(2), "{option} {value}: {outcome}");
    assert!(
        outcome.stderr.contains("hint:"),
        "{option} {value}: {outcome}"
    );
    assert!(outcome.stdout.is_empty(), "{outcome}");
    assert!(
        !job.output().exists(),
        "{option} {value} left an output folder"
    );
}

#[test]
fn bad_usage_is_refused_with_a_hint_and_creates_nothing() {
    let bad = [
        ("--image_sise", "256"),
        ("--image_size", "0"),
        ("--image_size", "many"),
        ("--resize_mode", "stretch"),
        ("--output_format", "zip"),
        ("--input_format", "xml"),
        ("--encode_format", "gif"),
        ("--encode_quality", "101"),
        ("--timeout", "0"),
        ("--retries", "-1"),
        ("--allow_net", "10.0.0.0/99"),
        ("--dns_servers", "dns.example"),
        ("--save_additional_columns", "[\"key\"]"),
        ("--distributor", "dask"),
        ("--processes_count", "0"),
    ];
    for (option, value) in bad {
        check_refused(option, value);
    }
}

#[test]
fn help_and_version_are_answers_and_not_runs() {
    for option in ["--help", "--version"] {
        let output = std::process::Command::new(binary())
            .arg(option)
            .output()
            .unwrap();
        assert!(output.status.success());
        assert!(
            String::from_utf8(output.stdout)
                .unwrap()
                .contains("turbo2ds")
        );
    }
}

#[test]
fn a_run_without_a_list_is_bad_usage() {
    let output = std::process::Command::new(binary()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("hint:"));
}

#[test]
fn a_tilde_in_front_of_a_path_is_home() {
    let web = Web::start(Ports::default()).unwrap();
    let url = web.url("/img/1.jpg?w=40&h=30");
    let job = Job::of_urls(&web, [&url]);
    let list = job.file("home/list.txt", format!("{url}\n"));
    let home = list.parent().unwrap();
    let job = job.over("~/list.txt").into_folder("~/data set");
    let job = job.env("HOME", home);
    job.succeed();
    assert_eq!(read::rows(&home.join("data set")).len(), 1);
    assert!(!Path::new("~").exists(), "a folder of that name was made");
    let verified = std::process::Command::new(binary())
        .args(["verify", "~/data set"])
        .env("HOME", home)
        .output()
        .unwrap();
    assert_eq!(verified.status.code(), Some(0));
    // The same list and folder, in full.
    let whole = job.over(&list).into_folder(home.join("data set"));
    let before = web.requests();
    whole.succeed();
    assert_eq!(web.requests(), before, "the same command goes on");
}

#[test]
fn without_home_and_for_another_user_a_tilde_is_refused() {
    for (home, folder, hint) in [
        ("", "~/dataset", "HOME"),
        ("relative", "~", "HOME"),
        ("/tmp", "~nobody/dataset", "another user's"),
    ] {
        let job = Job::strict("list.txt", "http://a.ok.test/1.jpg\n");
        let job = job.into_folder(folder).env("HOME", home);
        let outcome = job.run();
        assert_eq!(outcome.code, Some(2), "{folder}: {outcome}");
        assert!(
            outcome.stderr.contains("hint:") && outcome.stderr.contains(hint),
            "{outcome}"
        );
        assert!(
            outcome.stderr.contains(&format!("`./{folder}`")),
            "{outcome}"
        );
        assert!(!Path::new(folder).exists());
    }
}

#[test]
fn options_that_ask_for_nothing_here_are_no_reason_to_refuse() {
    let web = Web::start(Ports::default()).unwrap();
    let url = web.url("/img/1.jpg?w=40&h=30");
    let job = Job::of_urls(&web, [&url])
        .option("--distributor", "multiprocessing")
        .option("--subjob_size", "7")
        .option("--enable_wandb", "False")
        .option("--wandb_project", "mine");
    job.succeed();
    assert_eq!(read::rows(&job.output()).len(), 1);
}

#[test]
fn a_column_with_a_name_that_the_output_gives_is_refused_where_both_share_a_space() {
    let web = Web::start(Ports::default()).unwrap();
    let url = web.url("/img/1.jpg?w=160&h=120");
    let list = format!("link,text,jpg,png,txt\n{url},words,a,b,c\n");
    let job = |format: &str, kept: &str| {
        Job::new(&web, "list.csv", &list)
            .option("--input_format", "csv")
            .option("--url_col", "link")
            .option("--caption_col", "text")
            .option("--output_format", format)
            .option("--save_additional_columns", format!("[\"{kept}\"]"))
    };
    for (format, kept, encode) in [
        ("parquet", "jpg", "jpg"),
        ("parquet", "png", "png"),
        ("tfrecord", "jpg", "jpg"),
        ("tfrecord", "txt", "jpg"),
    ] {
        let job = job(format, kept)
            .option("--encode_format", encode)
            .option("--encode_quality", "9");
        let outcome = job.run();
        assert_eq!(outcome.code, Some(2), "{format} {kept}: {outcome}");
        assert!(outcome.stderr.contains(&format!("`{kept}`")), "{outcome}");
        assert!(outcome.stderr.contains("\nhint: "), "{outcome}");
        assert!(!job.output().exists(), "{format} {kept}");
    }
    for (format, kept) in [
        ("webdataset", "jpg"),
        ("webdataset", "txt"),
        ("files", "jpg"),
        ("parquet", "png"),
        ("parquet", "txt"),
        ("tfrecord", "png"),
        ("dummy", "jpg"),
    ] {
        let job = job(format, kept);
        let outcome = job.succeed();
        if format != "dummy" {
            assert!(read::rows(&job.output())[0].contains_key(kept), "{outcome}");
        }
    }
}

#[test]
fn a_file_where_the_output_folder_belongs_is_called_that() {
    let job = Job::strict("list.txt", "http://a.ok.test/1.jpg\n");
    let file = job.file("mine", "content");
    for below in ["", "/sub", "/sub/sub"] {
        let output = format!("{}{below}", file.display());
        let job = Job::strict("list.txt", "http://a.ok.test/1.jpg\n").into_folder(output);
        let outcome = job.run();
        assert_eq!(outcome.code, Some(1), "{outcome}");
        let said = format!(
            "output error: {} is a file and no folder\nhint: ",
            file.display()
        );
        assert!(outcome.stderr.contains(&said), "{outcome}");
        assert_eq!(std::fs::read(&file).unwrap(), b"content");
    }
}

#[test]
fn what_a_user_gives_is_cut_in_messages() {
    let long = "x".repeat(100_000);
    let list = |header: &str| {
        let list = format!("{header}\nhttp://a.ok.test/1.jpg,1\n");
        Job::strict("list.csv", list).option("--input_format", "csv")
    };
    let header = format!("link,{}", "y".repeat(12 << 20));
    let jobs = [
        list(&header),
        list(&"y".repeat(12 << 20)),
        list("url,a").option("--caption_col", &long),
        list("url,a").option("--save_additional_columns", format!("[\"{long}\"]")),
        list("url,a").option("--resize_mode", &long),
        list("url,a").option(&format!("--{long}"), "1"),
        list("url,a").option("--blocked_networks", &long),
        list("url,a").over(&long),
        list("url,a").into_folder(&long),
    ];
    for job in jobs {
        let outcome = job.run();
        assert!(
            matches!(outcome.code, Some(1 | 2)),
            "{:.3000}",
            outcome.stderr
        );
        let lines: Vec<&str> = outcome.stderr.lines().collect();
        assert!(
            lines.len() == 2 && lines[1].starts_with("hint: "),
            "{:.3000}",
            outcome.stderr
        );
        assert!(
            outcome.stderr.chars().count() < 1000,
            "{:.3000}",
            outcome.stderr
        );
    }
}
