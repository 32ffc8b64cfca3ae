//! Owns what only the process itself can find out: its limits, cores, the ring, vectors, proxies,
//! root certificates, the clock. Changes nothing; the limits are those it was started with.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::{Resource, Rlimit, getrlimit};

use crate::http::Proxies;
use crate::net::TlsContext;
use crate::runtime::{self, Ring};

/// The process and what it was given.
#[derive(Debug)]
pub(in crate::doctor) struct Process {
    /// Cores it may run on; 0 where the kernel does not tell.
    pub(in crate::doctor) cores: u64,
    /// Soft and hard limit of descriptors; `None` is no limit.
    pub(in crate::doctor) descriptors: [Option<u64>; 2],
    /// Soft limit of locked memory, bytes; `None` is no limit.
    pub(in crate::doctor) memlock_bytes: Option<u64>,
    pub(in crate::doctor) ring: Ring,
    /// The processor's vectors are those the codec is written for.
    pub(in crate::doctor) vectors: bool,
    /// Variables that name a proxy, or what is wrong with one.
    pub(in crate::doctor) proxies: Result<Vec<String>, String>,
    /// Root certificates that can be read.
    pub(in crate::doctor) roots: Option<usize>,
    /// Seconds since 1970; negative before it.
    pub(in crate::doctor) clock_s: i64,
}

impl Process {
    pub(super) fn read() -> Self {
        let cores = core_affinity::get_core_ids().map_or(0, |ids| ids.len() as u64);
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        Self {
            cores,
            descriptors: [current, maximum],
            memlock_bytes: getrlimit(Resource::Memlock).current,
            ring: runtime::examine(),
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
