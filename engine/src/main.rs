//! The `turbo2ds` binary. The command itself is the library's: [`turbo2ds::cli::command`].

use std::process::ExitCode;

use turbo2ds::machine::allocator::Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() -> ExitCode {
    let code = turbo2ds::cli::command::main(std::env::args_os().skip(1));
    if code == turbo2ds::error::EXIT_SUCCESS {
        return ExitCode::SUCCESS;
    }
    // Reactors may still be running after an abort: exit without waiting for them.
    std::process::exit(code.into())
}
