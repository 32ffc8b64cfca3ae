//! Owns the reading of a page: its blocks, the commands in them, inline code, links and headings. Knows
//! Markdown as far as the pages use it. Never runs anything.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

/// Languages that a block may have: what is run here, what Python's tests run, and what is no example.
pub(crate) const LANGUAGES: [&str; 4] = ["sh", "python", "text", "json"];

/// A page of the documentation.
pub(crate) struct Page {
    /// Its path below the repository.
    pub(crate) path: PathBuf,
    text: String,
}

/// A fenced block.
pub(crate) struct Block<'a> {
    /// The line of its fence, from 1.
    pub(crate) line: usize,
    pub(crate) language: &'a str,
    pub(crate) lines: Vec<&'a str>,
}

/// A command of a block: one line, or several that backslashes join.
pub(crate) struct Command {
    /// Where it begins.
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the tests are a folder of it")
}

/// Every page that a reader is led to.
pub(crate) fn pages() -> Vec<Page> {
    let mut paths: Vec<PathBuf> = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "tuning/README.md",
    ]
    .map(PathBuf::from)
    .to_vec();
    for folder in ["docs", "docs/design"] {
        let entries = fs::read_dir(root().join(folder)).expect("a folder of pages");
        let names = entries.map(|entry| Path::new(folder).join(entry.unwrap().file_name()));
        paths.extend(names.filter(|path| path.extension().is_some_and(|found| found == "md")));
    }
    paths.sort();
    paths.into_iter().map(Page::read).collect()
}

impl Page {
    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(root().join(&path));
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path, text }
    }

    /// Where a line of it is, for messages.
    pub(crate) fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }

    pub(crate) fn blocks(&self) -> Vec<Block<'_>> {
        let mut blocks = Vec::new();
        let mut open: Option<Block<'_>> = None;
        for (at, line) in self.text.lines().enumerate() {
            match (open.as_mut(), line.strip_prefix("```")) {
                (None, Some(language)) => {
                    open = Some(Block {
                        line: at + 1,
                        language,
                        lines: Vec::new(),
                    });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => block.lines.push(line),
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a fence is open", self.path.display());
        blocks
    }

    /// Lines outside fenced blocks, with their numbers.
    pub(crate) fn prose(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut inside = false;
        self.text.lines().enumerate().filter_map(move |(at, line)| {
            let fence = line.starts_with("```");
            inside ^= fence;
            (!inside && !fence).then_some((at + 1, line))
        })
    }

    /// What stands between backticks, with its line.
    pub(crate) fn inline_code(&self) -> Vec<(usize, &str)> {
        self.prose()
            .filter(|(_, line)| !line.starts_with("    "))
            .flat_map(|(at, line)| {
                let pieces = line.split('`').skip(1).step_by(2);
                pieces.map(move |piece| (at, piece))
            })
            .collect()
    }

    /// The targets of its links, with their lines.
    pub(crate) fn links(&self) -> Vec<(usize, &str)> {
        let mut links = Vec::new();
        for (at, line) in self.prose() {
            for (_, rest) in line.match_indices("](").map(|(i, _)| line.split_at(i + 2)) {
                links.extend(rest.split_once(')').map(|(target, _)| (at, target)));
            }
        }
        links
    }

    /// The anchors of its headings, as repository hosts make them.
    pub(crate) fn anchors(&self) -> BTreeSet<String> {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let headings = self.prose().filter(|(_, line)| line.starts_with('#'));
        headings
            .map(|(_, line)| {
                let anchor = anchor(line.trim_start_matches('#').trim());
                let times = seen.entry(anchor.clone()).or_default();
                *times += 1;
                match *times {
                    1 => anchor,
                    more => format!("{anchor}-{}", more - 1),
                }
            })
            .collect()
    }
}

fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let kept: String = heading.chars().filter(kept).collect();
    kept.to_lowercase().replace(' ', "-")
}

impl Block<'_> {
    /// Its commands: comments and empty lines left out, continued lines joined.
    pub(crate) fn commands(&self) -> Vec<Command> {
        let mut commands: Vec<Command> = Vec::new();
        let mut continued = false;
        for (at, line) in self.lines.iter().enumerate() {
            let (text, goes_on) = match line.strip_suffix('\\') {
                Some(text) => (text, true),
                None => (*line, false),
            };
            match commands.last_mut() {
                Some(command) if continued => {
                    command.text.push(' ');
                    command.text.push_str(text.trim());
                }
                _ => commands.push(Command {
                    line: self.line + 1 + at,
                    text: text.trim().to_owned(),
                }),
            }
            continued = goes_on;
        }
        commands.retain(|command| !command.text.is_empty() && !command.text.starts_with('#'));
        commands
    }
}

#[test]
fn a_heading_has_the_anchor_that_hosts_give_it() {
    assert_eq!(
        anchor("Read an unusual csv or tsv"),
        "read-an-unusual-csv-or-tsv"
    );
    assert_eq!(anchor("Cores, `--io` and more"), "cores---io-and-more");
}
