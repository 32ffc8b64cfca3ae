//! The fuzz targets without a fuzzer, on any toolchain: every seed, and inputs made of the seeds at random.
//! That a target still compiles and holds of what is known is seen with every change; `make fuzz` looks
//! for more.
//!
//! TURBO2DS_FUZZ_INPUTS sets how many inputs each target gets beside its seeds, TURBO2DS_SEED their seed.
//! An input that fails is written to the temporary folder and named; a copy of it among the seeds keeps
//! it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use turbo2ds_tests::harness::seed::{Seeded, number_from_env};

// The targets take parts of the product in by their path, and each leaves some of those unused.
#[allow(dead_code, unreachable_pub)]
#[path = "../fuzz/bodies/mod.rs"]
mod bodies;

// As the resolver's reader names itself (see `bodies::dns_answer`).
use bodies::dns_answer::recursive;

/// Inputs of a target beside its seeds: a few seconds for the slowest.
const INPUTS: u64 = 10_000;
/// Changes to one input.
const CHANGES_MAX: u64 = 6;
/// Bytes that a change adds.
const ADDED_MAX: u64 = 40;
/// What numbers in formats are wrong by.
const EDGES: [u8; 6] = [0, 1, 0x7f, 0x80, 0xfe, 0xff];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// Contents of the files of a folder, by name.
fn read(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    files
        .map(|file| {
            let file = file.expect("a folder that reads");
            let content = std::fs::read(file.path()).expect("a file that reads");
            (file.file_name().to_string_lossy().into_owned(), content)
        })
        .collect()
}

/// Keeps the input where the target panics over it.
struct Attempt<'a> {
    target: &'a str,
    what: String,
    input: &'a [u8],
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let path = std::env::temp_dir().join(format!("turbo2ds-fuzz-{}", self.target));
            let kept = std::fs::write(&path, self.input);
            eprintln!(
                "{} fails on {}; the input is in {} ({kept:?})",
                self.target,
                self.what,
                path.display()
            );
        }
    }
}

fn attempt(target: &str, what: String, input: &[u8], run: fn(&[u8])) {
    let _kept = Attempt {
        target,
        what,
        input,
    };
    run(input);
}

/// An input like the seeds: one of them with a few changes, of which each is one that a peer or a disk makes.
fn mutated(seeds: &[&Vec<u8>], random: &mut Seeded) -> Vec<u8> {
    let mut input = seeds[random.below(seeds.len() as u64) as usize].clone();
    for _ in 0..=random.below(CHANGES_MAX) {
        let at = random.below(input.len() as u64 + 1) as usize;
        let byte = |random: &mut Seeded| random.below(256) as u8;
        match random.below(6) {
            0 => input.truncate(at),
            1 => {
                if let Some(changed) = input.get_mut(at) {
                    *changed ^= 1 << random.below(8);
                }
            }
            2 => {
                if let Some(changed) = input.get_mut(at) {
                    *changed = EDGES[random.below(EDGES.len() as u64) as usize];
                }
            }
            3 => {
                let added: Vec<u8> = (0..random.below(ADDED_MAX)).map(|_| byte(random)).collect();
                input.splice(at..at, added);
            }
            4 => {
                let end = (at + random.below(ADDED_MAX) as usize).min(input.len());
                input.drain(at..end);
            }
            _ => {
                let other = seeds[random.below(seeds.len() as u64) as usize];
                let from = random.below(other.len() as u64 + 1) as usize;
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
        }
    }
    input
}

fn check(target: &str, run: fn(&[u8])) {
    let seeds = read(&folder().join("seeds").join(target));
    assert!(!seeds.is_empty(), "{target} has no seeds");
    for (name, input) in &seeds {
        attempt(target, format!("its seed {name}"), input, run);
    }
    let seeds: Vec<_> = seeds.values().collect();
    let seed = number_from_env("TURBO2DS_SEED", 1);
    let mut random = Seeded::new(seed);
    for number in 0..number_from_env("TURBO2DS_FUZZ_INPUTS", INPUTS) {
        let input = &mutated(&seeds, &mut random);
        let what = format!("input {number} of TURBO2DS_SEED={seed}");
        attempt(target, what, input, run);
    }
}

/// A test for each target, and their names.
macro_rules! targets {
    ($($target:ident: $sentence:ident,)*) => {
        const TARGETS: &[&str] = &[$(stringify!($target)),*];
        $(#[test]
        fn $sentence() {
            check(stringify!($target), bodies::$target::run);
        })*
    };
}

targets! {
    chunked: chunks_read_the_same_however_they_are_split,
    dns_answer: what_is_made_of_an_answer_is_entitled_and_bounded,
    dns_machine: no_script_of_answers_makes_the_resolver_believe_a_liar,
    fields: a_directive_that_stands_alone_forbids,
    http_head: heads_read_the_same_however_they_are_split,
    image_header: what_passes_the_header_is_within_the_limits,
    read_back: what_is_cut_short_never_passes_for_whole,
    rows: every_list_gives_the_same_shards_twice,
    url: the_host_that_is_filtered_is_the_host_that_is_asked,
}

#[test]
fn every_target_of_libfuzzer_is_run_here_and_hands_its_input_on() {
    let targets = read(&folder().join("targets"));
    let names: Vec<_> = targets
        .keys()
        .map(|name| name.trim_end_matches(".rs"))
        .collect();
    assert_eq!(names, TARGETS);
    let manifest = std::fs::read_to_string(folder().join("Cargo.toml")).expect("a manifest");
    for (file, text) in &targets {
        let name = file.trim_end_matches(".rs");
        assert!(
            manifest.contains(&format!("path = \"targets/{file}\"")),
            "{name} is not built"
        );
        let text = String::from_utf8_lossy(text);
        assert!(
            text.contains(&format!("|bytes: &[u8]| turbo2ds_fuzz::{name}::run(bytes)")),
            "{file}"
        );
    }
}
