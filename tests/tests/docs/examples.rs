//! Every shell example of the pages, run by bash as it stands: `turbo2ds` is the binary, allowed to reach
//! the fake web, `sbatch` runs its command as the array's first task, and small lists stand for those that
//! are named. What is not run is in [`NOT_RUN`], and looked at instead.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::thread;

use turbo2ds_tests::harness::job::binary;
use turbo2ds_tests::harness::read::stats_sum;
use turbo2ds_tests::web::{Ports, Web};

use super::facts::{COMMANDS, Helps, check_options};
use super::lists::Pictures;
use super::pages::{Command, LANGUAGES, Page, pages, root};
use super::shell::{Word, calls, options, value, words};

/// How examples begin that are not run, and why.
const NOT_RUN: [(&str, &str); 13] = [
    (
        "make ",
        "builds or tests the product; its targets are looked up",
    ),
    ("cargo ", "builds the product; its packages are looked up"),
    (
        "benches/compare/",
        "takes minutes; its options are looked up",
    ),
    (
        "VENV/bin/python benches/",
        "needs img2dataset; its options are looked up",
    ),
    (
        "turbo2ds list.parquet --output_format webdataset --output_folder s3://",
        "needs a store; tests/tests/stores runs it over several",
    ),
    ("pip ", "asks a package index"),
    ("turbo2ds tune --print sysctl >/etc/", AS_ROOT),
    ("turbo2ds tune --print limits >/etc/", AS_ROOT),
    ("turbo2ds tune --print systemd >/etc/", AS_ROOT),
    ("useradd ", AS_ROOT),
    ("install -d ", AS_ROOT),
    ("echo 'ARGS=", AS_ROOT),
    ("systemctl ", AS_ROOT),
];
const AS_ROOT: &str = "changes the system, as root";

/// Exit codes with which a sub-command may end here: a machine may lack something, and the fake web's name
/// server knows no name of the real one.
const EXIT_CODES: [(&str, &[i32]); 2] = [("doctor", &[0, 1]), ("resolve", &[1])];

/// The entry of [`NOT_RUN`] that a command is under.
fn not_run(command: &Command) -> Option<&'static str> {
    let words: Vec<_> = command.text.split_whitespace().collect();
    let text = words.join(" ");
    let mut beginnings = NOT_RUN.iter().map(|(beginning, _)| *beginning);
    beginnings.find(|beginning| text.starts_with(beginning))
}

/// The commands of a page's shell blocks.
fn commands(page: &Page) -> Vec<Command> {
    let blocks = page.blocks();
    let shell = blocks.iter().filter(|block| block.language == "sh");
    shell.flat_map(super::pages::Block::commands).collect()
}

#[test]
fn every_block_says_what_it_is() {
    for page in pages() {
        for block in page.blocks() {
            let at = page.at(block.line);
            assert!(
                LANGUAGES.contains(&block.language),
                "{at}: a block of `{}`: one of {LANGUAGES:?}",
                block.language
            );
            assert!(!block.lines.is_empty(), "{at}: an empty block");
            if block.language == "json" {
                let text = block.lines.join("\n");
                let parsed = serde_json::from_str::<serde_json::Value>(&text);
                assert!(parsed.is_ok(), "{at}: {parsed:?}");
            }
        }
        for (line, text) in page.prose() {
            let hidden = ["turbo2ds ", "make ", "cargo ", "$ "].map(|word| format!("    {word}"));
            let hides = hidden.iter().any(|word| text.starts_with(word.as_str()));
            assert!(!hides, "{}: a command outside a block", page.at(line));
        }
    }
}

#[test]
fn every_shell_example_runs() {
    let web = Web::start(Ports::default()).unwrap();
    let pictures = Pictures::of(&web);
    // Once for all: a program that is written while another thread starts a process is busy.
    let programs = tempfile::tempdir().unwrap();
    write_programs(programs.path(), &web);
    thread::scope(|scope| {
        for page in pages() {
            let (web, pictures, programs) = (&web, &pictures, programs.path());
            scope.spawn(move || run_page(&page, web, pictures, programs));
        }
    });
}

/// Runs the examples of a page one after the other in one folder.
fn run_page(page: &Page, web: &Web, pictures: &Pictures, programs: &Path) {
    let commands = commands(page);
    let commands: Vec<_> = commands
        .iter()
        .filter(|command| not_run(command).is_none())
        .collect();
    if commands.is_empty() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path();
    let lines = commands.iter().map(|command| command.text.as_str());
    pictures.write_lists(work, lines);
    fs::write(work.join("company-ca.pem"), web.authority_pem()).unwrap();
    for command in &commands {
        run(page, command, work, programs);
    }
    for output in outputs(&commands) {
        let (rows, images) = (
            stats_sum(&work.join(&output), "count"),
            stats_sum(&work.join(&output), "successes"),
        );
        let page = page.path.display();
        assert!(rows > 0, "{page}: nothing in {output}");
        assert_eq!(rows, images, "{page}: rows of {output} failed");
    }
}

fn run(page: &Page, command: &Command, work: &Path, programs: &Path) {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Process::new("bash")
        .args(["-euo", "pipefail", "-c", &command.text])
        .current_dir(work)
        .env("PATH", format!("{}:{path}", programs.display()))
        .stdin(Stdio::null())
        .output()
        .expect("bash starts");
    let first = calls(&command.text, "turbo2ds")
        .into_iter()
        .flatten()
        .next();
    let known = EXIT_CODES
        .iter()
        .find(|(name, _)| Some(*name) == first.as_deref());
    let expected = known.map_or(&[0][..], |(_, codes)| codes);
    let code = output.status.code().unwrap_or(-1);
    assert!(
        expected.contains(&code),
        "{}: `{}` ends with {code}\n{}{}",
        page.at(command.line),
        command.text,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The folders of the datasets that must have rows: a share or a range of a small list may have none.
fn outputs(commands: &[&Command]) -> BTreeSet<String> {
    let all = commands
        .iter()
        .flat_map(|command| calls(&command.text, "turbo2ds"));
    let whole = all.filter(|call| {
        let first = call.first().map(String::as_str);
        !first.is_some_and(|first| COMMANDS.contains(&first))
            && !options(call).any(|option| matches!(option, "--shard_index" | "--sample_rate"))
    });
    whole
        .filter_map(|call| value(&call, "--output_folder").map(str::to_owned))
        .collect()
}

/// The programs that examples call, in front of all others.
fn write_programs(folder: &Path, web: &Web) {
    let (binary, dns) = (binary(), web.dns_server());
    let binary = fs::canonicalize(binary).unwrap();
    let binary = binary.display();
    let turbo2ds = format!(
        "case $1 in\n\
         log|redact|snapshot|tune|verify) exec '{binary}' \"$@\" ;;\n\
         resolve|doctor) exec '{binary}' \"$@\" --dns_servers {dns} ;;\n\
         *) exec '{binary}' \"$@\" --allow_net 127.0.0.0/8 ;;\n\
         esac\n"
    );
    let sbatch = "while [ \"$1\" != --wrap ]; do shift; done\n\
                  SLURM_ARRAY_TASK_ID=0 exec sh -c \"$2\"\n";
    for (name, text) in [("turbo2ds", turbo2ds.as_str()), ("sbatch", sbatch)] {
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn what_is_not_run_is_there_and_its_parts_exist() {
    let helps = Helps::read();
    let mut met = BTreeSet::new();
    for page in pages() {
        for command in commands(&page) {
            let at = page.at(command.line);
            for call in calls(&command.text, "turbo2ds") {
                check_options(&helps, &at, &call);
            }
            if let Some(beginning) = not_run(&command) {
                met.insert(beginning);
                check_targets(&at, &command.text);
                check_packages(&at, &command.text);
                check_scripts(&at, &command.text);
            }
        }
    }
    let listed = NOT_RUN.iter().map(|(beginning, _)| *beginning).collect();
    assert_eq!(met, listed, "listed and on no page");
}

/// Refuses targets that the Makefile does not have.
fn check_targets(at: &str, line: &str) {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    for target in calls(line, "make").into_iter().flatten() {
        let rule = format!("{target}:");
        let exists = makefile.lines().any(|line| line.starts_with(&rule));
        assert!(exists, "{at}: no target {target}");
    }
}

/// Refuses packages and binaries that the workspace does not have.
fn check_packages(at: &str, line: &str) {
    let folders = ["engine", "dns", "codec", "tests", "benches"];
    let manifests = folders.map(|folder| root().join(folder).join("Cargo.toml"));
    let manifests = manifests.map(|path| fs::read_to_string(path).unwrap());
    for call in calls(line, "cargo") {
        let named = call
            .windows(2)
            .filter(|pair| matches!(&*pair[0], "-p" | "--bin"));
        for pair in named {
            let entry = format!("name = \"{}\"", pair[1]);
            let exists = manifests.iter().any(|text| text.contains(&entry));
            assert!(exists, "{at}: no {}", pair[1]);
        }
    }
}

/// Refuses scripts of the repository that do not exist, and options that are not in their text.
fn check_scripts(at: &str, line: &str) {
    for simple in words(line).split(|word| matches!(word, Word::Operator(_))) {
        let texts = simple.iter().map(Word::text);
        let mut texts =
            texts.skip_while(|text| !text.starts_with("benches/") && !text.starts_with("tuning/"));
        let Some(script) = texts.next() else {
            continue;
        };
        let source = fs::read_to_string(root().join(script));
        let source = source.unwrap_or_else(|error| panic!("{at}: {script}: {error}"));
        for option in texts.filter(|text| text.starts_with("--")) {
            let known = source.contains(&format!("\"{option}\""));
            assert!(known, "{at}: {script} has no {option}");
        }
    }
}
