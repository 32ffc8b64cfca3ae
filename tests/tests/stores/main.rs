//! End to end: lists that are read from object stores, and datasets that are written to them.
//!
//! One suite of checks is run over each server, which a test starts for itself. moto, SeaweedFS, azurite and the
//! double of Google Cloud Storage are part of every test run; Ceph, HDFS, s3s-fs and rclone are met with
//! TURBO2DS_STORES=all, which also fails each request of a run in each way instead of a sample of them.
//! TURBO2DS_KILLS sets how often a run is killed, TURBO2DS_SEED the seed of kills and samples.

mod beside;
mod doctor;
mod faults;
mod formats;
mod kills;
mod lists;
mod modes;
mod place;
mod refusals;
mod resume;
mod workers;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use place::Place;
use turbo2ds_tests::stores::{StoreKind, StoreServer};

/// A check with its name.
type Check = (&'static str, fn(&Place<'_>));

/// Runs every check over a server, also after one has failed, and says which did.
fn meet(kind: StoreKind) {
    let Some(server) = StoreServer::start(kind) else {
        return;
    };
    let place = Place::new(&server);
    let writing = [
        formats::CHECKS,
        resume::CHECKS,
        modes::CHECKS,
        beside::CHECKS,
    ];
    let workers = [workers::CHECKS, kills::CHECKS, refusals::CHECKS];
    let reading = [lists::CHECKS, doctor::CHECKS];
    let suites = match kind {
        // Its ranges are no ranges: a run may write there, and nobody reads what it wrote.
        StoreKind::Rclone => workers.to_vec(),
        // It lists other objects than it has.
        StoreKind::S3sFs => [&writing[..], &workers].concat(),
        _ => [&writing[..], &workers, &reading].concat(),
    };
    let only = std::env::var("TURBO2DS_CHECK").unwrap_or_default();
    let checks = suites.into_iter().flatten();
    let mut failed = Vec::new();
    for (name, check) in checks.filter(|(name, _)| name.contains(&only)) {
        let begun = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| check(&place)));
        let word = if result.is_ok() { "ok" } else { "FAILED" };
        println!("{}: {name}: {word}, {:?}", kind.name(), begun.elapsed());
        if result.is_err() {
            failed.push(*name);
        }
    }
    assert!(failed.is_empty(), "{}: {}", kind.name(), failed.join(", "));
}

#[test]
fn moto() {
    meet(StoreKind::Moto);
}

#[test]
fn seaweedfs() {
    meet(StoreKind::SeaweedFs);
}

#[test]
fn azurite() {
    meet(StoreKind::Azurite);
}

#[test]
fn gcs() {
    meet(StoreKind::GcsDouble);
}

#[test]
fn ceph() {
    meet(StoreKind::CephRgw);
}

#[test]
fn hdfs() {
    meet(StoreKind::Hdfs);
}

#[test]
fn webhdfs() {
    meet(StoreKind::WebHdfs);
}

#[test]
fn s3s_fs() {
    meet(StoreKind::S3sFs);
}

#[test]
fn rclone() {
    meet(StoreKind::Rclone);
}
