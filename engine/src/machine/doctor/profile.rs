//! Owns the machine classes: the cores and the link of a machine, and what a run on it needs. Every
//! figure is computed from the constants below. Never reads this machine.

use std::fmt;
use std::str::FromStr;

use crate::limits;
use crate::limits::FDS_PER_NAME;
use crate::machine::runtime::{RING_ENTRIES, enough_bytes};
use crate::machine::{FDS_PER_DOWNLOAD, NAMES_OUTSTANDING_MAX, RESERVED_FDS};

/// Images per CPU second, from photos of half a megapixel to 256-pixel shards, as compared in
/// docs/benchmarks.md.
pub(super) const IMAGES_PER_CORE_SECOND: u64 = 437;
/// Mean size of those photos, bytes.
pub(super) const IMAGE_BYTES: u64 = 81_000;
/// Mean size of their 256-pixel JPEGs of quality 95, bytes.
pub(super) const SAMPLE_BYTES: u64 = 30_000;
/// Seconds the kernel keeps a closed connection's port (`TCP_TIMEWAIT_LEN`, not adjustable).
pub(super) const TIME_WAIT_S: u64 = 60;
/// First and last port of the range that the profiles give outgoing connections.
pub(super) const PORTS: (u64, u64) = (10_240, 65_535);
/// Seconds that connection tracking keeps a closed TCP connection with these settings.
pub(super) const CONNTRACK_TIME_WAIT_S: u64 = 30;
/// Seconds that connection tracking keeps an answered datagram by default.
pub(super) const CONNTRACK_UDP_S: u64 = 30;
/// Seconds that connection tracking keeps an unanswered connection by default.
pub(super) const CONNTRACK_SYN_SENT_S: u64 = 120;
/// One URL in this many is assumed to be on a host that never answers.
const ONE_DEAD_IN: u64 = 10;
/// Datagram exchanges for one name: A and AAAA.
const QUERIES_PER_NAME: u64 = 2;
/// Locked memory of one reactor's ring, bytes: enough on every kernel.
const RING_BYTES: u64 = enough_bytes(RING_ENTRIES);
/// Initial and largest receive buffer of a socket, bytes.
pub(super) const SOCKET_BYTES: (u64, u64) = (131_072, 6_291_456);
/// Threads besides the two of each core.
const OTHER_THREADS: u64 = 16;
/// Most kernel workers of io_uring per ring and CPU: they count as tasks of the process.
const WORKERS_PER_RING_AND_CPU: u64 = 4;

/// The classes that have a folder in `tuning/`: combinations of 8, 16 and 64 cores with 1, 10 and 25
/// Gb/s in which neither is more than five times faster than the other.
pub(super) const CLASSES: [Profile; 6] = [
    Profile::new(8, 1),
    Profile::new(8, 10),
    Profile::new(16, 1),
    Profile::new(16, 10),
    Profile::new(64, 10),
    Profile::new(64, 25),
];

/// A machine class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Cores that a run pins.
    pub cores: u64,
    /// Link to the Internet, Gb/s.
    pub link_gbit: u64,
}

/// Most cores of a profile.
const CORES_MAX: u64 = 4096;
/// Fastest link of a profile, Gb/s.
const LINK_GBIT_MAX: u64 = 800;

impl Profile {
    /// A class; both numbers are clamped to the valid range.
    pub const fn new(cores: u64, link_gbit: u64) -> Self {
        const fn within(n: u64, most: u64) -> u64 {
            match n {
                0 => 1,
                n if n > most => most,
                n => n,
            }
        }
        Self {
            cores: within(cores, CORES_MAX),
            link_gbit: within(link_gbit, LINK_GBIT_MAX),
        }
    }

    /// Images per second that the cores can decode, resize and encode.
    pub(super) const fn cores_rate(self) -> u64 {
        self.cores * IMAGES_PER_CORE_SECOND
    }

    /// Images per second that the link carries.
    pub(super) const fn link_rate(self) -> u64 {
        self.link_gbit * 125_000_000 / IMAGE_BYTES
    }

    /// Highest rate, images per second. If every URL is on another host, also the rate of new
    /// connections.
    pub(super) fn rate(self) -> u64 {
        self.cores_rate().min(self.link_rate())
    }

    /// Most downloads in flight on all cores together.
    pub(super) const fn in_flight(self) -> u64 {
        self.cores * limits::IN_FLIGHT_MAX as u64
    }

    /// Descriptors for that many downloads, rounded up to a multiple of 1024: the inverse of how
    /// [`crate::machine`] uses a limit.
    pub(super) const fn descriptors(self) -> u64 {
        let names = (NAMES_OUTSTANDING_MAX * FDS_PER_NAME) as u64;
        let downloads = self.in_flight() * FDS_PER_DOWNLOAD as u64;
        (downloads + names + RESERVED_FDS as u64).next_multiple_of(1024)
    }

    /// New connections per second to one address that the port range allows.
    pub(super) const fn connections_to_one_address(ports: u64) -> u64 {
        ports / TIME_WAIT_S
    }

    /// Entries in the connection tracking table, before rounding: downloads in flight, connections that
    /// were closed or never answered, and answered DNS queries.
    pub(super) fn conntrack_entries(self, time_wait_s: u64) -> u64 {
        let dead_s = CONNTRACK_SYN_SENT_S / ONE_DEAD_IN;
        self.in_flight() + self.rate() * (time_wait_s + QUERIES_PER_NAME * CONNTRACK_UDP_S + dead_s)
    }

    /// Size of the table: the next power of two.
    pub(super) fn conntrack_max(self) -> u64 {
        self.conntrack_entries(CONNTRACK_TIME_WAIT_S)
            .next_power_of_two()
    }

    /// Bytes per second that a run writes.
    pub(super) fn written_bytes_per_second(self) -> u64 {
        self.rate() * SAMPLE_BYTES
    }

    /// Dirty bytes at which the kernel starts writing: one second of output, rounded up to a power of
    /// two, at least 64 MB.
    pub(super) fn dirty_background_bytes(self) -> u64 {
        self.written_bytes_per_second()
            .next_power_of_two()
            .max(64 * 1024 * 1024)
    }

    /// Dirty bytes at which writers are blocked: four seconds of output.
    pub(super) fn dirty_bytes(self) -> u64 {
        4 * self.dirty_background_bytes()
    }

    /// Locked memory for the rings of all cores, bytes.
    pub(super) const fn rings_bytes(self) -> u64 {
        self.cores * RING_BYTES
    }

    /// Locked memory for two runs of the same user, bytes.
    pub(super) const fn memlock_bytes(self) -> u64 {
        2 * self.rings_bytes()
    }

    /// Threads of the process itself.
    pub(super) const fn threads(self) -> u64 {
        2 * self.cores + OTHER_THREADS
    }

    /// Threads, including the kernel's workers for writes that would block.
    pub(super) const fn tasks(self) -> u64 {
        self.threads() + WORKERS_PER_RING_AND_CPU * self.cores * self.cores
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-cores-{}gbe", self.cores, self.link_gbit)
    }
}

impl FromStr for Profile {
    type Err = String;

    /// Parses `16-cores-10gbe`; numbers other than those of the classes are allowed.
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            let names: Vec<String> = CLASSES.iter().map(ToString::to_string).collect();
            format!(
                "CORES-cores-LINKgbe (Gb/s), such as {}; without --profile this machine is measured",
                names.join(", ")
            )
        };
        let number = |text: &str, most: u64| {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let number = text
                .parse()
                .ok()
                .filter(|n| digits && (1..=most).contains(n));
            number.ok_or_else(expected)
        };
        let (cores, link) = text.split_once("-cores-").ok_or_else(expected)?;
        let link = link.strip_suffix("gbe").ok_or_else(expected)?;
        Ok(Self::new(
            number(cores, CORES_MAX)?,
            number(link, LINK_GBIT_MAX)?,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_parsed_from_its_own_name() {
        for class in CLASSES {
            assert_eq!(class.to_string().parse(), Ok(class));
        }
        assert_eq!("2-cores-100gbe".parse(), Ok(Profile::new(2, 100)));
    }

    #[test]
    fn an_invalid_profile_is_refused_with_the_valid_names() {
        for text in [
            "",
            "big",
            "8-cores",
            "8-cores-1",
            "0-cores-1gbe",
            "8-cores-0gbe",
            "+8-cores-1gbe",
            "8-cores-1gbe ",
            "99999999999999999999-cores-1gbe",
            "8-cores-9000gbe",
        ] {
            let expected = text.parse::<Profile>().unwrap_err();
            assert!(expected.contains("64-cores-25gbe"), "{text}: {expected}");
        }
    }

    #[test]
    fn the_classes_balance_cores_and_link() {
        let all = [8, 16, 64]
            .into_iter()
            .flat_map(|cores| [1, 10, 25].map(|link| Profile::new(cores, link)));
        let fitting: Vec<Profile> = all
            .filter(|p| p.cores_rate() <= 5 * p.link_rate() && p.link_rate() <= 5 * p.cores_rate())
            .collect();
        assert_eq!(fitting, CLASSES);
    }

    #[test]
    fn the_descriptors_of_a_profile_suffice_for_all_downloads() {
        for class in CLASSES {
            let fds = usize::try_from(class.descriptors()).unwrap();
            let per_core =
                crate::machine::downloads_per_core(fds, usize::try_from(class.cores).unwrap());
            assert!(
                per_core.is_some_and(|n| n >= limits::IN_FLIGHT_MAX),
                "{class}"
            );
            let less = crate::machine::downloads_per_core(
                fds - 2048,
                usize::try_from(class.cores).unwrap(),
            );
            assert!(less.is_some_and(|n| n < limits::IN_FLIGHT_MAX), "{class}");
        }
    }

    #[test]
    fn the_largest_profile_does_not_overflow() {
        let largest = Profile::new(u64::MAX, u64::MAX);
        assert!(largest.conntrack_max() > 0 && largest.dirty_bytes() > 0 && largest.tasks() > 0);
    }
}
