//! Owns the plan of the simulated web: which hosts there are and how popular, what becomes of a
//! request. A pure function of the seed. Never opens a socket.

use std::net::Ipv4Addr;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, LogNormal, Zipf};
use serde::{Deserialize, Serialize};

/// The zone of every host; reserved for tests (RFC 6761), so a list can do no harm elsewhere.
pub(super) const ZONE: &str = "web.test";

/// Addresses that the servers listen on, so that ephemeral ports do not run out: 127.1.0.1 and on.
pub(super) const SERVED_ADDRESSES: u8 = 64;

/// Exponent of Zipf's law over the hosts. With 8 million hosts, 18 million rows meet about 5 million
/// of them and the most popular one has 1.9 % of the rows; a popular list of image URLs has about that.
const POPULARITY_EXPONENT: f64 = 0.8;

/// Hosts that the world has; a list meets some of them.
const HOSTS: f64 = 8e6;

/// Median and spread (sigma of its logarithm) of a host's latency, and its bounds, milliseconds.
const LATENCY_MEDIAN_MS: f64 = 60.0;
const LATENCY_SIGMA: f64 = 0.8;
const LATENCY_MS_MIN: f64 = 5.0;
const LATENCY_MS_MAX: f64 = 2000.0;

/// Every share is one of hosts or of requests, in 0..=1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shares {
    /// Hosts whose name does not exist.
    pub unknown_names: f64,
    /// Hosts whose name servers fail.
    pub failing_names: f64,
    /// Hosts that refuse connections.
    pub refusing_hosts: f64,
    /// Hosts that accept connections and never answer.
    pub silent_hosts: f64,
    /// Hosts that close the connection after each answer.
    pub closing_hosts: f64,
    /// Requests answered 404.
    pub missing: f64,
    /// Requests answered 403.
    pub forbidden: f64,
    /// Requests answered 429.
    pub too_many: f64,
    /// Requests answered 503.
    pub unavailable: f64,
    /// Requests redirected to another host, which has the image.
    pub moved: f64,
    /// Requests whose body ends before its length.
    pub cut: f64,
    /// Requests whose body stops in the middle and never goes on.
    pub stalled: f64,
    /// Requests answered 200 with a page of HTML in place of the image.
    pub placeholders: f64,
}

impl Shares {
    /// A web that mostly works: what a list of a few years' age meets, in round numbers.
    pub const WEB: Self = Self {
        unknown_names: 0.03,
        failing_names: 0.005,
        refusing_hosts: 0.01,
        silent_hosts: 0.01,
        closing_hosts: 0.3,
        missing: 0.06,
        forbidden: 0.02,
        too_many: 0.002,
        unavailable: 0.005,
        moved: 0.04,
        cut: 0.002,
        stalled: 0.001,
        placeholders: 0.01,
    };

    /// A web where every request gets its image at once.
    pub const CLEAN: Self = Self {
        unknown_names: 0.0,
        failing_names: 0.0,
        refusing_hosts: 0.0,
        silent_hosts: 0.0,
        closing_hosts: 0.0,
        missing: 0.0,
        forbidden: 0.0,
        too_many: 0.0,
        unavailable: 0.0,
        moved: 0.0,
        cut: 0.0,
        stalled: 0.0,
        placeholders: 0.0,
    };
}

/// What a host is like before it answers anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fate {
    /// It answers.
    Alive,
    /// NXDOMAIN.
    UnknownName,
    /// SERVFAIL.
    FailingName,
    /// Its address refuses connections.
    Refuses,
    /// It accepts and never answers.
    Silent,
}

/// What a host that is alive answers to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// 200 and an image.
    Image,
    /// A redirect to an image on another host.
    Moved,
    /// 404.
    Missing,
    /// 403.
    Forbidden,
    /// 429.
    TooMany,
    /// 503.
    Unavailable,
    /// A body that ends early.
    Cut,
    /// A body that stops.
    Stalled,
    /// HTML in place of an image.
    Placeholder,
}

/// One host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// Which one; 1 is the most popular.
    pub number: u64,
    /// What it is like.
    pub fate: Fate,
    /// Time before an answer begins, and between two flights of its body.
    pub latency: Duration,
    /// Whether it closes the connection after an answer.
    pub closes: bool,
}

impl Host {
    /// Its name.
    pub fn name(&self) -> String {
        host_name(self.number)
    }

    /// Its address.
    pub fn address(&self) -> Ipv4Addr {
        let last = (self.number % u64::from(SERVED_ADDRESSES)) as u8 + 1;
        match self.fate {
            Fate::Refuses => Ipv4Addr::new(127, 2, 0, last),
            _ => Ipv4Addr::new(127, 1, 0, last),
        }
    }
}

fn host_name(number: u64) -> String {
    format!("h{number}.{ZONE}")
}

/// The number in a host's name, with or without a port or a final dot.
pub(super) fn host_number(name: &str) -> Option<u64> {
    let name = name.split(':').next()?.trim_end_matches('.');
    let label = name.strip_suffix(ZONE)?.strip_suffix('.')?;
    label.strip_prefix('h')?.parse().ok()
}

/// The simulated web of one seed.
#[derive(Clone, Debug)]
pub struct World {
    seed: u64,
    shares: Shares,
    popularity: Zipf<f64>,
    latency: LogNormal<f64>,
}

impl World {
    /// The world of a seed.
    ///
    /// # Errors
    /// Shares of hosts or of requests outside 0..=1 or above 1 together.
    pub fn new(seed: u64, shares: Shares) -> Result<Self, super::Error> {
        let of_hosts = [
            shares.unknown_names,
            shares.failing_names,
            shares.refusing_hosts,
            shares.silent_hosts,
        ];
        let of_requests = outcomes(&shares).map(|(share, _)| share);
        for shares in [&of_hosts[..], &of_requests[..], &[shares.closing_hosts]] {
            let sound = shares.iter().all(|share| (0.0..=1.0).contains(share));
            if !sound || shares.iter().sum::<f64>() > 1.0 {
                return Err(
                    format!("shares must be within 0 and 1, also together: {shares:?}").into(),
                );
            }
        }
        Ok(Self {
            seed,
            shares,
            popularity: Zipf::new(HOSTS, POPULARITY_EXPONENT)?,
            latency: LogNormal::new(LATENCY_MEDIAN_MS.ln(), LATENCY_SIGMA)?,
        })
    }

    /// The host of a number.
    pub fn host(&self, number: u64) -> Host {
        let mut rng = self.rng(Stream::Host, number);
        let fate = pick(
            &mut rng,
            &[
                (self.shares.unknown_names, Fate::UnknownName),
                (self.shares.failing_names, Fate::FailingName),
                (self.shares.refusing_hosts, Fate::Refuses),
                (self.shares.silent_hosts, Fate::Silent),
            ],
            Fate::Alive,
        );
        let closes = rng.random_bool(self.shares.closing_hosts);
        let latency_ms = self.latency.sample(&mut rng);
        let latency_ms = latency_ms.clamp(LATENCY_MS_MIN, LATENCY_MS_MAX);
        Host {
            number,
            fate,
            latency: Duration::from_secs_f64(latency_ms / 1e3),
            closes,
        }
    }

    /// The host of a name in this world.
    pub fn host_of(&self, name: &str) -> Option<Host> {
        host_number(name).map(|number| self.host(number))
    }

    /// The host that a row of a list points at.
    pub fn host_of_row(&self, row: u64) -> u64 {
        self.popularity.sample(&mut self.rng(Stream::Row, row)) as u64
    }

    /// What a host that is alive answers for a row's image.
    pub fn outcome(&self, row: u64) -> Outcome {
        let mut rng = self.rng(Stream::Request, row);
        pick(&mut rng, &outcomes(&self.shares), Outcome::Image)
    }

    /// The host that a row's image has moved to; it is alive.
    pub fn moved_to(&self, row: u64) -> Host {
        let mut rng = self.rng(Stream::Moved, row);
        loop {
            let host = self.host(self.popularity.sample(&mut rng) as u64);
            if host.fate == Fate::Alive {
                return host;
            }
        }
    }

    /// Which of `images` a row's URL shows.
    pub fn image_of_row(&self, row: u64, images: usize) -> usize {
        self.rng(Stream::Image, row).random_range(0..images)
    }

    fn rng(&self, stream: Stream, number: u64) -> SmallRng {
        SmallRng::seed_from_u64(mix(mix(self.seed ^ ((stream as u64) << 56)) ^ number))
    }
}

/// What a random number is for; each purpose has numbers of its own.
#[derive(Clone, Copy)]
enum Stream {
    Host = 1,
    Row,
    Request,
    Moved,
    Image,
}

fn outcomes(shares: &Shares) -> [(f64, Outcome); 8] {
    [
        (shares.missing, Outcome::Missing),
        (shares.forbidden, Outcome::Forbidden),
        (shares.too_many, Outcome::TooMany),
        (shares.unavailable, Outcome::Unavailable),
        (shares.moved, Outcome::Moved),
        (shares.cut, Outcome::Cut),
        (shares.stalled, Outcome::Stalled),
        (shares.placeholders, Outcome::Placeholder),
    ]
}

/// Draws one of `choices` by its share, or the rest.
fn pick<T: Copy>(rng: &mut SmallRng, choices: &[(f64, T)], rest: T) -> T {
    let mut draw: f64 = rng.random();
    for &(share, choice) in choices {
        if draw < share {
            return choice;
        }
        draw -= share;
    }
    rest
}

/// SplitMix64 (Steele, Lea, Flood 2014): one step.
const fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(seed: u64) -> World {
        World::new(seed, Shares::WEB).unwrap()
    }

    #[test]
    fn a_world_is_its_seed() {
        let (one, again, other) = (world(1), world(1), world(2));
        let rows = |world: &World| -> Vec<_> {
            (0..200)
                .map(|row| {
                    let host = world.host(world.host_of_row(row));
                    (
                        host,
                        world.outcome(row),
                        world.moved_to(row),
                        world.image_of_row(row, 99),
                    )
                })
                .collect()
        };
        assert_eq!(rows(&one), rows(&again));
        assert_ne!(rows(&one), rows(&other));
    }

    #[test]
    fn shares_are_kept() {
        let world = world(3);
        let count = |outcome| {
            (0..50_000)
                .filter(|&row| world.outcome(row) == outcome)
                .count() as f64
        };
        assert!((count(Outcome::Missing) / 50_000.0 - 0.06).abs() < 0.005);
        assert!((count(Outcome::Image) / 50_000.0 - 0.86).abs() < 0.01);
        let unknown = (0..50_000)
            .filter(|&host| world.host(host).fate == Fate::UnknownName)
            .count();
        assert!((unknown as f64 / 50_000.0 - 0.03).abs() < 0.004);
    }

    #[test]
    fn a_name_leads_back_to_its_host() {
        let host = world(1).host(77);
        assert_eq!(host.name(), "h77.web.test");
        for name in ["h77.web.test", "h77.web.test.", "h77.web.test:8080"] {
            assert_eq!(host_number(name), Some(77));
        }
        for name in [
            "web.test",
            "h.web.test",
            "h77.web.test.evil.test",
            "x77.web.test",
            "h77xweb.test",
        ] {
            assert_eq!(host_number(name), None, "{name}");
        }
    }

    #[test]
    fn what_has_moved_is_on_a_host_that_answers() {
        let world = world(5);
        assert!((0..500).all(|row| world.moved_to(row).fate == Fate::Alive));
    }

    #[test]
    fn shares_that_cannot_be_are_refused() {
        let mut shares = Shares::CLEAN;
        shares.missing = 0.7;
        shares.moved = 0.4;
        assert!(World::new(1, shares).is_err());
        shares = Shares::CLEAN;
        shares.silent_hosts = -0.1;
        assert!(World::new(1, shares).is_err());
    }
}
