//! Owns the messages about an outage, and its longest duration. Never decides whether there is one.

use std::time::{Duration, Instant};

use super::{Outage, Part};
use crate::error::Error;

/// Announces outages; polled by the main thread.
pub(crate) struct OutageNotices {
    announced: Option<(Part, Instant)>,
}

impl OutageNotices {
    /// Starts with the network up.
    pub(crate) const fn new() -> Self {
        Self { announced: None }
    }

    /// The message that is due, if any: an outage began or ended.
    ///
    /// # Errors
    /// If an outage has lasted longer than the run may wait.
    pub(crate) fn poll(&mut self, outage: &Outage, now: Instant) -> Result<Option<String>, Error> {
        match (self.announced, outage.down()) {
            (None, Some((part, since))) => {
                self.announced = Some((part, since));
                Ok(Some(beginning(part, outage.wait_max)))
            }
            (Some((_, since)), None) => {
                self.announced = None;
                let seconds = now.duration_since(since).as_secs();
                Ok(Some(format!(
                    "the network is back after {seconds} s; the rows that waited are tried again"
                )))
            }
            (_, Some((part, since))) if now.duration_since(since) > outage.wait_max => {
                Err(too_long(part, outage.wait_max))
            }
            _ => Ok(None),
        }
    }
}

const fn what(part: Part) -> &'static str {
    match part {
        Part::Hosts => "no host answers any more, nor do those that did before",
        Part::Names => "no name server answers for any name",
    }
}

fn beginning(part: Part, wait_max: Duration) -> String {
    format!(
        "{}: the network seems to be down. Rows wait for it, up to {} s\nhint: --outage_wait 0 records \
         such failures at once",
        what(part),
        wait_max.as_secs()
    )
}

fn too_long(part: Part, wait_max: Duration) -> Error {
    let hint = match part {
        Part::Hosts => "look at the network; the same command goes on",
        Part::Names => {
            "look at the name servers (`turbo2ds resolve`, --dns); the same command goes on. Where these \
             names are simply dead, --outage_wait 0 records that"
        }
    };
    Error::local_resource(
        format!("{} since {} s", what(part), wait_max.as_secs()),
        hint,
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::future::join_all;

    use super::super::REFERENCE_TIMEOUT;
    use super::*;
    use crate::config::IoBackend;
    use crate::failure::Failure;
    use crate::http::Host;
    use crate::machine::runtime;

    #[test]
    fn an_outage_is_announced_once_and_ends_the_run_after_its_time() {
        let wait_max = Duration::from_secs(5);
        let outage = Outage::new(wait_max, Arc::default(), drop);
        let mut notices = OutageNotices::new();
        let start = Instant::now();
        assert!(notices.poll(&outage, start).expect("up").is_none());
        let (backend, _) = runtime::choose(IoBackend::Epoll).expect("epoll always works");
        let waits = runtime::block_on(backend, async {
            let names = (0..32).map(|n| Host::Name(format!("h{n}.example").into()));
            let names: Vec<Host> = names.collect();
            let judged = names
                .iter()
                .map(|name| outage.outlasts(Failure::DnsFailure, name, outage.since()));
            // Until an unanswered lookup has timed out.
            monoio::time::timeout(2 * REFERENCE_TIMEOUT, join_all(judged))
                .await
                .is_err()
        });
        assert!(waits.expect("the reactor starts"));
        let announced = notices.poll(&outage, start).expect("not yet too long");
        assert!(announced.is_some_and(|text| text.contains("--outage_wait 0")));
        assert!(notices.poll(&outage, start).expect("announced").is_none());
        let end = Instant::now() + wait_max;
        assert!(notices.poll(&outage, end + wait_max).is_err());
    }
}
