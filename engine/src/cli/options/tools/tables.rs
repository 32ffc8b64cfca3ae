//! Owns the options and the help of each tool. Never reads an argument.

use super::Tool;
use crate::cli::options::table::{Kind, OptionSpec, TABLE};

/// One option of a tool: name, kind, one line of help.
pub(super) type Spec = (&'static str, Kind, &'static str);

const PROFILE: Spec = (
    "profile",
    Kind::Text,
    "class of machine, CORES-cores-LINKgbe with the link in Gb/s, such as 16-cores-10gbe; without it \
     this machine is measured",
);

const JSON: Spec = ("json", Kind::Bool, "one JSON object instead of text");

/// The main command's DNS options.
pub(super) fn dns_options() -> impl Iterator<Item = &'static OptionSpec> {
    TABLE.iter().filter(|spec| spec.name.starts_with("dns"))
}

pub(super) const DOCTOR: &[Spec] = &[
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
    pub(super) fn specs(self) -> Vec<Spec> {
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

    /// What follows the tool's name, and what the tool does.
    pub(super) const fn about(self) -> (&'static str, &'static [&'static str]) {
        match self {
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
        }
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
