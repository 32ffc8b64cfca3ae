//! Owns the checks of a store for a dataset: whether it can be reached, the rights to it, its speed, its conditions,
//! and its clock.

use std::time::Duration;

use crate::machine::doctor::facts::{Ask, Store, TRIAL_BYTES};
use crate::machine::doctor::finding::{Finding, Severity};
use crate::machine::doctor::profile::Profile;
use crate::net::storage::{Kind, StorageError};
use crate::text::bytes;

/// Time of a small request from within a store's region, with room.
const LATENCY_MAX: Duration = Duration::from_millis(250);
/// How far clocks may be apart: leases are measured with them, and signatures of another time are refused.
const CLOCKS_APART_S: u64 = 30;

pub(super) fn all(store: &Store, profile: Profile) -> Vec<Finding> {
    let mut findings = vec![contact(store)];
    if store.contact.is_err() {
        return findings;
    }
    findings.extend(Ask::ALL.map(|ask| right(store, ask)));
    findings.push(latency(store));
    findings.extend(speed(store, profile));
    findings.push(conditions(store));
    findings.push(clock(store));
    if store.differs {
        findings.push(differs(store));
    }
    if !store.left.is_empty() {
        findings.push(left(store));
    }
    findings
}

fn contact(store: &Store) -> Finding {
    let wanted = "an address that answers, a bucket that is there, and credentials that it knows";
    match &store.contact {
        Ok(()) => Finding::ok("output store", format!("{} answers", store.url), wanted),
        Err(error) => {
            Finding::ok("output store", error.to_string(), wanted).at(Severity::Fail, error.hint())
        }
    }
}

/// What the user can do about an error: grant the right, if that is what is missing.
fn fix(store: &Store, ask: Ask, error: &StorageError) -> String {
    match error.kind {
        Kind::Denied => format!(
            "grant the right {} for {}",
            ask.right(store.url.kind()),
            store.url
        ),
        _ => error.hint().to_owned(),
    }
}

fn right(store: &Store, ask: Ask) -> Finding {
    let wanted = format!("the right {}", ask.right(store.url.kind()));
    let asked = store.asked.iter().find(|(asked, _)| *asked == ask);
    match asked {
        None => Finding::ok(
            ask.check(),
            "not tried, because something before it failed",
            wanted,
        )
        .noted(),
        Some((_, Err(error))) => Finding::ok(ask.check(), error.to_string(), wanted)
            .at(Severity::Fail, fix(store, ask, error)),
        Some((_, Ok(()))) if ask == Ask::Uploads && store.lists_uploads == Some(false) => {
            Finding::ok(
                ask.check(),
                "an upload that had begun was not listed",
                "uploads of killed runs are found, and removed by the next run",
            )
            .at(
                Severity::Warn,
                "have the store remove uploads that are older than a week (a lifecycle rule)",
            )
        }
        Some((_, Ok(()))) => Finding::ok(ask.check(), "done", wanted),
    }
}

fn latency(store: &Store) -> Finding {
    let wanted = format!("at most {} ms for a small request", LATENCY_MAX.as_millis());
    let Some(latency) = store.latency else {
        return Finding::ok("store: latency", "not measured", wanted).noted();
    };
    let found = format!("{:.1} ms for a small request", latency.as_secs_f64() * 1e3);
    let finding = Finding::ok("store: latency", found, wanted);
    if latency <= LATENCY_MAX {
        return finding;
    }
    finding.at(
        Severity::Note,
        "a machine in the store's region; small shards wait for several requests each",
    )
}

/// Bytes per second of the large object.
fn rate(time: Duration) -> u64 {
    (TRIAL_BYTES as f64 / time.as_secs_f64().max(1e-6)) as u64
}

fn speed(store: &Store, profile: Profile) -> [Finding; 2] {
    // Every core has a shard under way, each of which can be as fast as this one at best.
    let needed = profile.written_bytes_per_second() / profile.cores.max(1);
    let size = bytes(TRIAL_BYTES);
    let wanted = format!(
        "at least {}/s for a shard: {} of them are under way",
        bytes(needed),
        profile.cores
    );
    let written = match store.upload {
        None => Finding::ok("store: upload", "not measured", wanted).noted(),
        Some(time) => {
            let found = format!("{}/s for {size} in parts", bytes(rate(time)));
            let finding = Finding::ok("store: upload", found, wanted);
            if rate(time) >= needed {
                finding
            } else {
                finding.at(
                    Severity::Warn,
                    "a machine nearer to the store, or one with a faster link: the run is as slow as its uploads",
                )
            }
        }
    };
    let read = match store.download {
        None => Finding::ok("store: download", "not measured", "").noted(),
        Some(time) => {
            let found = format!("{}/s for {size} in ranges", bytes(rate(time)));
            Finding::ok("store: download", found, "")
        }
    };
    [written, read]
}

fn conditions(store: &Store) -> Finding {
    let (check, wanted) = (
        "store: conditions",
        "of several requests to create an object, one succeeds",
    );
    match &store.conditions {
        Some(Ok(true)) => Finding::ok(check, "an object is created once", wanted),
        Some(Ok(false)) => Finding::ok(check, "an object was created more than once", wanted).at(
            Severity::Warn,
            "let one process write the whole dataset, or use a store that has If-None-Match",
        ),
        Some(Err(error)) => {
            Finding::ok(check, error.to_string(), wanted).at(Severity::Fail, error.hint())
        }
        None => Finding::ok(
            check,
            "not tried, because something before it failed",
            wanted,
        )
        .noted(),
    }
}

fn clock(store: &Store) -> Finding {
    let wanted = format!("within {CLOCKS_APART_S} s of this machine's");
    let check = "store: clock";
    let Some(ahead) = store.clock_ahead_s else {
        return Finding::ok(check, "not told", wanted).noted();
    };
    let found = match ahead {
        0 => "the same as this machine's".to_owned(),
        ahead if ahead > 0 => format!("{ahead} s ahead of this machine's"),
        behind => format!("{} s behind this machine's", behind.unsigned_abs()),
    };
    let finding = Finding::ok(check, found, wanted);
    if ahead.unsigned_abs() <= CLOCKS_APART_S {
        return finding;
    }
    finding.at(
        Severity::Warn,
        "set this machine's clock: timedatectl set-ntp true",
    )
}

fn differs(store: &Store) -> Finding {
    Finding::ok(
        "store: content",
        format!("something read from {} is not what was written", store.url),
        "an object is there, whole, as soon as it was written",
    )
    .at(
        Severity::Fail,
        "another store, or no cache or proxy in front of it",
    )
}

fn left(store: &Store) -> Finding {
    Finding::ok(
        "store: left behind",
        store.left.join(", "),
        "everything that this trial wrote is removed",
    )
    .at(Severity::Warn, "remove it with the store's own tools")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Location, StorageConfig};
    use crate::machine::doctor::checks::testing::P;
    use crate::net::storage;

    fn store(url: &str) -> Store {
        let Ok(Location::Remote(url)) = Location::of(url) else {
            panic!("{url} is a store");
        };
        Store {
            asked: Ask::ALL.map(|ask| (ask, Ok(()))).into(),
            latency: Some(Duration::from_millis(20)),
            upload: Some(Duration::from_millis(200)),
            download: Some(Duration::from_millis(200)),
            conditions: Some(Ok(true)),
            lists_uploads: Some(true),
            clock_ahead_s: Some(0),
            ..Store::new(url, Ok(()))
        }
    }

    fn error(kind: Kind) -> StorageError {
        let Ok(Location::Remote(url)) = Location::of("memory://errors") else {
            panic!("a store");
        };
        let objects = storage::open(&url, &StorageConfig::default()).expect("memory");
        objects.error(kind, "do", "errors/it")
    }

    /// The one finding that is not ok.
    fn only(store: &Store) -> Finding {
        let mut findings = all(store, P);
        findings.retain(|finding| finding.severity != Severity::Ok);
        let [finding] = &findings[..] else {
            panic!("{findings:?}");
        };
        finding.clone()
    }

    #[test]
    fn a_store_as_wanted_is_all_ok() {
        for url in [
            "s3://b/f",
            "gs://b/f",
            "az://c/f",
            "hdfs://h/f",
            "memory://f",
        ] {
            for finding in all(&store(url), P) {
                assert_eq!(finding.severity, Severity::Ok, "{finding:?}");
            }
        }
    }

    #[test]
    fn a_missing_right_is_a_failure_that_names_the_action() {
        for (url, ask, action) in [
            ("s3://b/f", Ask::Abort, "s3:AbortMultipartUpload"),
            ("s3://b/f", Ask::Uploads, "s3:ListBucketMultipartUploads"),
            ("s3://b/f", Ask::Complete, "s3:PutObject"),
            ("gs://b/f", Ask::Begin, "storage.multipartUploads.create"),
            ("gs://b/f", Ask::List, "storage.objects.list"),
            ("az://c/f", Ask::Remove, "delete"),
            ("hdfs://h/f", Ask::Write, "to write"),
        ] {
            let mut store = store(url);
            let asked = store.asked.iter_mut().find(|(known, _)| *known == ask);
            asked.expect("asked").1 = Err(error(Kind::Denied));
            let finding = only(&store);
            assert_eq!(finding.severity, Severity::Fail);
            assert_eq!(finding.check, ask.check());
            let fix = finding.fix.expect("a fix");
            assert!(fix.contains(action) && fix.contains(url), "{fix}");
        }
    }

    #[test]
    fn another_failure_has_its_own_hint() {
        let mut store = store("s3://b/f");
        store.asked[1].1 = Err(error(Kind::Full));
        let fix = only(&store).fix.expect("a fix");
        assert!(fix.contains("make room"), "{fix}");
    }

    #[test]
    fn a_store_that_cannot_be_reached_is_one_failure_with_its_hint() {
        let mut store = store("s3://b/f");
        store.contact = Err(error(Kind::NoBucket));
        let findings = all(&store, P);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].severity, Severity::Fail);
        let fix = findings[0].fix.as_deref().expect("a fix");
        assert!(fix.contains("create it first"), "{fix}");
    }

    #[test]
    fn what_was_not_tried_is_a_note() {
        let mut store = store("s3://b/f");
        store.asked.retain(|(ask, _)| *ask != Ask::Complete);
        let finding = only(&store);
        assert_eq!((finding.severity, finding.fix), (Severity::Note, None));
    }

    #[test]
    fn each_weakness_is_found_with_its_severity() {
        type Change = fn(&mut Store);
        let changes: [(&str, Severity, Change); 8] = [
            ("store: latency", Severity::Note, |store| {
                store.latency = Some(Duration::from_millis(251));
            }),
            ("store: upload", Severity::Warn, |store| {
                store.upload = Some(Duration::from_secs(60));
            }),
            ("store: conditions", Severity::Warn, |store| {
                store.conditions = Some(Ok(false));
            }),
            ("store: clock", Severity::Warn, |store| {
                store.clock_ahead_s = Some(-31);
            }),
            ("store: clock", Severity::Note, |store| {
                store.clock_ahead_s = None;
            }),
            ("store: list uploads", Severity::Warn, |store| {
                store.lists_uploads = Some(false);
            }),
            ("store: content", Severity::Fail, |store| {
                store.differs = true;
            }),
            ("store: left behind", Severity::Warn, |store| {
                store.left.push("s3://b/f/x".to_owned());
            }),
        ];
        for (check, severity, change) in changes {
            let mut store = store("s3://b/f");
            change(&mut store);
            let finding = only(&store);
            assert_eq!((finding.check, finding.severity), (check, severity));
        }
    }
}
