//! Owns the command lines of the tools, `turbo2ds doctor` and the like: small tables of options ([`tables`]), in the
//! same spellings as the main one, and what they mean ([`readers`]). A list file with the name of a tool is given as
//! `./doctor`. Never runs a tool.

mod given;
mod readers;
mod tables;
#[cfg(test)]
mod tests;

use std::ffi::OsString;

use super::help::{nearest, wrap};
use super::table::Kind;
use super::{Invocation, utf8};
use crate::error::Error;
use given::{Given, is_value};
use tables::Spec;

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

impl Tool {
    /// Every tool with its name.
    const ALL: [(Self, &'static str); 7] = [
        (Self::Doctor, "doctor"),
        (Self::Log, "log"),
        (Self::Redact, "redact"),
        (Self::Resolve, "resolve"),
        (Self::Snapshot, "snapshot"),
        (Self::Tune, "tune"),
        (Self::Verify, "verify"),
    ];

    /// The tool with this name.
    pub(super) fn of(word: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|(_, name)| *name == word).map(|(tool, _)| tool)
    }

    const fn name(self) -> &'static str {
        // In the order of the members.
        Self::ALL[self as usize].1
    }

    /// Parses the arguments after the tool's name.
    pub(super) fn parse(self, args: impl Iterator<Item = OsString>) -> Result<Invocation, Error> {
        let Some(given) = self.read(args)? else {
            return Ok(Invocation::Help(self.help()));
        };
        match self {
            Self::Doctor => {
                readers::doctor(&given).map(|options| Invocation::Doctor(Box::new(options)))
            }
            Self::Log => readers::versions(self.name(), &given).map(Invocation::Log),
            Self::Redact => {
                readers::redact(&given).map(|options| Invocation::Redact(Box::new(options)))
            }
            Self::Resolve => {
                readers::resolve(&given).map(|options| Invocation::Resolve(Box::new(options)))
            }
            Self::Snapshot => readers::versions(self.name(), &given).map(Invocation::Snapshot),
            Self::Tune => readers::tune(&given).map(Invocation::Tune),
            Self::Verify => readers::verify(&given).map(Invocation::Verify),
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
        let (usage, about) = self.about();
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
