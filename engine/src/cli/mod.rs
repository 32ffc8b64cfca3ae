//! Owns the command line: the names, parsing and help of options, and the subcommands. Never lets
//! another room know how an option is spelled.

pub mod command;
pub mod options;
mod resolve;
