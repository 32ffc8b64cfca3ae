//! What is read is what is there, and no more is asked for or held than may be.

use std::sync::Arc;

use super::super::read_ahead_double::Double;
use super::*;

const MIB: usize = 1024 * 1024;

fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at * 31 % 251) as u8).collect()
}

/// An object in a store, and its version.
fn object(double: &Arc<Double>, bytes: &[u8]) -> (Objects, String) {
    double.put("x", bytes.to_vec());
    let objects = double.objects();
    let found = objects.wait(|objects| async move { objects.head("x").await });
    (objects, found.expect("a store").expect("an object").version)
}

/// Everything that is left from `at` on.
fn rest(ahead: &mut ReadAhead, mut at: u64) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let piece = ahead.bytes_at(at).expect("bytes");
        if piece.is_empty() {
            return all;
        }
        at += piece.len() as u64;
        all.extend_from_slice(&piece);
    }
}

#[test]
fn a_whole_object_is_read_with_bounded_requests_and_bytes() {
    let double = Double::new();
    let bytes = content(100 * MIB);
    let (objects, version) = object(&double, &bytes);
    let mut ahead = ReadAhead::whole(&objects, "x", &version, 0, bytes.len() as u64);
    let (mut at, mut asked_most) = (0_u64, 0);
    loop {
        let piece = ahead.bytes_at(at).expect("bytes");
        if piece.is_empty() {
            break;
        }
        assert_eq!(piece, bytes[at as usize..at as usize + piece.len()]);
        let held: u64 = ahead
            .blocks
            .iter()
            .map(|block| block.range.end - block.range.start)
            .sum();
        assert!(held <= HELD_BYTES_MAX, "{held}");
        assert!(ahead.blocks.len() <= AHEAD_MAX);
        asked_most = asked_most.max(ahead.blocks.len());
        at += piece.len() as u64;
    }
    assert_eq!(at, bytes.len() as u64);
    assert!(asked_most >= 4, "{asked_most}");
    double.asked(|asked| {
        assert!(asked.open_most <= AHEAD_MAX, "{}", asked.open_most);
        let lengths: Vec<u64> = asked
            .ranges
            .iter()
            .map(|range| range.end - range.start)
            .collect();
        assert_eq!(lengths[0], STEP_MIN);
        assert_eq!(lengths.iter().max(), Some(&STEP_MAX));
        assert!(
            asked
                .ranges
                .windows(2)
                .all(|pair| pair[0].end == pair[1].start)
        );
    });
}

#[test]
fn nothing_is_asked_for_before_it_is_needed_nor_after_it_is_dropped() {
    let double = Double::answering(1);
    let bytes = content(100 * MIB);
    let (objects, version) = object(&double, &bytes);
    let mut ahead = ReadAhead::whole(&objects, "x", &version, 0, bytes.len() as u64);
    double.asked(|asked| assert_eq!(asked.ranges.len(), 0));
    assert_eq!(ahead.bytes_at(0).expect("bytes").len() as u64, STEP_MIN);
    // The reader goes while the second request waits.
    assert_eq!(ahead.blocks.len(), AHEAD_MIN);
    drop(ahead);
    let mut open = 1;
    while open > 0 {
        // The store thread drops requests when it comes to them.
        objects.wait(|_| async {});
        open = double.asked(|asked| asked.open);
    }
    double.answer(100);
    objects.wait(|_| async {});
    double.asked(|asked| assert!(asked.ranges.len() <= AHEAD_MIN, "{:?}", asked.ranges));
}

#[test]
fn only_ranges_are_read_and_what_is_skipped_is_not() {
    let double = Double::new();
    let bytes = content(20 * MIB);
    let (objects, version) = object(&double, &bytes);
    let of = |range: Range<usize>| range.start as u64..range.end as u64;
    let ranges = [MIB..3 * MIB, 5 * MIB..5 * MIB + 10, 9 * MIB..19 * MIB];
    let mut ahead = ReadAhead::ranges(
        &objects,
        "x",
        &version,
        ranges.iter().cloned().map(of).collect(),
        4 * MIB as u64,
    );
    // Across two requests, twice.
    let at = MIB as u64 + STEP_MIN - 5;
    for _ in 0..2 {
        let peeked = ahead.peek(at, 100).expect("bytes");
        assert_eq!(peeked, bytes[at as usize..at as usize + 100]);
    }
    let taken = ahead.take(at, MIB).expect("bytes");
    assert_eq!(taken, bytes[at as usize..at as usize + MIB]);
    assert_eq!(ahead.peek(5 * MIB as u64, 100).expect("bytes").len(), 10);
    // Jumps forwards and back are served too.
    for at in [12 * MIB, 9 * MIB, 18 * MIB] {
        assert_eq!(
            ahead.take(at as u64, 1000).expect("bytes"),
            bytes[at..at + 1000]
        );
    }
    double.asked(|asked| {
        let inside = |range: &Range<u64>| {
            let mut ranges = ranges.iter().cloned().map(of);
            ranges.any(|whole| whole.start <= range.start && range.end <= whole.end)
        };
        assert!(asked.ranges.iter().all(inside), "{:?}", asked.ranges);
    });
}

#[test]
fn a_server_without_ranges_is_read_as_one_stream() {
    let double = Double::new();
    double.refuse_ranges();
    let bytes = content(5 * MIB);
    let (objects, version) = object(&double, &bytes);
    let mut ahead = ReadAhead::whole(&objects, "x", &version, 0, bytes.len() as u64);
    assert!(rest(&mut ahead, 0) == bytes);
    let mut ahead = ReadAhead::whole(&objects, "x", &version, 1000, UNKNOWN_BYTES);
    assert!(rest(&mut ahead, 1000) == bytes[1000..]);
    let streams = double.asked(|asked| {
        asked
            .ranges
            .iter()
            .filter(|range| range.end == u64::MAX)
            .count()
    });
    assert_eq!(streams, 2);
}

#[test]
fn a_length_that_is_not_known_is_found_out() {
    let double = Double::new();
    double.refuse_ranges();
    let first = STEP_MIN as usize;
    for length in [1, 100, first - 1, first, first + 1, 3 * MIB + 1] {
        let bytes = content(length);
        let (objects, version) = object(&double, &bytes);
        let mut ahead = ReadAhead::whole(&objects, "x", &version, 0, UNKNOWN_BYTES);
        assert!(rest(&mut ahead, 0) == bytes, "{length}");
    }
}

#[test]
fn another_version_is_a_conflict() {
    let double = Double::new();
    let (objects, version) = object(&double, &content(3 * MIB));
    let mut ahead = ReadAhead::whole(&objects, "x", &version, 0, 3 * MIB as u64);
    double.put("x", content(3 * MIB));
    assert_eq!(
        ahead.bytes_at(0).expect_err("a new version").kind,
        Kind::Conflict
    );
    // Without versions, a shorter object is another one.
    let mut ahead = ReadAhead::whole(&objects, "x", "", 0, 4 * MIB as u64);
    let error = (0..)
        .map(|step| ahead.bytes_at(step * STEP_MIN))
        .find_map(Result::err);
    assert!(error.is_some_and(|error| matches!(error.kind, Kind::Conflict | Kind::Other)));
}
