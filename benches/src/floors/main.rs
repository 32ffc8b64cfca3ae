//! Floors: what a part of turbo2ds costs against the bare call below it, so that the whole can be
//! held against what is left when everything else is free. Owns the choice of sections and the
//! output; each section is a module.
//!
//! `floors [SECTION...] [--images FOLDER] [--size PIXELS] [--rounds N] [--gets N] [--in-flight N]
//! [--body-bytes N] [--scratch FOLDER] [--json FILE]`, sections `codec`, `loop`, `head`,
//! `hash`, `tar` and `runtimes`, all of them where none is named.
//!
//! A binary of its own and not criterion benches: criterion measures one function to its end and then
//! the next, by the wall's clock, so that on a busy machine the ratio of two is the ratio of two
//! different minutes. Here the sides of a comparison are called in turns, CPU time counts, and the
//! ratio is the median of the ratios within a round.

mod arguments;
mod codec;
mod hash;
mod head;
mod machine;
mod measure;
mod runtimes;
mod table;
mod tar;

use std::error::Error;
use std::fs;

use arguments::{Arguments, Section};
use serde_json::{Map, Value, json};
use table::Table;
use turbo2ds::machine::allocator::Allocator;

/// As in the program whose floors these are.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// What a section gives, or why it gives nothing.
type Found = Result<Vec<Table>, Box<dyn Error>>;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let machine = machine::record();
    if cfg!(debug_assertions) {
        println!("not an optimised build: the figures mean nothing");
    }
    println!("{}, Linux {}\n", machine["cpu"], machine["kernel"]);
    let mut sections = Map::new();
    for section in &arguments.sections {
        let tables = measure(*section, &arguments)?;
        for table in &tables {
            println!("{}", table.text());
        }
        let tables: Vec<Value> = tables.iter().map(Table::json).collect();
        sections.insert(section.name().to_owned(), json!(tables));
    }
    if let Some(path) = &arguments.json {
        let all = json!({"machine": machine, "sections": sections});
        fs::write(path, serde_json::to_vec_pretty(&all)?)?;
    }
    Ok(())
}

fn measure(section: Section, arguments: &Arguments) -> Found {
    match section {
        Section::Codec => codec::measure(arguments),
        Section::Loop => codec::measure_loop(arguments),
        Section::Head => head::measure(arguments.rounds),
        Section::Hash => hash::measure(arguments.rounds),
        Section::Tar => tar::measure(arguments),
        Section::Runtimes => runtimes::measure(arguments),
    }
}
