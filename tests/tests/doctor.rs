//! End to end: `turbo2ds doctor` and `turbo2ds tune` as an administrator calls them, and the files of
//! `tuning/` held against what the program prints.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use turbo2ds_tests::harness::job::binary;
use turbo2ds_tests::web::{Ports, Web};

struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

/// Runs the binary with these arguments, through a wrapper where there is one.
fn turbo2ds(wrapper: &[&str], arguments: &[&str]) -> Said {
    let binary = binary();
    let mut line: Vec<&OsStr> = wrapper.iter().map(OsStr::new).collect();
    line.push(binary.as_os_str());
    line.extend(arguments.iter().map(OsStr::new));
    let output = Command::new(line[0])
        .args(&line[1..])
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("only text is printed");
    Said {
        code: output.status.code().expect("it ends by itself"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// `doctor --json` with further arguments: the exit code and the object, which must agree.
fn doctor(wrapper: &[&str], arguments: &[&str]) -> (i32, Value) {
    let said = turbo2ds(wrapper, &[&["doctor", "--json"], arguments].concat());
    let value: Value = serde_json::from_str(&said.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", said.stdout, said.stderr));
    assert_eq!(value["exit_code"], said.code);
    let failures = value["failures"].as_u64().expect("a count");
    let strict = arguments.contains(&"--strict") && value["warnings"] != 0;
    assert_eq!(said.code, i32::from(failures > 0 || strict), "{value}");
    (said.code, value)
}

fn finding<'a>(report: &'a Value, check: &str) -> &'a Value {
    let findings = report["findings"].as_array().expect("a list");
    let found = findings.iter().find(|finding| finding["check"] == check);
    found.unwrap_or_else(|| panic!("no {check} in {report}"))
}

fn text<'a>(finding: &'a Value, field: &str) -> &'a str {
    finding[field]
        .as_str()
        .unwrap_or_else(|| panic!("no {field} in {finding}"))
}

/// Servers that answer at once, for tests of something else.
fn with_names<T>(test: impl FnOnce(&str) -> T) -> T {
    let web = Web::start(Ports::default()).unwrap();
    test(&web.dns_server())
}

#[test]
fn a_report_is_a_table_for_people_and_one_object_for_machines() {
    with_names(|server| {
        let (code, report) = doctor(&[], &["--dns_servers", server, "--dns_name", "a.ok.test"]);
        let findings = report["findings"].as_array().unwrap();
        for finding in findings {
            let well = text(finding, "severity") == "ok" || text(finding, "severity") == "note";
            assert!(
                well || !text(finding, "fix").is_empty(),
                "no way out: {finding}"
            );
            assert!(!text(finding, "found").is_empty() && !text(finding, "wanted").is_empty());
        }
        let said = turbo2ds(
            &[],
            &["doctor", "--dns_servers", server, "--dns_name", "a.ok.test"],
        );
        assert_eq!(said.code, code);
        for finding in findings {
            assert!(
                said.stdout.contains(text(finding, "check")),
                "{}",
                said.stdout
            );
        }
        assert!(said.stdout.contains(" failure"), "{}", said.stdout);
    });
}

#[test]
fn too_few_descriptors_are_a_failure_with_the_number_that_would_do() {
    with_names(|server| {
        let few = ["sh", "-c", "ulimit -n 200; exec \"$@\"", "sh"];
        let arguments = ["--dns_servers", server, "--profile", "16-cores-10gbe"];
        let (code, report) = doctor(&few, &arguments);
        let found = finding(&report, "descriptors");
        assert_eq!(code, 1, "{report}");
        assert_eq!(found["severity"], "fail");
        assert!(text(found, "found").contains("hard limit 200"), "{found}");
        assert!(text(found, "fix").contains("LimitNOFILE=36864"), "{found}");
    });
}

/// A filter that denies io_uring in some way is a warning that names the errno.
fn check_denied(kind: &str, errno: &str) {
    with_names(|server| {
        let wrapper = [env!("CARGO_BIN_EXE_deny_uring"), kind];
        let (_, report) = doctor(
            &wrapper,
            &["--dns_servers", server, "--dns_name", "a.ok.test"],
        );
        let found = finding(&report, "io_uring");
        assert_eq!(found["severity"], "warn", "{found}");
        assert!(text(found, "found").starts_with(errno), "{found}");
        assert!(text(found, "found").contains("epoll"), "{found}");
        assert!(text(found, "fix").contains("seccomp"), "{found}");
        let strict = [
            "--dns_servers",
            server,
            "--dns_name",
            "a.ok.test",
            "--strict",
        ];
        assert_eq!(doctor(&wrapper, &strict).0, 1, "a warning under --strict");
    });
}

#[test]
fn io_uring_refused_as_containers_do_is_a_warning_with_its_errno() {
    check_denied("eperm", "EPERM");
}

#[test]
fn a_kernel_without_io_uring_is_a_warning_with_its_errno() {
    check_denied("enosys", "ENOSYS");
}

#[test]
fn a_ring_that_cannot_be_entered_is_a_warning_with_its_errno() {
    check_denied("enter", "EPERM");
}

#[test]
fn an_output_folder_is_tried_and_left_as_it_was() {
    with_names(|server| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let (_, report) = doctor(&[], &["--dns_servers", server, "--output_folder", path]);
        for check in [
            "output folder",
            "file system",
            "direct I/O",
            "space",
            "inodes",
        ] {
            assert_ne!(text(finding(&report, check), "found"), "", "{report}");
        }
        assert_eq!(finding(&report, "output folder")["severity"], "ok");
        assert_eq!(std::fs::read_dir(path).unwrap().count(), 0);
    });
}

#[test]
fn a_missing_output_folder_is_a_note_and_is_not_made() {
    with_names(|server| {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("a/b");
        let path = missing.to_str().unwrap();
        let (_, report) = doctor(&[], &["--dns_servers", server, "--output_folder", path]);
        let found = finding(&report, "output folder");
        assert_eq!(found["severity"], "note", "{found}");
        assert!(text(found, "found").contains("not there yet"), "{found}");
        assert!(!folder.path().join("a").exists());
    });
}

#[test]
fn a_file_in_the_output_folders_place_is_a_failure() {
    with_names(|server| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let (code, report) = doctor(&[], &["--dns_servers", server, "--output_folder", path]);
        assert_eq!(code, 1);
        assert_eq!(finding(&report, "output folder")["severity"], "fail");
    });
}

#[test]
fn name_servers_are_judged_by_what_they_answer() {
    with_names(|server| {
        let severity = |name: &str| {
            let (_, report) = doctor(&[], &["--dns_servers", server, "--dns_name", name]);
            text(finding(&report, "name servers"), "severity").to_owned()
        };
        assert_eq!(severity("a.ok.test"), "ok");
        assert_eq!(severity("nx.test"), "ok");
        assert_eq!(severity("servfail.test"), "fail");
        assert_eq!(severity("refused.test"), "fail");
    });
}

#[test]
fn a_silent_name_server_fails_within_seconds() {
    with_names(|server| {
        let begun = Instant::now();
        let (code, report) = doctor(&[], &["--dns_servers", server, "--dns_name", "silent.test"]);
        assert_eq!(code, 1);
        assert!(text(finding(&report, "name servers"), "found").contains("silent"));
        assert!(begun.elapsed() < Duration::from_secs(30));
    });
}

#[test]
fn a_password_in_a_proxy_variable_is_never_shown() {
    with_names(|server| {
        let wrapper = [
            "env",
            "-u",
            "HTTP_PROXY",
            "http_proxy=http://me:hunter2@192.0.2.1:8080",
        ];
        let (_, report) = doctor(&wrapper, &["--dns_servers", server]);
        let found = finding(&report, "proxies");
        assert_eq!(found["severity"], "note", "{found}");
        assert!(text(found, "found").contains("http_proxy"));
        assert!(!report.to_string().contains("hunter2"));
    });
}

#[test]
fn an_unknown_profile_is_refused_with_the_names_of_the_classes() {
    for command in [&["doctor"][..], &["tune", "--print"]] {
        let said = turbo2ds(&[], &[command, &["--profile", "enormous"]].concat());
        assert_eq!(said.code, 2, "{}", said.stderr);
        assert!(said.stdout.is_empty(), "{}", said.stdout);
        for part in [
            "`--profile` does not take `enormous`",
            "hint:",
            "16-cores-10gbe",
        ] {
            assert!(said.stderr.contains(part), "{}", said.stderr);
        }
    }
}

fn tuning() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tuning")
}

fn classes() -> Vec<String> {
    let table = turbo2ds(&[], &["tune", "--print", "classes"]).stdout;
    let rows = table.lines().filter_map(|line| line.strip_prefix("| "));
    let names = rows.filter_map(|row| row.split(' ').next());
    names
        .filter(|name| name.ends_with("gbe"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_files_of_tuning_are_what_the_program_prints() {
    let classes = classes();
    assert!(classes.len() >= 3, "{classes:?}");
    for class in &classes {
        for (name, word) in [
            ("turbo2ds.sysctl.conf", "sysctl"),
            ("turbo2ds.limits.conf", "limits"),
            ("turbo2ds@.service", "systemd"),
        ] {
            let printed = turbo2ds(&[], &["tune", "--print", "--profile", class, word]).stdout;
            let path = tuning().join(class).join(name);
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            let anew = "tuning/regenerate writes them anew";
            assert!(kept == printed, "{} differs; {anew}", path.display());
        }
    }
    let folders = std::fs::read_dir(tuning()).unwrap().filter(|entry| {
        let kind = entry.as_ref().unwrap().file_type().unwrap();
        kind.is_dir()
    });
    assert_eq!(folders.count(), classes.len(), "a folder that is no class");
}

#[test]
fn the_table_in_tunings_readme_is_what_the_program_prints() {
    let printed = turbo2ds(&[], &["tune", "--print", "classes"]).stdout;
    let readme = std::fs::read_to_string(tuning().join("README.md")).unwrap();
    assert!(
        readme.contains(&printed),
        "tuning/regenerate writes it anew"
    );
}

#[test]
fn tune_prints_all_three_files_for_this_machine_where_nothing_is_named() {
    let said = turbo2ds(&[], &["tune", "--print"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let cores = std::thread::available_parallelism().unwrap();
    for part in [
        "net.ipv4.ip_local_port_range = ",
        "*     -  nofile  ",
        "ExecStart=/usr/local/bin/turbo2ds $ARGS",
        &format!("--profile {cores}-cores-"),
    ] {
        assert!(said.stdout.contains(part), "no {part} in {}", said.stdout);
    }
    assert_eq!(turbo2ds(&[], &["tune"]).code, 2, "tune without --print");
}
