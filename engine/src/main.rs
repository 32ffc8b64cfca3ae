//! The `turbo2ds` command: parses, runs, exits. Everything else is the library's.

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;
use turbo2ds::options::{Invocation, parse};
use turbo2ds::say;

/// Warnings, but none of the resolver's own: they can hold what a server sent.
const DEFAULT_LOG: &str = "warn,hickory_resolver=off,hickory_net=off,hickory_proto=off";

fn main() -> ExitCode {
    let invocation = match parse(std::env::args_os().skip(1)) {
        Ok(invocation) => invocation,
        Err(error) => return fail(&error),
    };
    match invocation {
        Invocation::Help(text) | Invocation::Version(text) => {
            say::out(text);
            ExitCode::SUCCESS
        }
        Invocation::Decode(options) => match turbo2ds::isolate::serve(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                say::err(format_args!("a decoding process ends: {error}"));
                ExitCode::FAILURE
            }
        },
        Invocation::Doctor(options) => {
            let (text, code) = turbo2ds::doctor::examine(*options);
            say::out(text);
            ExitCode::from(code)
        }
        Invocation::Tune(options) => {
            say::out(turbo2ds::doctor::tune(&options).trim_end());
            ExitCode::SUCCESS
        }
        Invocation::Resolve(options) => match turbo2ds::resolve::run(&options) {
            Ok(code) => ExitCode::from(code),
            Err(error) => fail(&error),
        },
        Invocation::Verify(options) => match turbo2ds::verify::verify(&options) {
            Ok((text, code)) => {
                say::out(text);
                ExitCode::from(code)
            }
            Err(error) => fail(&error),
        },
        Invocation::Run(config) => {
            log_to_stderr(config.show.log_json);
            turbo2ds::run::run(*config).unwrap_or_else(|error| fail(&error))
        }
    }
}

fn fail(error: &turbo2ds::error::Error) -> ExitCode {
    say::err(error);
    // Reactors may still be at work after an abort: leave without waiting for them.
    std::process::exit(error.exit_code().into())
}

/// Warnings on stderr; more with TURBO2DS_LOG, in the filter syntax of the tracing crate.
fn log_to_stderr(json: bool) {
    let filter =
        EnvFilter::try_from_env("TURBO2DS_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT_LOG));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if json {
        builder.json().init();
    } else {
        builder.init();
    }
}
