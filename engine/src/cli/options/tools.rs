//! Owns the command lines of `turbo2ds doctor`, `log`, `redact`, `resolve`, `snapshot`, `tune` and `verify`: small tables of
//! options, in the same spellings as the main one. A list file with one of these names is given as
//! `./doctor`. Never runs a tool.

use std::ffi::OsString;
use std::time::Duration;

use super::check::{check_writable, storage_options};
use super::dns::{dns, name_server};
use super::help::{nearest, wrap};
use super::home;
use super::table::{Kind, OptionSpec, TABLE};
use super::value::{Values, boolean, integer, list, read_by_kind, read_text, text};
use super::{Invocation, utf8};
use crate::cli::resolve::ResolveOptions;
use crate::config::{Location, StorageConfig};
use crate::dataset::verify::VerifyOptions;
use crate::dataset::{ListKind, REASON_BYTES_MAX, RedactOptions, VersionOptions};
use crate::error::{Error, Message};
use crate::machine::doctor::{DoctorOptions, Profile, Question, Sheet, TuneOptions};

/// A subcommand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    Doctor,
    Log,
    Redact,
    Resolve,
    Snapshot,
    Tune,
    Verify,
}

/// One option of a tool: name, kind, one line of help.
type Spec = (&'static str, Kind, &'static str);

const PROFILE: Spec = (
    "profile",
    Kind::Text,
    "class of machine, CORES-cores-LINKgbe with the link in Gb/s, such as 16-cores-10gbe; without it \
     this machine is measured",
);

const JSON: Spec = ("json", Kind::Bool, "one JSON object instead of text");

/// The main command's DNS options.
fn dns_options() -> impl Iterator<Item = &'static OptionSpec> {
    TABLE.iter().filter(|spec| spec.name.starts_with("dns"))
}

const DOCTOR: &[Spec] = &[
    PROFILE,
    (
        "output_folder",
        Kind::Path,
        "folder of a dataset to come: its disk is looked at, and one block of 4096 bytes written to it \
         in a file without a name. In a store (s3://bucket/folder and the like), objects and uploads below \
         .turbo2ds/doctor-WORD/ are written, read and removed again: 32 MB, some small ones, and some \
         100 requests",
    ),
    STORAGE_OPTION,
    (
        "processes_count",
        Kind::Int,
        "cores that the run will use; without it all that this process may",
    ),
    (
        "dns_servers",
        Kind::List,
        "name servers of the run instead of the system's; may be repeated",
    ),
    (
        "dns_name",
        Kind::Text,
        "name that they are asked for; without it the root's name servers",
    ),
    JSON,
    ("strict", Kind::Bool, "exit code 1 also for warnings"),
];

const TUNE: &[Spec] = &[
    (
        "print",
        Kind::Bool,
        "print; turbo2ds never writes a file of the system itself",
    ),
    PROFILE,
];

/// How long a store may be away while a tool asks it.
const STORE_PATIENCE: Duration = Duration::from_secs(60);

const STORAGE_OPTION: Spec = (
    "storage_option",
    Kind::List,
    "KEY=VALUE for the dataset's store, as fsspec's storage_options; may be repeated",
);

const REDACT: &[Spec] = &[
    (
        "urls",
        Kind::Path,
        "file of URLs, one a line, compared as browsers write them, without userinfo and fragment; like the other \
         lists a path or a URL of a store, and # begins a comment",
    ),
    (
        "hosts",
        Kind::Path,
        "file of hosts; *.example.org is every host below example.org",
    ),
    (
        "hashes",
        Kind::Path,
        "file of hashes of images as they came, in hexadecimal, of the kind that --compute_hash made",
    ),
    ("keys", Kind::Path, "file of keys of samples"),
    (
        "reason",
        Kind::Text,
        "why, for the rows and for the list of what is kept out; at most 200 bytes",
    ),
    (
        "forget",
        Kind::Bool,
        "keep no URL and no host, neither in the rows nor in the list: salted hashes in their place",
    ),
    STORAGE_OPTION,
    JSON,
];

const VERSIONS: &[Spec] = &[STORAGE_OPTION, JSON];

const VERIFY: &[Spec] = &[
    (
        "manifest",
        Kind::Text,
        "latest, or the number of a version: compare the length and the SHA-256 of every file with what \
         that version has",
    ),
    (
        "repair",
        Kind::Bool,
        "remove the marks of broken shards, so that the command that made them does them again, and \
         what interrupted runs left under temporary names; no data of a shard is removed",
    ),
    STORAGE_OPTION,
    ("json", Kind::Bool, "one JSON object instead of the table"),
];

impl Tool {
    /// The tool with this name.
    pub(super) fn of(word: &str) -> Option<Self> {
        match word {
            "doctor" => Some(Self::Doctor),
            "log" => Some(Self::Log),
            "redact" => Some(Self::Redact),
            "resolve" => Some(Self::Resolve),
            "snapshot" => Some(Self::Snapshot),
            "tune" => Some(Self::Tune),
            "verify" => Some(Self::Verify),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Doctor => "doctor",
            Self::Log => "log",
            Self::Redact => "redact",
            Self::Resolve => "resolve",
            Self::Snapshot => "snapshot",
            Self::Tune => "tune",
            Self::Verify => "verify",
        }
    }

    fn specs(self) -> Vec<Spec> {
        match self {
            Self::Doctor => DOCTOR.to_vec(),
            Self::Log | Self::Snapshot => VERSIONS.to_vec(),
            Self::Redact => REDACT.to_vec(),
            Self::Resolve => {
                let run_options = dns_options().map(|spec| (spec.name, spec.kind, spec.help));
                run_options.chain([JSON]).collect()
            }
            Self::Tune => TUNE.to_vec(),
            Self::Verify => VERIFY.to_vec(),
        }
    }

    /// Parses the arguments after the tool's name.
    pub(super) fn parse(self, args: impl Iterator<Item = OsString>) -> Result<Invocation, Error> {
        let Some(given) = self.read(args)? else {
            return Ok(Invocation::Help(self.help()));
        };
        match self {
            Self::Doctor => doctor(&given).map(|options| Invocation::Doctor(Box::new(options))),
            Self::Resolve => resolve(&given).map(|options| Invocation::Resolve(Box::new(options))),
            Self::Log => versions("log", &given).map(Invocation::Log),
            Self::Redact => redact(&given).map(|options| Invocation::Redact(Box::new(options))),
            Self::Snapshot => versions("snapshot", &given).map(Invocation::Snapshot),
            Self::Tune => tune(&given).map(Invocation::Tune),
            Self::Verify => verify(&given).map(Invocation::Verify),
        }
    }

    /// Options and words in the order given; `None` if help is asked for.
    fn read(self, args: impl Iterator<Item = OsString>) -> Result<Option<Given>, Error> {
        let mut args = args.map(utf8).peekable();
        let mut given = Given::default();
        while let Some(arg) = args.next() {
            let arg = arg?;
            if matches!(arg.as_str(), "-h" | "--help") {
                return Ok(None);
            }
            let Some(name) = arg.strip_prefix("--").filter(|name| !name.is_empty()) else {
                given.words.push(arg);
                continue;
            };
            let (name, inline) = match name.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (name, None),
            };
            let (name, kind, _) = self.find(name)?;
            let next = match inline {
                Some(value) => Some(value),
                None => args.next_if(|next| is_value(kind, next)).transpose()?,
            };
            let value = next.or_else(|| (kind == Kind::Bool).then(|| "True".to_owned()));
            let value = value.ok_or_else(|| {
                Error::usage(
                    format!("`--{name}` needs a value"),
                    format!("write `--{name} {}`", kind.placeholder()),
                )
            })?;
            given.options.push((name, kind, value));
        }
        Ok(Some(given))
    }

    fn find(self, given: &str) -> Result<Spec, Error> {
        let name = given.replace('-', "_");
        let found = self.specs().into_iter().find(|(known, ..)| *known == name);
        found.ok_or_else(|| {
            let names = self.specs().into_iter().map(|(known, ..)| known);
            let hint = match nearest(&name, names) {
                Some(near) => format!("did you mean `--{near}`?"),
                None => format!("`turbo2ds {} --help` lists its options", self.name()),
            };
            Error::usage(
                format!("unknown option `--{given}` of {}", self.name()),
                hint,
            )
        })
    }

    /// The text of `turbo2ds TOOL --help`.
    fn help(self) -> String {
        let (usage, about) = match self {
            Self::Doctor => ("[--option value]...", DOCTOR_ABOUT),
            Self::Log => ("FOLDER [--json]", LOG_ABOUT),
            Self::Redact => ("FOLDER --urls FILE [--option value]...", REDACT_ABOUT),
            Self::Resolve => ("NAME... [--option value]...", RESOLVE_ABOUT),
            Self::Snapshot => ("FOLDER [--json]", SNAPSHOT_ABOUT),
            Self::Tune => (
                "--print [--profile NAME] [sysctl|limits|systemd|classes]...",
                TUNE_ABOUT,
            ),
            Self::Verify => (
                "FOLDER [--manifest VERSION] [--repair] [--json]",
                VERIFY_ABOUT,
            ),
        };
        let mut out = format!("Usage: turbo2ds {} {usage}\n\n", self.name());
        for paragraph in about {
            wrap(&mut out, paragraph, 0);
        }
        out.push_str("\nOptions:\n");
        for (name, kind, help) in self.specs() {
            out.push_str(&format!("  --{name} {}\n", kind.placeholder()));
            wrap(&mut out, help, 8);
        }
        out
    }
}

const DOCTOR_ABOUT: &[&str] = &[
    "Checks this machine against a profile: cores, CPU quota, memory, threads, descriptors, io_uring, \
     ports, connection tracking, name servers, the output folder. Of a folder in a store it checks \
     the credentials and every right that a run needs, speed, conditions and clock. Each finding says what \
     was found, what was wanted, and what to do. Nothing is changed, and nobody but the name servers and \
     the folder's store is asked.",
    "Exit codes: 0 nothing would stop a run (there may be warnings), 1 something would, or hurt it \
     badly; with --strict also for warnings. 2 the command line was refused.",
];

const RESOLVE_ABOUT: &[&str] = &[
    "Resolves names as a run with the same options does, and shows the path of each answer: the zone, \
     the server asked, how long it took, what it said. The hosts file is looked at first, as always.",
    "Exit codes: 0 every name has an address, 1 some have none or no resolver can be had, 2 the command \
     line was refused.",
];

const LOG_ABOUT: &[&str] = &[
    "Lists the versions of a dataset, the latest first: what made each and when, how many shards came (+), \
     changed (~) and went (-), and what it consists of. With --json an object a line. The whole document of \
     a version is .turbo2ds/versions/NUMBER.jsonl in the folder.",
    "Exit codes: 0 listed, 1 the folder or a version cannot be read, 2 the command line was refused.",
];

const REDACT_ABOUT: &[&str] = &[
    "Takes samples out of a dataset, and keeps them out. Only shards that hold one are written anew, all of them in \
     one step: whenever the machine fails, the dataset is the old one or the new one. The rows stay with their keys, \
     as failed, with the reason and the date. What goes is put on the list .turbo2ds/redactions.jsonl, which every \
     later run into the folder obeys. The bytes that went are not kept.",
    "Exit codes: 0 redacted, or nothing was there to redact; 1 the folder cannot be read or written, or a run is \
     at work in it; 2 the command line or a list was refused.",
];

const SNAPSHOT_ABOUT: &[&str] = &[
    "Makes a version of a dataset as it is now. A run that ends whole does so by itself: this is for what \
     several workers, an older turbo2ds or img2dataset made. Of shards of the latter two it tells the \
     length of each file alone.",
    "Exit codes: 0 made, or nothing has changed since the latest version; 1 the folder cannot be read or \
     written, or a run is at work in it; 2 the command line was refused.",
];

const TUNE_ABOUT: &[&str] = &[
    "Prints a profile as the files to install: kernel parameters, limits of login sessions, a systemd \
     unit; without a word all three. Each value says its unit, why, and what is seen without it. \
     classes: what each class is planned for, as a table.",
];

const VERIFY_ABOUT: &[&str] = &[
    "Reads every shard of a dataset back: the structure of its tar, tfrecord (with checksums), parquet \
     or folder; its rows, keys and counts against its stats; each sample's json and its image's size \
     against its row, and whether the image is whole; the hash of images that are stored as they came \
     (--disable_all_reencoding, or --skip_reencode where they were kept). Not checked are pixels, \
     hashes of images that were encoded again, and whether the list had more rows. A folder that a run \
     is writing to is refused.",
    "Exit codes: 0 whole; 3 shards are broken, unfinished or missing, and to be done again; 1 the \
     folder or its record cannot be read, or a run is at work in it; 2 the command line was refused.",
];

/// The arguments of a tool.
#[derive(Default)]
struct Given {
    options: Vec<(&'static str, Kind, String)>,
    words: Vec<String>,
}

impl Given {
    /// The last value of an option.
    fn last<T>(
        &self,
        name: &str,
        reader: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Error> {
        let given = self.options.iter().rev().find(|(known, ..)| *known == name);
        given
            .map(|(_, kind, value)| read_by_kind(name, *kind, value, &reader))
            .transpose()
    }

    /// The values of a repeatable option, as they are.
    fn texts(&self, name: &str) -> Vec<String> {
        let given = self.options.iter().filter(|(known, ..)| *known == name);
        given.map(|(_, _, value)| value.clone()).collect()
    }

    /// The values of a repeatable list.
    fn all<T>(
        &self,
        name: &str,
        reader: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        for (_, _, value) in self.options.iter().filter(|(known, ..)| *known == name) {
            for part in read_text(name, value, &list)? {
                all.push(read_text(name, &part, &reader)?);
            }
        }
        Ok(all)
    }
}

fn is_value(kind: Kind, next: &Result<String, Error>) -> bool {
    match next {
        Ok(text) if kind == Kind::Bool => boolean(text).is_ok(),
        Ok(text) => !text.starts_with("--"),
        Err(_) => true,
    }
}

fn profile(text: &str) -> Result<Profile, String> {
    text.parse()
}

fn doctor(given: &Given) -> Result<DoctorOptions, Error> {
    if let Some(word) = given.words.first() {
        return Err(Error::usage(
            format!("unexpected argument `{}`", word.escape_debug()),
            "write `--option value`; a list file called doctor is given as ./doctor",
        ));
    }
    Ok(DoctorOptions {
        profile: given.last("profile", profile)?,
        output_folder: output_folder(given)?,
        storage: storage(given)?,
        cores: given.last("processes_count", integer(1, 4096))?,
        dns_servers: given.all("dns_servers", name_server)?,
        question: given.last("dns_name", Question::of)?.unwrap_or_default(),
        json: given.last("json", boolean)?.unwrap_or(false),
        strict: given.last("strict", boolean)?.unwrap_or(false),
    })
}

fn resolve(given: &Given) -> Result<ResolveOptions, Error> {
    let mut values = Values::defaults();
    for (name, _, value) in &given.options {
        if let Some(spec) = dns_options().find(|spec| spec.name == *name) {
            values.give(spec, value.clone());
        }
    }
    if given.words.is_empty() {
        return Err(Error::usage(
            "no name is given",
            "write `turbo2ds resolve www.example.org`; a list file called resolve is given as ./resolve",
        ));
    }
    let dns = dns(&values)?;
    if let Some(Location::Remote(url)) = &dns.cache_file {
        return Err(Error::usage(
            format!("resolve does not take `--dns_cache {url}`"),
            "copy the cache to this machine and name the file",
        ));
    }
    Ok(ResolveOptions {
        names: given
            .words
            .iter()
            .map(|word| host_name(word))
            .collect::<Result<_, _>>()?,
        dns,
        json: given.last("json", boolean)?.unwrap_or(false),
    })
}

/// A host name, normalized as in URLs; non-ASCII labels become `xn--`.
fn host_name(word: &str) -> Result<String, Error> {
    match url::Host::parse(word) {
        Ok(url::Host::Domain(name)) => Ok(name.trim_end_matches('.').to_owned()),
        _ => Err(Error::usage(
            format!("`{}` is not a host name", word.escape_debug()),
            "expected a name such as www.example.org, without scheme, port or path",
        )),
    }
}

fn tune(given: &Given) -> Result<TuneOptions, Error> {
    if !given.last("print", boolean)?.unwrap_or(false) {
        return Err(Error::usage(
            "tune changes nothing by itself",
            "write `turbo2ds tune --print` and install what it prints; a list file called tune is given \
             as ./tune",
        ));
    }
    let sheet = |word: &String| {
        let found = Sheet::WORDS.iter().find(|(known, _)| known == word);
        found.map(|(_, sheet)| *sheet).ok_or_else(|| {
            let words = Sheet::WORDS.map(|(word, _)| word).join(", ");
            Error::usage(
                format!("tune does not print `{}`", word.escape_debug()),
                format!("expected {words}"),
            )
        })
    };
    Ok(TuneOptions {
        profile: given.last("profile", profile)?,
        sheets: given.words.iter().map(sheet).collect::<Result<_, _>>()?,
    })
}

/// The place that a tool's folder names.
fn location(tool: &str, folder: &str) -> Result<Location, Error> {
    Location::of(folder).map_err(|error| {
        Error::usage(
            Message::because(
                format!("{tool} does not take `{}`", folder.escape_debug()),
                error,
            ),
            "give a path, or a URL such as s3://bucket/folder",
        )
    })
}

/// Where the dataset of a run would be.
fn output_folder(given: &Given) -> Result<Option<Location>, Error> {
    let Some(folder) = given.last("output_folder", text)? else {
        return Ok(None);
    };
    let location = location("doctor", &folder)?;
    check_writable(&location, "output_folder")?;
    Ok(Some(location))
}

/// How stores are reached.
fn storage(given: &Given) -> Result<StorageConfig, Error> {
    Ok(StorageConfig {
        options: storage_options(&given.texts("storage_option"))?,
        patience: STORE_PATIENCE,
    })
}

/// The one folder that a tool takes.
fn one_folder(tool: &str, given: &Given) -> Result<Location, Error> {
    let [folder] = &given.words[..] else {
        return Err(Error::usage(
            format!("{tool} takes one folder"),
            format!(
                "write `turbo2ds {tool} FOLDER`; a list file called {tool} is given as ./{tool}"
            ),
        ));
    };
    let folder = home::expand(folder).map_err(|expected| {
        Error::usage(
            format!(
                "{tool} does not take the folder `{}`",
                folder.escape_debug()
            ),
            format!("expected {expected}"),
        )
    })?;
    location(tool, &folder)
}

fn redact(given: &Given) -> Result<RedactOptions, Error> {
    let mut lists = Vec::new();
    for (kind, name) in ListKind::ALL {
        if let Some(path) = given.last(name, text)? {
            lists.push((kind, location("redact", &path)?));
        }
    }
    let reason = |reason: &str| match reason.len() {
        0..=REASON_BYTES_MAX if !reason.contains(char::is_control) => Ok(reason.to_owned()),
        _ => Err(format!("a line of at most {REASON_BYTES_MAX} bytes")),
    };
    Ok(RedactOptions {
        location: one_folder("redact", given)?,
        storage: storage(given)?,
        lists,
        reason: given.last("reason", reason)?.unwrap_or_default(),
        forget: given.last("forget", boolean)?.unwrap_or(false),
        json: given.last("json", boolean)?.unwrap_or(false),
    })
}

fn versions(tool: &str, given: &Given) -> Result<VersionOptions, Error> {
    Ok(VersionOptions {
        location: one_folder(tool, given)?,
        storage: storage(given)?,
        json: given.last("json", boolean)?.unwrap_or(false),
    })
}

fn verify(given: &Given) -> Result<VerifyOptions, Error> {
    Ok(VerifyOptions {
        location: one_folder("verify", given)?,
        storage: storage(given)?,
        manifest: given.last("manifest", str::parse)?,
        repair: given.last("repair", boolean)?.unwrap_or(false),
        json: given.last("json", boolean)?.unwrap_or(false),
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::parse;
    use super::*;

    fn parsed(args: &[&str]) -> Result<Invocation, Error> {
        parse(args.iter().map(OsString::from))
    }

    fn refused(args: &[&str]) -> String {
        let error = parsed(args).expect_err("refused");
        assert_eq!(error.exit_code(), 2);
        error.to_string()
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
        for tool in ["doctor", "tune", "verify"] {
            assert!(main.contains(&format!("turbo2ds {tool}")), "{main}");
        }
    }
}
