//! Owns what each tool's arguments mean: its options, checked. Never runs a tool.

use std::time::Duration;

use super::given::Given;
use super::tables::dns_options;
use crate::cli::options::check::{check_writable, storage_options};
use crate::cli::options::dns::{dns, name_server};
use crate::cli::options::home;
use crate::cli::options::value::{Values, boolean, integer, text};
use crate::cli::resolve::ResolveOptions;
use crate::config::{Location, StorageConfig};
use crate::dataset::verify::VerifyOptions;
use crate::dataset::{ListKind, REASON_BYTES_MAX, RedactOptions, VersionOptions};
use crate::error::{Error, Message};
use crate::machine::doctor::{DoctorOptions, Profile, Question, Sheet, TuneOptions};

/// How long a store may be away while a tool asks it.
const STORE_PATIENCE: Duration = Duration::from_secs(60);

fn profile(text: &str) -> Result<Profile, String> {
    text.parse()
}

pub(super) fn doctor(given: &Given) -> Result<DoctorOptions, Error> {
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

pub(super) fn resolve(given: &Given) -> Result<ResolveOptions, Error> {
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

pub(super) fn tune(given: &Given) -> Result<TuneOptions, Error> {
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

pub(super) fn redact(given: &Given) -> Result<RedactOptions, Error> {
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

pub(super) fn versions(tool: &str, given: &Given) -> Result<VersionOptions, Error> {
    Ok(VersionOptions {
        location: one_folder(tool, given)?,
        storage: storage(given)?,
        json: given.last("json", boolean)?.unwrap_or(false),
    })
}

pub(super) fn verify(given: &Given) -> Result<VerifyOptions, Error> {
    Ok(VerifyOptions {
        location: one_folder("verify", given)?,
        storage: storage(given)?,
        manifest: given.last("manifest", str::parse)?,
        repair: given.last("repair", boolean)?.unwrap_or(false),
        json: given.last("json", boolean)?.unwrap_or(false),
    })
}
