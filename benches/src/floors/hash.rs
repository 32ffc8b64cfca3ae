//! The hashes of bodies as the engine computes them, against the bare crates. Owns the lengths.

use std::hint::black_box;
use std::time::Duration;

use md5::{Digest, Md5};
use ring::digest;
use turbo2ds::config::HashKind;
use turbo2ds::run::stages::hex_digest;
use turbo2ds_benches::thread_cpu;

use crate::Found;
use crate::measure::{Turns, calls_lasting, timed};
use crate::table::{Column, Table};

/// A thumbnail, the mean body of the photographs the design was measured on, and a large one.
const LENGTHS_BYTES: [usize; 3] = [15_000, 118_000, 1_000_000];
/// What one sample lasts at least.
const SAMPLE: Duration = Duration::from_millis(5);

pub(crate) fn measure(rounds: usize) -> Found {
    let columns = [
        Column::new("ours us", 2),
        Column::new("bare us", 2),
        Column::new("ours MB/s", 0),
        Column::new("ratio", 3),
    ];
    let mut table = Table::new(
        "hash: digest and hex text against the bare digest",
        &columns,
    );
    for kind in [HashKind::Sha256, HashKind::Md5, HashKind::Sha512] {
        for bytes in LENGTHS_BYTES {
            let body: Vec<u8> = (0..bytes).map(|at| (at * at / 7) as u8).collect();
            let calls = calls_lasting(SAMPLE, || bare(kind, &body));
            let call = |side| {
                (0..calls).for_each(|_| match side {
                    0 => drop(black_box(hex_digest(kind, black_box(&body)))),
                    _ => bare(kind, black_box(&body)),
                });
                true
            };
            let turns = Turns::new(2, rounds, |side| {
                timed(thread_cpu, || call(side)).ok_or("a digest always comes out")
            })?;
            let micros = |side| turns.micros(side) / calls as f64;
            let cells = [
                micros(0),
                micros(1),
                bytes as f64 / micros(0),
                turns.ratio(0, 1),
            ];
            table.row(format!("{} {bytes} B", kind.as_str()), cells.map(Some));
        }
    }
    Ok(vec![table])
}

fn bare(kind: HashKind, body: &[u8]) {
    match kind {
        HashKind::Md5 => drop(black_box(Md5::digest(body))),
        HashKind::Sha256 => drop(black_box(digest::digest(&digest::SHA256, body))),
        HashKind::Sha512 => drop(black_box(digest::digest(&digest::SHA512, body))),
    }
}
