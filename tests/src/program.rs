//! Owns what the programs of this crate share: how they say what is wrong with their arguments, and how they run
//! the command that they were started for. Never parses an argument.

use std::error::Error;
use std::process::{Command, ExitCode};

/// A program: help on request, a word and the usage for wrong arguments, a word for what fails.
pub fn main<O>(
    name: &str,
    usage: &str,
    parse: impl FnOnce(std::iter::Skip<std::env::Args>) -> Result<O, String>,
    serve: impl FnOnce(&O) -> Result<ExitCode, Box<dyn Error + Send + Sync>>,
) -> ExitCode {
    if matches!(std::env::args().nth(1).as_deref(), Some("-h" | "--help")) {
        println!("{usage}");
        return ExitCode::SUCCESS;
    }
    let options = match parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{name}: {error}\n\n{usage}");
            return ExitCode::from(2);
        }
    };
    serve(&options).unwrap_or_else(|error| {
        eprintln!("{name}: {error}");
        ExitCode::FAILURE
    })
}

/// Runs a command to its end, with `places` filled into its arguments; one killed by a signal counts as 1.
///
/// # Errors
/// The kernel's, if it cannot be started.
pub fn run(
    program: &str,
    arguments: &[String],
    places: &[(&str, &str)],
    environment: &[(String, String)],
) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let filled = arguments.iter().map(|argument| {
        let fill = |text: String, (place, value): &(&str, &str)| text.replace(place, value);
        places.iter().fold(argument.clone(), fill)
    });
    let environment = environment.iter().map(|(name, value)| (name, value));
    let status = Command::new(program)
        .args(filled)
        .envs(environment)
        .status()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}
