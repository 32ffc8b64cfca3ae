//! End to end: what the command line refuses, and how.

use turbo2ds_tests::harness::Job;

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
        let output = std::process::Command::new(turbo2ds_tests::harness::job::binary())
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
    let output = std::process::Command::new(turbo2ds_tests::harness::job::binary())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("hint:"));
}
