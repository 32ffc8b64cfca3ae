//! An object store as a program: starts one, optionally with a proxy that keeps every request waiting before it,
//! and runs a command against it. Never outlives its command.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use turbo2ds_tests::program;
use turbo2ds_tests::stores::{FaultProxy, StoreKind, StoreServer};

const USAGE: &str = "\
usage: storebox STORE [--latency_ms N] [-- COMMAND...]

Runs COMMAND with the environment in which clients find the store; its exit code is then COMMAND's. In COMMAND,
{store} stands for the URL of a bucket, as in {store}/out. Without a command the environment is printed, as a shell
reads it, and the store runs until standard input ends.";

/// What the arguments say.
struct Options {
    kind: StoreKind,
    latency: Duration,
    command: Vec<String>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let name = arguments.next().ok_or("a store is missing")?;
        let kind = StoreKind::of_name(&name).ok_or_else(|| {
            let names: Vec<_> = StoreKind::ALL.iter().map(|kind| kind.name()).collect();
            format!("no store {name}; there are {}", names.join(", "))
        })?;
        let mut options = Self {
            kind,
            latency: Duration::ZERO,
            command: Vec::new(),
        };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--" => {
                    options.command = arguments.collect();
                    break;
                }
                "--latency_ms" => {
                    let number = arguments.next().and_then(|value| value.parse().ok());
                    let number = number.ok_or("--latency_ms needs a number")?;
                    options.latency = Duration::from_millis(number);
                }
                _ => return Err(format!("unknown option: {argument}")),
            }
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    program::main("storebox", USAGE, Options::parse, serve)
}

fn serve(options: &Options) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let server = StoreServer::try_start(options.kind)?;
    let proxy = if options.latency.is_zero() || !options.kind.is_http() {
        None
    } else {
        let proxy = FaultProxy::before(server.endpoint_port())?;
        proxy.set_latency(options.latency);
        Some(proxy)
    };
    let environment = match &proxy {
        Some(proxy) => server.env_through(proxy.port()),
        None => server.env(),
    };
    let store = server.url("");
    let store = store.trim_end_matches('/');
    let Some((program, arguments)) = options.command.split_first() else {
        for (name, value) in &environment {
            println!("export {name}='{value}'");
        }
        println!("store='{store}'");
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
        return Ok(ExitCode::SUCCESS);
    };
    program::run(program, arguments, &[("{store}", store)], &environment)
}
