//! Owns what only the process itself can find out: its limits, cores, the ring, vectors, proxies,
//! root certificates, the clock. Changes nothing; the limits are those it was started with.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::{Resource, Rlimit, getrlimit};

use crate::config::IoBackend;
use crate::error::Error;
use crate::http::Proxies;
use crate::machine::Pin;
use crate::machine::runtime::{self, Grant, Reactors, Ring};
use crate::net::TlsContext;

/// The process and what it was given.
#[derive(Debug)]
pub(in crate::machine::doctor) struct Process {
    /// Cores it may run on; 0 where the kernel does not tell.
    pub(in crate::machine::doctor) cores: u64,
    /// Soft and hard limit of descriptors; `None` is no limit.
    pub(in crate::machine::doctor) descriptors: [Option<u64>; 2],
    /// Soft limit of locked memory, bytes; `None` is no limit.
    pub(in crate::machine::doctor) memlock_bytes: Option<u64>,
    pub(in crate::machine::doctor) rings: Rings,
    /// The processor's vectors are those the codec is written for.
    pub(in crate::machine::doctor) vectors: bool,
    /// Variables that name a proxy, or what is wrong with one.
    pub(in crate::machine::doctor) proxies: Result<Vec<String>, String>,
    /// Root certificates that can be read.
    pub(in crate::machine::doctor) roots: Option<usize>,
    /// Seconds since 1970; negative before it.
    pub(in crate::machine::doctor) clock_s: i64,
}

/// What this process has of io_uring.
#[derive(Debug)]
pub(in crate::machine::doctor) struct Rings {
    pub(in crate::machine::doctor) works: Ring,
    /// This kernel counts this user's rings as locked memory; `None` where none can be made.
    pub(in crate::machine::doctor) counted: Option<bool>,
    /// What the cores of a run got when they were tried as the run tries them.
    pub(in crate::machine::doctor) granted: Result<Grant, Error>,
}

impl Rings {
    /// Tries the rings of so many cores and gives them back. To be called before this process does
    /// anything else: its limit of locked memory is lowered for a moment.
    fn read(cores: u64) -> Self {
        // A second thread's ring fails meanwhile, and there is none yet.
        let counted = runtime::are_rings_counted();
        let pins = vec![Pin::default(); usize::try_from(cores).unwrap_or(usize::MAX)];
        let granted = Reactors::start(IoBackend::Auto, &pins).map(|all| all.grant().clone());
        Self {
            works: runtime::examine(),
            counted,
            granted,
        }
    }
}

/// Cores that a process may run on; 0 where the kernel does not tell.
pub(in crate::machine::doctor) fn usable_cores() -> u64 {
    core_affinity::get_core_ids().map_or(0, |ids| ids.len() as u64)
}

impl Process {
    /// Asks about the process; `cores` is how many a run would pin.
    pub(super) fn read(cores: u64) -> Self {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        Self {
            cores: usable_cores(),
            descriptors: [current, maximum],
            memlock_bytes: getrlimit(Resource::Memlock).current,
            rings: Rings::read(cores),
            vectors: has_vectors(),
            proxies: proxies(),
            roots: TlsContext::new(false).ok().map(|(_, roots)| roots),
            clock_s: clock(),
        }
    }
}

fn has_vectors() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        true
    }
}

/// Names of the variables only: a value may hold a password.
fn proxies() -> Result<Vec<String>, String> {
    let variables: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    Proxies::from_env(variables.iter().cloned()).map_err(|error| error.to_string())?;
    let is_proxy = |name: &str| {
        let lower = name.to_ascii_lowercase();
        matches!(lower.as_str(), "http_proxy" | "https_proxy" | "all_proxy")
    };
    let set = variables
        .into_iter()
        .filter(|(name, value)| is_proxy(name) && !value.trim().is_empty());
    let mut names: Vec<String> = set.map(|(name, _)| name).collect();
    names.sort();
    Ok(names)
}

fn clock() -> i64 {
    let seconds = |length: std::time::Duration| i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => seconds(since),
        Err(before) => -seconds(before.duration()),
    }
}
