//! Shards that are staged on a disk: what of them comes to the store, what waits, and that nothing stays.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc;

use futures_util::FutureExt;
use tempfile::TempDir;
use turbo2ds_writers::OutputFormat;

use super::staged::StagedFile;
use super::testing::{place, run};
use super::*;
use crate::dataset::sealed::Written;
use crate::dataset::testing::shape;

fn config(folder: &Path, bytes_max: u64) -> StagingConfig {
    StagingConfig {
        folder: folder.to_owned(),
        bytes_max: Some(bytes_max),
    }
}

fn shards(folder: &TempDir, word: &str) -> StagedShards {
    StagedShards::open(&config(folder.path(), 1 << 30), word).expect("a folder")
}

fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).expect("the folder");
    let mut names: Vec<_> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// A run on a dataset, without its opening, whose shards are staged in `folder`.
fn staging_run(url: &str, folder: &TempDir) -> Arc<Run> {
    let url = url.to_owned();
    let begun = run(async move {
        let run = Run::new(place(&url), false, Some(shape(OutputFormat::Webdataset)));
        let lease = Lease::begin(run.place.clone(), run.word.clone(), true).await;
        let _ = run.lease.set(lease.expect("a lease"));
        Arc::new(run)
    });
    begun
        .stage(&config(folder.path(), 1 << 30))
        .expect("staged");
    begun
}

/// A sealed shard whose stream has this content, padded as on a disk.
fn sealed(run: &Run, content: &[u8]) -> (SealedShard, PathBuf) {
    let shards = run.staged.get().expect("staged").clone();
    let path = shards.for_attempt(0).temporary("00000.tar");
    let padded = [content, &[0; 100]].concat();
    fs::write(&path, &padded).expect("room");
    let mut file = StagedFile::new("00000.tar", path.clone(), shards);
    file.seal(padded.len() as u64);
    let mut shard = tests::shard("");
    shard.stream_bytes = content.len() as u64;
    shard.written = Written::Objects(Uploaded {
        staged: Some(Box::new(file)),
        whole: vec![("00000.parquet".to_owned(), b"table".to_vec())],
        ..Uploaded::default()
    });
    (shard, path)
}

fn check_published(url: &str, bytes: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let run_ = staging_run(url, &folder);
    let content: Vec<u8> = (0..bytes).map(|at| (at / 7 + at) as u8).collect();
    let (shard, path) = sealed(&run_, &content);
    let published = RemotePublisher(run_.clone()).publish(shard);
    assert_eq!(published.expect("memory"), Committed::Here);
    assert!(!path.exists());
    let key = run_.place.key("00000.tar");
    let got = run_
        .place
        .objects
        .wait(|objects| async move { objects.get(&key).await });
    let (got, _) = got.expect("memory").expect("the stream");
    assert!(got == content, "{} of {bytes} bytes", got.len());
    let done = run_.clone();
    assert!(run(async move { done.is_done(0).await }).expect("memory"));
    run_.unstage_all();
    assert!(names(&folder).is_empty(), "{:?}", names(&folder));
}

#[test]
fn a_staged_stream_of_many_parts_is_published_whole_and_without_padding() {
    check_published("memory://staged-large", (40 << 20) + 12_345);
}

#[test]
fn a_staged_stream_of_one_part_is_published_whole_and_without_padding() {
    check_published("memory://staged-small", 5000);
    check_published("memory://staged-edge", 8 << 20);
}

#[test]
fn a_staged_stream_that_cannot_be_read_is_the_disks_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let run_ = staging_run("memory://staged-lost", &folder);
    let (shard, path) = sealed(&run_, &[1; 20 << 20]);
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_len(9 << 20))
        .expect("it is there");
    let Err((shown, error)) = RemotePublisher(run_.clone()).publish(shard) else {
        panic!("half of it is gone");
    };
    assert_eq!(
        (shown, error.kind()),
        (path, std::io::ErrorKind::UnexpectedEof)
    );
    let done = run_.clone();
    assert!(!run(async move { done.is_done(0).await }).expect("memory"));
}

#[test]
fn a_dead_runs_shards_go_and_a_living_ones_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("turbo2ds-theirs.lock"), "theirs").expect("room");
    let living = shards(&folder, "00000000000a");
    let file = living.for_attempt(0).temporary("00000.tar");
    fs::write(&file, "growing").expect("room");
    // What a run leaves that is killed: a folder, and a lock that nobody holds.
    let dead = folder.path().join("turbo2ds-00000000000b");
    fs::create_dir(&dead).expect("room");
    fs::write(dead.join(".00000.tar.00000000000b0000.part"), "half").expect("room");
    fs::write(dead.with_extension("lock"), "").expect("room");
    let next = shards(&folder, "00000000000c");
    assert!(file.exists());
    assert!(!dead.exists() && !dead.with_extension("lock").exists());
    next.remove();
    living.remove();
    assert_eq!(names(&folder), ["turbo2ds-theirs.lock"]);
}

#[test]
fn a_new_shard_waits_while_too_much_is_staged() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path(), 1000);
    let shards = Arc::new(StagedShards::open(&config, "00000000000d").expect("a folder"));
    let (post, mailbox) = mpsc::channel();
    let replies = Rc::new(StoreReplies::new(move |reply| {
        let _ = post.send(reply);
    }));
    assert!(matches!(
        shards.make_room(&replies).now_or_never(),
        Some(Ok(()))
    ));
    let mut file = StagedFile::new("00000.tar", folder.path().join("x"), shards.clone());
    file.seal(1001);
    let mut waiting = Box::pin(shards.make_room(&replies));
    assert!((&mut waiting).now_or_never().is_none());
    drop(file);
    replies.take(mailbox.try_recv().expect("an answer"));
    assert!(matches!(waiting.now_or_never(), Some(Ok(()))));
    // The end of the run lets none begin.
    let mut file = StagedFile::new("00001.tar", folder.path().join("y"), shards.clone());
    file.seal(1001);
    let mut waiting = Box::pin(shards.make_room(&replies));
    assert!((&mut waiting).now_or_never().is_none());
    shards.close(Duration::ZERO);
    replies.take(mailbox.try_recv().expect("an answer"));
    assert!(matches!(waiting.now_or_never(), Some(Err(_))));
}
