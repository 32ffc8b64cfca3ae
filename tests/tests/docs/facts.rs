//! What the pages say of the program and of each other: options, paths, links, failures, columns.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use turbo2ds_tests::harness::job::binary;
use turbo2ds_tests::harness::{Job, read};
use turbo2ds_tests::web::{Ports, Web};

use super::pages::{Page, pages, root};
use super::shell::options;

/// The sub-commands that have a help of their own; the first is a run.
pub(crate) const COMMANDS: [&str; 8] = [
    "", "doctor", "log", "redact", "resolve", "snapshot", "tune", "verify",
];

/// Options that pages name and that are another program's.
const OTHERS_OPTIONS: [&str; 7] = [
    "--a-b",
    "--a_b",
    "--bins",
    "--help",
    "--name",
    "--version",
    "--workspace",
];

/// Folders whose paths the pages may name.
const FOLDERS: [&str; 10] = [
    ".ci", "benches", "codec", "dns", "docs", "engine", "python", "tests", "tuning", "writers",
];

/// The options of each sub-command.
pub(crate) struct Helps(BTreeMap<&'static str, BTreeSet<String>>);

impl Helps {
    /// Asks the binary.
    pub(crate) fn read() -> Self {
        let help = |command: &&'static str| {
            let words = [*command, "--help"]
                .into_iter()
                .filter(|word| !word.is_empty());
            let output = Command::new(binary()).args(words).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let lines = text.lines().filter_map(|line| line.strip_prefix("  --"));
            let names = lines.filter_map(|line| line.split_whitespace().next());
            (*command, names.map(|name| format!("--{name}")).collect())
        };
        Self(COMMANDS.iter().map(help).collect())
    }

    fn has(&self, option: &str) -> bool {
        self.0.values().any(|options| options.contains(option))
    }
}

/// Refuses options that the called sub-command does not have.
pub(crate) fn check_options(helps: &Helps, at: &str, call: &[String]) {
    let first = call.first().map_or("", String::as_str);
    let known = &helps.0[if COMMANDS.contains(&first) { first } else { "" }];
    for option in options(call) {
        let name = option.replace('-', "_").replacen("__", "--", 1);
        assert!(known.contains(&name), "{at}: no option {option}");
    }
}

/// The scripts' options, from their sources.
fn options_of_scripts() -> BTreeSet<String> {
    let folder = fs::read_dir(root().join("benches/compare")).unwrap();
    let sources = folder.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap_or_default());
    let sources: Vec<String> = sources.collect();
    let quoted = sources.iter().flat_map(|source| source.split('"'));
    let options = quoted.filter(|text| text.starts_with("--") && !text.contains(' '));
    options.map(str::to_owned).collect()
}

#[test]
fn every_option_that_a_page_names_exists() {
    let (helps, scripts) = (Helps::read(), options_of_scripts());
    for page in pages() {
        for (line, code) in page.inline_code() {
            // A whole command may be another program's.
            if code.starts_with("cargo ") {
                continue;
            }
            for word in code.split(|c: char| c.is_whitespace() || "=\"'".contains(c)) {
                let known = helps.has(word)
                    || scripts.contains(word)
                    || OTHERS_OPTIONS.contains(&word)
                    || !word.starts_with("--");
                assert!(known, "{}: no option {word}", page.at(line));
            }
        }
    }
}

#[test]
fn every_path_that_a_page_names_exists() {
    for page in pages() {
        for (line, code) in page.inline_code() {
            let first = code.split('/').next().unwrap_or_default();
            let is_path = FOLDERS.contains(&first) && code.contains('/') && !code.contains(' ');
            let exists = root().join(code).exists();
            assert!(!is_path || exists, "{}: no {code}", page.at(line));
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    let all = pages();
    for page in &all {
        for (line, target) in page.links() {
            if target.contains("://") {
                continue;
            }
            let at = page.at(line);
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let folder = page.path.parent().unwrap_or(Path::new(""));
            let file = match path {
                "" => root().join(&page.path),
                path => root().join(folder).join(path),
            };
            assert!(file.exists(), "{at}: no {path}");
            if !anchor.is_empty() {
                let there = page_at(&all, &file);
                let there = there.unwrap_or_else(|| panic!("{at}: {path} is no page"));
                assert!(there.anchors().contains(anchor), "{at}: no #{anchor}");
            }
        }
    }
}

fn page_at<'a>(all: &'a [Page], file: &Path) -> Option<&'a Page> {
    let file = file.canonicalize().ok()?;
    let mut all = all.iter();
    all.find(|page| {
        root()
            .join(&page.path)
            .canonicalize()
            .is_ok_and(|path| path == file)
    })
}

#[test]
fn every_page_of_docs_is_linked_from_another() {
    let all = pages();
    let linked: BTreeSet<_> = all
        .iter()
        .flat_map(|page| {
            let folder = root().join(page.path.parent().unwrap_or(Path::new("")));
            let targets = page.links().into_iter();
            targets.map(move |(_, target)| folder.join(target.split('#').next().unwrap_or("")))
        })
        .filter_map(|path| path.canonicalize().ok())
        .collect();
    for page in all.iter().filter(|page| page.path.starts_with("docs")) {
        let path = root().join(&page.path).canonicalize().unwrap();
        assert!(
            linked.contains(&path),
            "nothing leads to {}",
            page.path.display()
        );
    }
}

#[test]
fn every_failure_is_explained_and_no_other() {
    let source = fs::read_to_string(root().join("engine/src/failure.rs")).unwrap();
    let (_, texts) = source
        .split_once("impl fmt::Display for Failure")
        .expect("the texts of failures");
    let (texts, _) = texts.split_once("f.write_str").expect("their end");
    let literals = texts
        .lines()
        .filter_map(|line| line.split_once("=> \"")?.1.split('"').next());
    let mut expected: BTreeSet<&str> = literals.collect();
    assert!(expected.len() > 30, "{expected:?}");
    expected.insert("HTTP Error 404: Not Found");
    let pages = pages();
    let told = told(&pages, "| `error_message` | meaning");
    assert_eq!(told, expected);
}

#[test]
fn the_columns_of_the_metadata_are_explained_and_no_other() {
    let web = Web::start(Ports::default()).unwrap();
    let list = format!("url,text\n{},words\n", web.url("/img/1.jpg?w=40&h=30"));
    let job = Job::new(&web, "list.csv", list)
        .option("--caption_col", "text")
        .option("--compute_pdq", "True");
    job.succeed();
    let rows = read::rows(&job.output());
    let columns: BTreeSet<&str> = rows[0].keys().map(String::as_str).collect();
    assert_eq!(told(&pages(), "| column | holds"), columns);
}

/// What stands between backticks in the first column of the table of outputs.md that begins so.
fn told<'a>(pages: &'a [Page], head: &str) -> BTreeSet<&'a str> {
    let page = pages.iter().find(|page| page.path.ends_with("outputs.md"));
    let lines = page.expect("the page of outputs").prose();
    let from = lines.skip_while(|(_, line)| !line.starts_with(head));
    let rows = from.skip(2).take_while(|(_, line)| line.starts_with('|'));
    let cells = rows.map(|(_, line)| line.split('|').nth(1).unwrap_or_default());
    cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect()
}
