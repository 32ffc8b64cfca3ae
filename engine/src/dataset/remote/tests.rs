//! A dataset in memory: what runs that race, die or meet others' files make of it.

use std::sync::Arc;

use turbo2ds_writers::{OutputFormat, Part, ShardStats};

use super::claim::Taken;
use super::draft::{Loose, Uploaded};
use super::lease::Lease;
use super::testing::{place, run};
use super::*;
use crate::dataset::sealed::Written;
use crate::dataset::testing::shape;
use crate::net::storage::Put;

fn mark() -> Vec<u8> {
    let stats = ShardStats {
        count: 2,
        successes: 2,
        failed_to_download: 0,
        failed_to_resize: 0,
        start_time: 1.0,
        end_time: 2.0,
        status_dict: [("success".to_owned(), 2)].into(),
        ..ShardStats::default()
    };
    stats.to_json()
}

/// A run on a dataset, without its opening.
async fn begin(url: &str, shared: bool) -> Arc<Run> {
    begin_as(url, shared, OutputFormat::Webdataset).await
}

async fn begin_as(url: &str, shared: bool, format: OutputFormat) -> Arc<Run> {
    let shape = shape(format);
    let run = Run::new(place(url), shared, Some(shape));
    let lease = Lease::begin(run.place.clone(), run.word.clone(), !shared).await;
    let _ = run.lease.set(lease.expect("a lease"));
    Arc::new(run)
}

/// A run that died: its note is old.
async fn die(run: &Run) {
    run.lease()
        .expect("open")
        .forget(&run.word)
        .await
        .expect("memory");
}

/// A shard whose metadata has this content.
pub(super) fn shard(content: &str) -> SealedShard {
    SealedShard {
        owner: 0,
        slot: 0,
        shard_id: 0,
        attempt: 0,
        rows: 2,
        keys: None,
        written: Written::Objects(Uploaded {
            whole: vec![
                ("00000.tar".to_owned(), content.into()),
                ("00000.parquet".to_owned(), content.into()),
            ],
            ..Uploaded::default()
        }),
        stream_bytes: 0,
        stats: (Part::Mark.file_name(0, 5), mark()),
    }
}

async fn content(run: &Run, name: &str) -> Option<String> {
    let got = run
        .place
        .objects
        .get(&run.place.key(name))
        .await
        .expect("memory");
    got.map(|(bytes, _)| String::from_utf8_lossy(&bytes).into_owned())
}

async fn claims(run: &Run) -> usize {
    run.place
        .objects
        .list(&run.place.claims())
        .await
        .expect("memory")
        .objects
        .len()
}

async fn put(run: &Run, name: &str, content: &'static str) {
    let key = run.place.key(name);
    let put = run.place.objects.put(&key, content, Put::Create);
    put.await.expect("memory");
}

/// The claim on the shard.
async fn held(run: &Run) -> Claim {
    match run.claim("00000").await.expect("memory") {
        Taken::Held(claim) => claim,
        Taken::Elsewhere => panic!("nobody else has it"),
    }
}

/// Everything below the dataset's folder.
async fn left(run: &Run) -> Vec<String> {
    let left = run.place.objects.list_all(run.place.root()).await;
    left.expect("memory")
        .into_iter()
        .map(|entry| entry.key)
        .collect()
}

#[test]
fn a_shard_is_published_and_its_claim_goes() {
    run(async {
        let one = begin("memory://published", false).await;
        assert!(!one.is_done(0).await.expect("memory"));
        let published = one.publish(shard("mine")).await.expect("published");
        assert_eq!(published, Committed::Here);
        assert!(one.is_done(0).await.expect("memory"));
        assert_eq!(claims(&one).await, 0);
        one.sweep().await.expect("swept");
        let left = left(&one).await;
        assert_eq!(left.len(), 3, "two files and a mark: {left:?}");
    });
}

#[test]
fn of_two_runs_one_publishes_and_the_other_drops_its_files() {
    run(async {
        let one = begin("memory://two", true).await;
        let two = begin("memory://two", true).await;
        let (first, second) =
            futures_util::future::join(one.publish(shard("one")), two.publish(shard("two"))).await;
        let results = [first.expect("published"), second.expect("published")];
        assert!(results.contains(&Committed::Here) && results.contains(&Committed::Elsewhere));
        let tar = content(&one, "00000.tar").await;
        assert_eq!(
            tar,
            content(&one, "00000.parquet").await,
            "files of one run"
        );
        assert_eq!(claims(&one).await, 0);
    });
}

#[test]
fn what_somebody_else_put_there_stays() {
    run(async {
        let one = begin("memory://foreign", false).await;
        put(&one, "00000.parquet", "theirs").await;
        let error = one.publish(shard("mine")).await.expect_err("refused");
        assert_eq!(error.kind, Kind::Conflict);
        assert_eq!(
            content(&one, "00000.parquet").await.as_deref(),
            Some("theirs")
        );
        assert_eq!(content(&one, "00000.tar").await, None);
        assert_eq!(claims(&one).await, 0);
    });
}

#[test]
fn what_a_dead_run_left_is_replaced_under_the_next_generation() {
    run(async {
        let dead = begin("memory://dead", false).await;
        let claim = held(&dead).await;
        assert_eq!(claim.generation(), 0);
        put(&dead, "00000.tar", "half").await;
        die(&dead).await;
        let next = begin("memory://dead", false).await;
        assert_eq!(
            next.publish(shard("whole")).await.expect("published"),
            Committed::Here
        );
        assert_eq!(content(&next, "00000.tar").await.as_deref(), Some("whole"));
        assert_eq!(claims(&next).await, 0);
    });
}

#[test]
fn a_run_that_was_taken_for_dead_publishes_nothing_further() {
    run(async {
        let late = begin("memory://late", true).await;
        let mut claim = held(&late).await;
        assert!(claim.holds(&late).await.expect("memory"));
        die(&late).await;
        let next = begin("memory://late", true).await;
        assert_eq!(
            next.publish(shard("next")).await.expect("published"),
            Committed::Here
        );
        // It wakes: its own claim is an old one, and the shard is done.
        assert_eq!(
            late.publish(shard("late")).await.expect("seen"),
            Committed::Elsewhere
        );
        assert_eq!(content(&next, "00000.tar").await.as_deref(), Some("next"));
    });
}

#[test]
fn a_run_ends_without_a_trace_of_what_it_did_not_publish() {
    run(async {
        let one = begin("memory://trace", false).await;
        let upload = one
            .writing()
            .begin_upload(&one.place.key("00000.tar"))
            .await
            .expect("memory");
        one.state().uploads.insert(upload.id.clone(), upload);
        let _ = held(&one).await;
        put(&one, "00000.tar", "half").await;
        one.sweep().await.expect("swept");
        let left = left(&one).await;
        assert!(left.is_empty(), "{left:?}");
    });
}

#[test]
fn memory_keeps_conditions() {
    run(async {
        let one = begin("memory://probe", true).await;
        assert!(one.keeps_conditions().await.expect("memory"));
        one.sweep().await.expect("swept");
        assert_eq!(left(&one).await, Vec::<String>::new());
    });
}

#[test]
fn what_came_before_the_claim_is_somebody_elses_however_the_run_ends() {
    run(async {
        let one = begin("memory://came", false).await;
        put(&one, "00000.parquet", "theirs").await;
        let error = one.publish(shard("mine")).await.expect_err("refused");
        assert_eq!(error.kind, Kind::Conflict);
        // No claim says that it is a run's: neither this run's end nor the next run removes it.
        assert_eq!(claims(&one).await, 0);
        one.sweep().await.expect("swept");
        assert_eq!(left(&one).await, ["came/00000.parquet"]);
    });
}

#[test]
fn a_loose_file_that_came_after_the_claim_stays_and_the_runs_own_go() {
    run(async {
        let one = begin_as("memory://loose", false, OutputFormat::Files).await;
        let claimed = one.claim_loose("00000").await.expect("memory");
        let Loose::Claimed(_, files) = claimed else {
            panic!("nobody else has it");
        };
        put(&one, "00000/000000001.jpg", "theirs").await;
        for (name, is_new) in [
            ("00000/000000000.jpg", true),
            ("00000/000000001.jpg", false),
        ] {
            files.begin(name);
            let key = one.place.key(name);
            let result = one.put_same(&one.writing(), &key, "ours".into()).await;
            files.end(name, &result);
            assert_eq!(result.is_ok(), is_new, "{name}");
        }
        one.sweep().await.expect("swept");
        assert_eq!(left(&one).await, ["loose/00000/000000001.jpg"]);
    });
}
