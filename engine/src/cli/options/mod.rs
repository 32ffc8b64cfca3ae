//! Owns parsing the command line. One table of options drives parsing, `--help` and the documentation's
//! table, and [`parse`] returns a checked [`Config`]. Never touches a file or a socket, and reads no
//! environment variable but HOME, if a path begins with `~` ([`home`]).
//!
//! Spellings: `--a_b` and `--a-b`; `--x=v` and `--x v`; `True`, `False`, `true`, `false`, and a bare
//! `--x` for True; lists as JSON, as Python writes them, or plain `a,b`; `None`. The first argument
//! without dashes is the URL list, unless it comes first and names a tool (`doctor`, `resolve`, `tune`,
//! `verify`). If an option is given twice, the last value counts, but lists that are documented as
//! repeatable accumulate.

mod check;
mod dns;
mod help;
mod home;
mod input;
mod recorded;
mod sender;
mod table;
mod tools;
mod value;
mod workers;

use std::ffi::OsString;

use crate::cli::resolve::ResolveOptions;
use crate::config::Config;
use crate::dataset::verify::VerifyOptions;
use crate::dataset::{RedactOptions, VersionOptions};
use crate::error::{Error, Message};
use crate::machine::doctor::{DoctorOptions, TuneOptions};
use crate::pixels::isolate::{self, ServeOptions};
pub use table::{Kind, OptionSpec, TABLE};
use tools::Tool;
use value::Values;

/// What a command line asks for.
#[derive(Clone, Debug)]
pub enum Invocation {
    /// Build the dataset.
    Run(Box<Config>),
    /// Check this machine.
    Doctor(Box<DoctorOptions>),
    /// Show how names are resolved.
    Resolve(Box<ResolveOptions>),
    /// Print a machine profile.
    Tune(TuneOptions),
    /// Read a dataset back.
    Verify(VerifyOptions),
    /// Take samples out of a dataset.
    Redact(Box<RedactOptions>),
    /// List a dataset's versions.
    Log(VersionOptions),
    /// Make a version of a dataset as it is.
    Snapshot(VersionOptions),
    /// Decode images for the run that started this process.
    Decode(Box<ServeOptions>),
    /// Print this text and exit with success.
    Help(String),
    /// Print this text and exit with success.
    Version(String),
}

/// Parses a command line, given without the program's name.
///
/// # Errors
/// [`Error::Usage`] for anything unknown, malformed, contradictory or unsupported.
pub fn parse(args: impl Iterator<Item = OsString>) -> Result<Invocation, Error> {
    interpret(split(args)?)
}

fn interpret(split: Split) -> Result<Invocation, Error> {
    match split {
        Split::Answer(invocation) => Ok(*invocation),
        Split::Options(given) => {
            let mut values = Values::defaults();
            for (spec, text) in given {
                values.give(spec, text);
            }
            check::config(&values).map(|config| Invocation::Run(Box::new(config)))
        }
    }
}

/// A command line that is split into options.
pub enum Split {
    /// A command other than a run.
    Answer(Box<Invocation>),
    /// The given options and their texts, in order.
    Options(Vec<(&'static OptionSpec, String)>),
}

/// Splits a command line, given without the program's name, into options and their texts.
///
/// # Errors
/// [`Error::Usage`] for an unknown option of a run or of a tool.
pub fn split(args: impl Iterator<Item = OsString>) -> Result<Split, Error> {
    let mut args = args.peekable();
    let tool = args
        .peek()
        .and_then(|word| word.to_str())
        .and_then(Tool::of);
    if let Some(tool) = tool {
        return answer(tool.parse(args.skip(1))?);
    }
    if args.peek().is_some_and(|word| word == isolate::WORD) {
        return answer(decode(args.skip(1))?);
    }
    split_run(args)
}

fn answer(invocation: Invocation) -> Result<Split, Error> {
    Ok(Split::Answer(Box::new(invocation)))
}

fn split_run(args: impl Iterator<Item = OsString>) -> Result<Split, Error> {
    let mut args = args.map(utf8).peekable();
    let mut given = Vec::new();
    while let Some(arg) = args.next() {
        let arg = arg?;
        if matches!(arg.as_str(), "-h" | "--help") {
            return answer(Invocation::Help(help::help()));
        }
        if matches!(arg.as_str(), "-V" | "--version") {
            return answer(Invocation::Version(help::version()));
        }
        let Some(name) = arg.strip_prefix("--").filter(|name| !name.is_empty()) else {
            given.push((positional(&given, &arg)?, arg));
            continue;
        };
        let (spec, inline) = match name.split_once('=') {
            Some((name, value)) => (find(name)?, Some(value.to_owned())),
            None => (find(name)?, None),
        };
        let text = match inline {
            Some(text) => text,
            None => {
                let next = args.next_if(|next| is_value_for(spec, next));
                next.transpose()?.map_or_else(|| bare(spec), Ok)?
            }
        };
        given.push((spec, text));
    }
    Ok(Split::Options(given))
}

/// Parses the command line of a decoding process: one argument, whose meaning [`isolate`] knows.
fn decode(mut args: impl Iterator<Item = OsString>) -> Result<Invocation, Error> {
    let argument = args.next().map(utf8).transpose()?.unwrap_or_default();
    let options = ServeOptions::from_argument(&argument).map_err(|error| {
        Error::usage(
            Message::because("a decoding process cannot read what it is told", error),
            "runs start these processes themselves; see --decode_isolation",
        )
    })?;
    Ok(Invocation::Decode(Box::new(options)))
}

fn utf8(arg: OsString) -> Result<String, Error> {
    arg.into_string().map_err(|arg| {
        Error::usage(
            format!("argument {arg:?} is not UTF-8"),
            "give paths and values as UTF-8 text",
        )
    })
}

/// The first argument without dashes is the URL list; any other is an error.
fn positional(
    given: &[(&'static OptionSpec, String)],
    arg: &str,
) -> Result<&'static OptionSpec, Error> {
    // A single dash is standard input.
    if arg.starts_with('-') && arg != "-" {
        return Err(Error::usage(
            format!("unknown option `{arg}`"),
            "options begin with two dashes; `turbo2ds --help` lists them",
        ));
    }
    let spec = find("url_list")?;
    if given.iter().any(|(before, _)| before.name == spec.name) {
        return Err(Error::usage(
            format!("unexpected argument `{arg}`"),
            "only the URL list goes without a name; write `--option value` for everything else",
        ));
    }
    Ok(spec)
}

/// Whether the argument after `spec` is its value. A bare boolean takes only a boolean.
fn is_value_for(spec: &OptionSpec, next: &Result<String, Error>) -> bool {
    match (next, spec.kind) {
        (Ok(text), Kind::Bool) => value::boolean(text).is_ok(),
        (Ok(text), _) => !text.starts_with("--"),
        (Err(_), _) => true,
    }
}

/// The value of an option that was given without one.
fn bare(spec: &OptionSpec) -> Result<String, Error> {
    if spec.kind == Kind::Bool {
        return Ok("True".to_owned());
    }
    Err(Error::usage(
        format!("`--{}` needs a value", spec.name),
        format!("write `--{} {}`", spec.name, spec.kind.placeholder()),
    ))
}

fn find(given: &str) -> Result<&'static OptionSpec, Error> {
    let name = given.replace('-', "_");
    TABLE.iter().find(|spec| spec.name == name).ok_or_else(|| {
        let hint = match help::nearest(&name, TABLE.iter().map(|spec| spec.name)) {
            Some(near) => format!("did you mean `--{near}`?"),
            None => "`turbo2ds --help` lists the options".to_owned(),
        };
        Error::usage(format!("unknown option `--{given}`"), hint)
    })
}

#[cfg(test)]
mod tests;
