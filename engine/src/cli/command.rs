//! Owns the `turbo2ds` command, which the binary and the console script of the Python package run: it
//! parses, runs and returns the exit code. Never exits the process.

use std::ffi::OsString;
use std::io::{self, ErrorKind};

use tracing_subscriber::EnvFilter;

use crate::cli::options::{Invocation, parse};
use crate::cli::resolve;
use crate::dataset::redact;
use crate::dataset::verify;
use crate::dataset::version::log;
use crate::error::{EXIT_STOPPED, EXIT_SUCCESS, Error};
use crate::machine::doctor;
use crate::pixels::isolate;
use crate::run;
use crate::run::{Host, SignalUse};
use crate::text::terminal;

/// Warnings, except those of hickory, which may contain what a server sent.
const DEFAULT_LOG: &str = "warn,hickory_resolver=off,hickory_net=off,hickory_proto=off";

/// Runs a command line, given without the program's name, and returns its exit code.
pub fn main(args: impl Iterator<Item = OsString>) -> u8 {
    parse(args).and_then(execute).unwrap_or_else(|error| {
        terminal::last(&error);
        error.exit_code()
    })
}

fn execute(invocation: Invocation) -> Result<u8, Error> {
    let (text, code) = match invocation {
        Invocation::Help(text) | Invocation::Version(text) => (text, EXIT_SUCCESS),
        Invocation::Decode(options) => {
            return Ok(match isolate::serve(&options) {
                Ok(()) => EXIT_SUCCESS,
                // The run has ended and reported why.
                Err(error) if has_lost_run(&error) => EXIT_SUCCESS,
                Err(error) => {
                    terminal::err(format_args!("a decoding process ends: {error}"));
                    EXIT_STOPPED
                }
            });
        }
        Invocation::Doctor(options) => doctor::examine(*options)?,
        Invocation::Tune(options) => (doctor::tune(&options).trim_end().to_owned(), EXIT_SUCCESS),
        Invocation::Resolve(options) => return resolve::run(&options),
        Invocation::Redact(options) => redact::redact(&options)?,
        Invocation::Log(options) => log::log(&options)?,
        Invocation::Snapshot(options) => log::snapshot(&options)?,
        Invocation::Verify(options) => verify::verify(&options)?,
        Invocation::Run(config) => {
            log_to_stderr(config.show.log_json);
            let host = Host {
                observer: None,
                signals: SignalUse::Own,
            };
            return run::run(*config, host).map(|report| report.exit_code());
        }
    };
    if !text.is_empty() {
        terminal::out(text);
    }
    Ok(code)
}

/// Whether a decoding process ends because the run closed its end of the socket.
fn has_lost_run(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof
    )
}

/// Logs warnings to stderr; TURBO2DS_LOG selects more, in the filter syntax of tracing-subscriber. Does
/// nothing if the process already has a logger.
pub fn log_to_stderr(json: bool) {
    let filter =
        EnvFilter::try_from_env("TURBO2DS_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT_LOG));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| terminal::Log);
    let _ = if json {
        builder.json().try_init()
    } else {
        builder.try_init()
    };
}
