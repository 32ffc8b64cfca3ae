//! The lab of fake authorities as a program, for resolvers that are programs too.
//!
//!     lab [--seed N] [--pairs N] [--port N] [--loss PER_MILLE] [--no_delay]
//!     lab names CLASS COUNT [--seed N] [--pairs N]     COUNT lines of NAME CLASS WHAT-IS-RIGHT
//!
//! Prints a line of JSON when it serves: the addresses of its roots. Then it obeys lines of standard
//! input, with a line of JSON each: `count` tells how many questions came so far, `loss N` changes the
//! loss. It ends with its input.

// What only the tests use of the lab is not used here.
#[allow(dead_code)]
#[path = "../../tests/src/dnslab/mod.rs"]
mod dnslab;

use std::io::{self, BufRead, Write};
use std::sync::atomic::Ordering;

use dnslab::sockets::{Network, Served};
use dnslab::{Authority, Expected, Fault, Population};

type Failure = Box<dyn std::error::Error>;

struct Options {
    seed: u64,
    pairs: u32,
    port: u16,
    network: Network,
    /// Words that are no option.
    words: Vec<String>,
}

fn options() -> Result<Options, Failure> {
    let mut options = Options {
        seed: 5,
        pairs: 32,
        port: 53,
        network: Network {
            delayed: true,
            loss_per_mille: 0,
        },
        words: Vec::new(),
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--seed" => options.seed = value()?.parse()?,
            "--pairs" => options.pairs = value()?.parse()?,
            "--port" => options.port = value()?.parse()?,
            "--loss" => options.network.loss_per_mille = value()?.parse()?,
            "--no_delay" => options.network.delayed = false,
            _ => options.words.push(arg),
        }
    }
    Ok(options)
}

fn main() -> Result<(), Failure> {
    let options = options()?;
    let authority = Authority::new(Population::new(options.seed, options.pairs));
    let words: Vec<&str> = options.words.iter().map(String::as_str).collect();
    match words[..] {
        [] => serve(authority, &options),
        ["names", class, count] => write_names(&authority.population, class, count.parse()?),
        _ => Err("see the head of this program's source".into()),
    }
}

fn write_names(population: &Population, class: &str, count: u32) -> Result<(), Failure> {
    let fault = Fault::ALL.into_iter().find(|one| one.label() == class);
    let fault = fault.ok_or("no such class")?;
    let mut out = io::stdout().lock();
    for n in 0..count {
        let name = population.host(fault, n);
        let right = match population.expected(&name) {
            Some(Expected::Address(addr)) => addr.to_string(),
            Some(Expected::NotFound) => "not_found".into(),
            Some(Expected::Failure) | None => "failure".into(),
        };
        writeln!(out, "{name} {class} {right}")?;
    }
    Ok(())
}

fn serve(authority: Authority, options: &Options) -> Result<(), Failure> {
    let served = Served::start_on(authority, options.port, options.network)?;
    let roots: Vec<String> = (authority.roots().iter())
        .map(|addr| format!("\"{addr}\""))
        .collect();
    println!("{{\"roots\": [{}]}}", roots.join(", "));
    for line in io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ') {
            None if line == "count" => {
                let questions = served.questions.load(Ordering::Relaxed);
                println!("{{\"questions\": {questions}}}");
            }
            Some(("loss", per_mille)) => {
                let per_mille = per_mille.parse()?;
                served.loss_per_mille.store(per_mille, Ordering::Relaxed);
                println!("{{\"loss_per_mille\": {per_mille}}}");
            }
            _ => return Err(format!("{line}: not understood").into()),
        }
    }
    Ok(())
}
