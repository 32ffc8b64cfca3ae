//! The fake web as a program: starts it, says where it is, optionally writes a list that points at it
//! and runs a command against it. Never outlives its command.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use turbo2ds_tests::list::{self, ListFormat};
use turbo2ds_tests::program;
use turbo2ds_tests::web::{Ports, Web};

const USAGE: &str = "\
usage: fakeweb [--http PORT] [--tls PORT] [--dns PORT] [--ca FILE]
               [--write-list FILE [--count N] [--format txt|csv|jsonl]]
               [--run -- COMMAND...]

Serves on 127.0.0.0/8 until it is killed, or until COMMAND ends; its exit code is then COMMAND's.
Ports default to free ones and are printed as one JSON line. In COMMAND, {list} stands for the
list's path, {ca} for the authority's file, {dns} for the responder's address.";

/// What the arguments say.
#[derive(Default)]
struct Options {
    ports: Ports,
    authority: Option<PathBuf>,
    list: Option<PathBuf>,
    count: Option<u64>,
    format: Option<ListFormat>,
    command: Vec<String>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(name) = arguments.next() {
            if name == "--run" {
                options.command = arguments.skip_while(|argument| argument == "--").collect();
                if options.command.is_empty() {
                    return Err("--run needs a command".to_owned());
                }
                return Ok(options);
            }
            let value = arguments
                .next()
                .ok_or_else(|| format!("{name} needs a value"))?;
            let number = || {
                value
                    .parse()
                    .map_err(|_| format!("{name}: not a port: {value}"))
            };
            match name.as_str() {
                "--http" => options.ports.http = number()?,
                "--tls" => options.ports.tls = number()?,
                "--dns" => options.ports.dns = number()?,
                "--ca" => options.authority = Some(value.into()),
                "--write-list" => options.list = Some(value.into()),
                "--count" => {
                    let count = value
                        .parse()
                        .map_err(|_| format!("--count: not a number: {value}"))?;
                    options.count = Some(count);
                }
                "--format" => {
                    let format = ListFormat::of_name(&value);
                    options.format =
                        Some(format.ok_or_else(|| format!("no list format: {value}"))?);
                }
                _ => return Err(format!("unknown option: {name}")),
            }
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    program::main("fakeweb", USAGE, Options::parse, serve)
}

fn serve(options: &Options) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let web = Web::start(options.ports)?;
    if let Some(path) = &options.authority {
        std::fs::write(path, web.authority_pem())?;
    }
    if let Some(path) = &options.list {
        let rows = list::sample(&web.url(""), options.count.unwrap_or(1000));
        list::write(path, options.format.unwrap_or(ListFormat::Csv), rows)?;
    }
    let Ports { http, tls, dns } = web.ports();
    println!(
        "{}",
        serde_json::json!({"http": http, "tls": tls, "dns": dns})
    );
    match options.command.split_first() {
        Some((program, arguments)) => run(&web, options, program, arguments),
        None => loop {
            std::thread::park();
        },
    }
}

/// Runs the command to its end.
fn run(
    web: &Web,
    options: &Options,
    program: &str,
    arguments: &[String],
) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let text = |path: &Option<PathBuf>| match path {
        Some(path) => path.display().to_string(),
        None => String::new(),
    };
    let (list, authority, dns) = (
        text(&options.list),
        text(&options.authority),
        web.dns_server(),
    );
    let places = [
        ("{list}", list.as_str()),
        ("{ca}", authority.as_str()),
        ("{dns}", dns.as_str()),
    ];
    program::run(program, arguments, &places, &[])
}
