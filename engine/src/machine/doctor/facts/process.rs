//! Owns the facts about the process itself: its limits, cores, rings, vector instructions, proxies,
//! root certificates and clock. Never changes them, except for the limit on locked memory, for a
//! moment.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::{Resource, Rlimit, getrlimit};

use crate::config::IoBackend;
use crate::error::Error;
use crate::http::Proxies;
use crate::machine::Pin;
use crate::machine::runtime::{self, Grant, Reactors, Ring};
use crate::net::TlsContext;

/// The facts about the process.
#[derive(Debug)]
pub(in crate::machine::doctor) struct Process {
    /// Cores it may run on; 0 if unknown.
    pub(in crate::machine::doctor) cores: u64,
    /// Soft and hard limit on descriptors; `None` is no limit.
    pub(in crate::machine::doctor) descriptors: [Option<u64>; 2],
    /// Soft limit on locked memory, bytes; `None` is no limit.
    pub(in crate::machine::doctor) memlock_bytes: Option<u64>,
    pub(in crate::machine::doctor) rings: Rings,
    /// Whether the processor has the vector instructions that the codec uses.
    pub(in crate::machine::doctor) vectors: bool,
    /// Environment variables that set a proxy, or what is wrong with one.
    pub(in crate::machine::doctor) proxies: Result<Vec<String>, String>,
    /// Number of root certificates that can be read.
    pub(in crate::machine::doctor) roots: Option<usize>,
    /// Seconds since 1970; negative before it.
    pub(in crate::machine::doctor) clock_s: i64,
}

/// The state of io_uring for this process.
#[derive(Debug)]
pub(in crate::machine::doctor) struct Rings {
    pub(in crate::machine::doctor) works: Ring,
    /// Whether this kernel counts this user's rings as locked memory; `None` if none can be created.
    pub(in crate::machine::doctor) counted: Option<bool>,
    /// What the cores of a run get, tried in the same way as by a run.
    pub(in crate::machine::doctor) granted: Result<Grant, Error>,
}

impl Rings {
    /// Tries the rings of `cores` cores and closes them. Must be called before this process does
    /// anything else: its limit on locked memory is lowered for a moment.
    fn read(cores: u64) -> Self {
        // Another thread's ring would fail meanwhile, but there is none yet.
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

/// Cores that this process may run on; 0 if unknown.
pub(in crate::machine::doctor) fn usable_cores() -> u64 {
    core_affinity::get_core_ids().map_or(0, |ids| ids.len() as u64)
}

impl Process {
    /// Examines the process; `cores` is the number that a run would pin.
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

/// The names of the variables only: a value may contain a password.
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
