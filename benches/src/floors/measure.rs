//! Owns how two or more things are compared: called in turns, CPU time by the thread's or the
//! process' clock, medians over the rounds, ratios within a round. Never knows what it calls.

use std::time::{Duration, Instant};

use turbo2ds_benches::median;

/// What each side of a comparison took, microseconds, round by round.
pub(crate) struct Turns(Vec<Vec<f64>>);

impl Turns {
    /// Calls the sides 0.. in turns, a round to warm up and `rounds` that count; `sample` gives what
    /// one call took. The first error ends it.
    pub(crate) fn new<E>(
        sides: usize,
        rounds: usize,
        mut sample: impl FnMut(usize) -> Result<Duration, E>,
    ) -> Result<Self, E> {
        let mut samples = vec![Vec::with_capacity(rounds); sides];
        for round in 0..=rounds {
            for (side, samples) in samples.iter_mut().enumerate() {
                let taken = sample(side)?;
                if round > 0 {
                    samples.push(taken.as_secs_f64() * 1e6);
                }
            }
        }
        Ok(Self(samples))
    }

    /// The median of a side, microseconds.
    pub(crate) fn micros(&self, side: usize) -> f64 {
        median(&mut self.0[side].clone())
    }

    /// The median of `side` over `reference` within a round, where what slowed one slowed the other.
    pub(crate) fn ratio(&self, side: usize, reference: usize) -> f64 {
        let rounds = self.0[side].iter().zip(&self.0[reference]);
        median(&mut rounds.map(|(a, b)| a / b).collect::<Vec<_>>())
    }
}

/// What `call` takes by `clock`; none where it says that it failed.
pub(crate) fn timed(clock: fn() -> Duration, call: impl FnOnce() -> bool) -> Option<Duration> {
    let start = clock();
    call().then(|| clock() - start)
}

/// Calls of something short that together take `least`, by the wall's clock.
pub(crate) fn calls_lasting(least: Duration, mut call: impl FnMut()) -> usize {
    let mut calls = 1;
    loop {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        if start.elapsed() >= least || calls >= 1 << 30 {
            return calls;
        }
        calls *= 2;
    }
}

#[cfg(test)]
mod tests {
    use turbo2ds_benches::process_cpu;

    use super::*;

    #[test]
    fn a_median_is_the_middle_and_of_an_even_number_the_upper_one() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 3.0);
        assert_eq!(median(&mut [7.5]), 7.5);
    }

    #[test]
    fn the_round_that_warms_up_does_not_count_and_sides_take_turns() {
        let mut order = Vec::new();
        let turns = Turns::new(2, 3, |side| {
            order.push(side);
            let round = (order.len() - 1) / 2;
            let micros = if round == 0 { 900 } else { round as u64 };
            Ok::<_, ()>(Duration::from_micros(micros * (side as u64 + 1)))
        })
        .expect("no side fails");
        assert_eq!(order, [0, 1, 0, 1, 0, 1, 0, 1]);
        assert!((turns.micros(0) - 2.0).abs() < 1e-9);
        assert!((turns.micros(1) - 4.0).abs() < 1e-9);
    }

    #[test]
    fn a_ratio_is_taken_within_a_round() {
        // A machine that is ten times slower in the second round moves no ratio.
        let turns = Turns(vec![vec![2.0, 20.0, 2.2], vec![1.0, 10.0, 1.1]]);
        assert!((turns.ratio(0, 1) - 2.0).abs() < 1e-9);
        assert!((turns.ratio(1, 0) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_side_that_fails_ends_the_comparison() {
        let mut calls = 0;
        let turns = Turns::new(3, 5, |side| {
            calls += 1;
            if side == 1 {
                Err("no")
            } else {
                Ok(Duration::ZERO)
            }
        });
        assert_eq!(turns.err(), Some("no"));
        assert_eq!(calls, 2);
    }

    #[test]
    fn a_failed_call_has_no_time() {
        assert!(timed(process_cpu, || false).is_none());
        assert!(timed(process_cpu, || true).is_some());
    }

    #[test]
    fn work_counts_on_the_process_clock() {
        let start = process_cpu();
        let calls = calls_lasting(Duration::from_millis(5), || {
            std::hint::black_box((0..1000_u64).sum::<u64>());
        });
        assert!(calls >= 1);
        assert!(process_cpu() > start);
    }
}
