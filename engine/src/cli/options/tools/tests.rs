use std::path::PathBuf;

use super::tables::DOCTOR;
use super::*;
use crate::cli::options::parse;
use crate::config::Location;
use crate::machine::doctor::{Profile, Question};

fn parsed(args: &[&str]) -> Result<Invocation, Error> {
    parse(args.iter().map(OsString::from))
}

fn refused(args: &[&str]) -> String {
    let error = parsed(args).expect_err("refused");
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

#[test]
fn every_tool_has_one_name() {
    for (tool, name) in Tool::ALL {
        assert_eq!((tool.name(), Tool::of(name)), (name, Some(tool)));
    }
}

#[test]
fn only_the_first_word_names_a_tool() {
    assert!(matches!(parsed(&["doctor"]), Ok(Invocation::Doctor(_))));
    assert!(matches!(
        parsed(&["tune", "--print"]),
        Ok(Invocation::Tune(_))
    ));
    for list in [
        &["./doctor"][..],
        &["--url_list", "doctor"],
        &["--image_size=64", "tune"],
    ] {
        let Ok(Invocation::Run(config)) = parsed(list) else {
            panic!("{list:?} is a run")
        };
        assert!(list.contains(&config.input.url_list.as_str()));
    }
}

#[test]
fn the_options_of_doctor_are_parsed_in_every_spelling() {
    let line = [
        "doctor",
        "--profile=16-cores-10gbe",
        "--output-folder",
        "out",
        "--processes_count",
        "4",
        "--dns_servers",
        "192.0.2.1",
        "--dns_servers=[192.0.2.2:5353]",
        "--dns_name",
        "a.test",
        "--json",
        "--strict",
        "true",
    ];
    let Ok(Invocation::Doctor(options)) = parsed(&line) else {
        panic!("a doctor")
    };
    assert_eq!(options.profile, Some(Profile::new(16, 10)));
    assert_eq!(options.output_folder, Some(Location::Local("out".into())));
    assert_eq!(options.cores, Some(4));
    let servers = ["192.0.2.1:53", "192.0.2.2:5353"].map(|one| one.parse().unwrap());
    assert_eq!(options.dns_servers, servers);
    assert_eq!(options.question, Question::of("a.test").unwrap());
    assert!(options.json && options.strict);
}

#[test]
fn resolve_takes_names_and_the_options_of_a_run() {
    let line = [
        "resolve",
        "Www.Example.ORG.",
        "b\u{fc}cher.example",
        "--dns=system",
        "--json",
    ];
    let Ok(Invocation::Resolve(options)) = parsed(&line) else {
        panic!("a resolve")
    };
    assert_eq!(options.names, ["www.example.org", "xn--bcher-kva.example"]);
    assert_eq!(options.dns.resolver, crate::config::Resolver::System);
    assert!(options.json);
}

#[test]
fn verify_takes_a_folder_and_its_switches() {
    let Ok(Invocation::Verify(options)) = parsed(&["verify", "--repair", "out"]) else {
        panic!("a verify")
    };
    assert_eq!(options.location, Location::Local("out".into()));
    assert!(options.repair && !options.json);
}

#[test]
fn a_tilde_in_front_of_a_tools_path_is_home() {
    let home = std::env::var("HOME").expect("tests have a HOME");
    let home = PathBuf::from(home);
    let Ok(Invocation::Verify(options)) = parsed(&["verify", "~/out"]) else {
        panic!("a verify")
    };
    assert_eq!(options.location, Location::Local(home.join("out")));
    let Ok(Invocation::Doctor(options)) = parsed(&["doctor", "--output_folder=~/out"]) else {
        panic!("a doctor")
    };
    assert_eq!(
        options.output_folder,
        Some(Location::Local(home.join("out")))
    );
    let Ok(Invocation::Verify(options)) = parsed(&["verify", "./~out"]) else {
        panic!("a verify")
    };
    assert_eq!(options.location, Location::Local("./~out".into()));
    for args in [
        &["verify", "~else/out"][..],
        &["doctor", "--output_folder", "~else"],
    ] {
        let said = parsed(args).expect_err("another user's").to_string();
        assert!(said.contains("hint:") && said.contains("./~else"), "{said}");
    }
}

#[test]
fn unknown_options_of_a_tool_are_refused_with_a_hint() {
    for (args, hint) in [
        (
            &["doctor", "--profil", "x"][..],
            "did you mean `--profile`?",
        ),
        (&["doctor", "--profile", "huge"], "64-cores-25gbe"),
        (&["doctor", "--profile"], "--profile TEXT"),
        (&["doctor", "--zzzzzzzzzzz"], "turbo2ds doctor --help"),
        (&["doctor", "--processes_count", "0"], "from 1 to 4096"),
        (&["doctor", "--dns_name", "a..b"], "host name"),
        (&["doctor", "list.txt"], "./doctor"),
        (
            &["doctor", "--output_folder", "ftp://a/b"],
            "s3://bucket/folder",
        ),
        (&["doctor", "--output_folder", "https://a/b"], "gs://"),
        (&["doctor", "--storage_option", "key"], "KEY=VALUE"),
        (&["resolve"], "www.example.org"),
        (&["resolve", "http://a.test/"], "without scheme"),
        (&["resolve", "192.0.2.1"], "host name"),
        (&["resolve", "a.test", "--dns", "nobody"], "9.9.9.9"),
        (
            &["resolve", "a.test", "--image_size", "1"],
            "turbo2ds resolve --help",
        ),
        (&["tune"], "tune --print"),
        (&["tune", "--print", "False"], "tune --print"),
        (&["tune", "--print", "grub"], "sysctl, limits, systemd"),
        (&["verify"], "verify FOLDER"),
        (&["verify", "a", "b"], "./verify"),
        (&["verify", "a", "--repare"], "did you mean `--repair`?"),
    ] {
        let text = refused(args);
        assert!(text.contains(hint), "{args:?}: {text}");
    }
}

#[test]
fn each_tool_has_help_and_the_main_help_names_them() {
    let help = |args: &[&str]| match parsed(args) {
        Ok(Invocation::Help(text)) => text,
        other => panic!("{args:?}: {other:?}"),
    };
    for (name, ..) in DOCTOR {
        assert!(
            help(&["doctor", "--help"]).contains(&format!("--{name} ")),
            "{name}"
        );
    }
    assert!(help(&["doctor", "-h"]).contains("Exit codes"));
    let resolve = help(&["resolve", "--help"]);
    assert!(
        resolve.contains("--dns ") && resolve.contains("--json "),
        "{resolve}"
    );
    assert!(help(&["tune", "--help"]).contains("classes"));
    assert!(help(&["verify", "--help"]).contains("Exit codes"));
    let main = help(&["--help"]);
    for (_, tool) in Tool::ALL {
        assert!(main.contains(&format!("turbo2ds {tool}")), "{main}");
    }
}
