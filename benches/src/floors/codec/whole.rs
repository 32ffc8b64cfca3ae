//! Owns the codec floor: hash, decode, resize and encode of all images on one thread, pass by pass,
//! which is what a whole run's CPU per image is held against.

use std::collections::BTreeMap;

use turbo2ds::config::HashKind;
use turbo2ds::pixels::isolate::Decoder;
use turbo2ds::run::stages::ImageWork;
use turbo2ds_benches::thread_cpu;

use super::bare::Bare;
use super::{Case, QUALITY, settings};
use crate::arguments::Arguments;
use crate::measure::{Turns, timed};
use crate::table::{Column, Table};

/// A way from a body to a sample.
struct Ours {
    work: ImageWork,
    decoder: Decoder,
}

impl Ours {
    fn new(size: u32, exact: bool) -> Self {
        let work = ImageWork::new(settings(size, exact), None, false, Some(HashKind::Sha256));
        let decoder = Decoder::here(settings(size, exact));
        Self { work, decoder }
    }

    fn process(&mut self, case: &Case) -> bool {
        let finished = self.work.process(&mut self.decoder, &case.body, &[], None);
        finished.is_ok()
    }
}

/// The three sides, and what they are given.
struct Sides {
    planes: Ours,
    rgb: Ours,
    bare: Bare,
    size: u32,
}

impl Sides {
    fn process(&mut self, side: usize, case: &Case) -> bool {
        match side {
            0 => self.planes.process(case),
            1 => self.rgb.process(case),
            _ => {
                let digest = ring::digest::digest(&ring::digest::SHA256, &case.body);
                std::hint::black_box(digest);
                let Case { format, body, .. } = case;
                self.bare.process(*format, body, case.channels, self.size)
            }
        }
    }
}

/// Images that are measured together, and the row's name.
type Group<'a> = (&'static str, Vec<&'a Case>);

/// A row per group that `grouped` makes of the images that the bare calls take.
pub(super) fn measure(
    cases: &[Case],
    arguments: &Arguments,
    grouped: impl for<'a> FnOnce(&[&'a Case]) -> Vec<Group<'a>>,
) -> Result<Table, &'static str> {
    let mut sides = Sides {
        planes: Ours::new(arguments.size, false),
        rgb: Ours::new(arguments.size, true),
        bare: Bare::new(QUALITY),
        size: arguments.size,
    };
    let columns = [
        Column::new("images", 0),
        Column::new("kB", 1),
        Column::new("ours us", 1),
        Column::new("--exact us", 1),
        Column::new("bare us", 1),
        Column::new("ours/bare", 3),
        Column::new("exact/bare", 3),
    ];
    let title = "codec floor: sha256, decode, resize, encode; CPU of one thread per image";
    let mut table = Table::new(title, &columns);
    let every: Vec<&Case> = cases.iter().collect();
    let mut both = every.clone();
    both.retain(|case| sides.process(2, case));
    if both.len() < every.len() {
        let cells = passes(&mut sides, &every, false, arguments.rounds)?;
        table.row("all, those too that bare calls refuse", cells);
    }
    for (name, cases) in grouped(&both) {
        table.row(name, passes(&mut sides, &cases, true, arguments.rounds)?);
    }
    Ok(table)
}

/// All together.
pub(super) fn together<'a>(cases: &[&'a Case]) -> Vec<Group<'a>> {
    vec![("all", cases.to_vec())]
}

/// All together, by format, and by size.
pub(super) fn groups<'a>(cases: &[&'a Case]) -> Vec<Group<'a>> {
    let mut groups = together(cases);
    let mut by_kind: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut by_class: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for case in cases {
        by_kind.entry(case.kind).or_default().push(*case);
        by_class.entry(case.class).or_default().push(*case);
    }
    groups.extend(by_kind);
    groups.extend(by_class.into_iter().map(|((_, name), cases)| (name, cases)));
    groups.retain(|(_, cases)| !cases.is_empty());
    groups
}

/// Passes over the images in turns, ours by planes and exact, and where asked for the bare calls.
fn passes(
    sides: &mut Sides,
    cases: &[&Case],
    with_bare: bool,
    rounds: usize,
) -> Result<Vec<Option<f64>>, &'static str> {
    let images = cases.len() as f64;
    let kilobytes: f64 = cases.iter().map(|case| case.body.len() as f64 / 1e3).sum();
    let turns = Turns::new(2 + usize::from(with_bare), rounds, |side| {
        let pass = || cases.iter().all(|case| sides.process(side, case));
        timed(thread_cpu, pass).ok_or("an image that was decoded cannot be processed")
    })?;
    let micros = |side| Some(turns.micros(side) / images);
    Ok(vec![
        Some(images),
        Some(kilobytes / images),
        micros(0),
        micros(1),
        with_bare.then(|| micros(2)).flatten(),
        with_bare.then(|| turns.ratio(0, 2)),
        with_bare.then(|| turns.ratio(1, 2)),
    ])
}
