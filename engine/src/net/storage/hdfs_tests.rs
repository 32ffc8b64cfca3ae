//! Tests of the store and of the uploads on Hadoop file systems, over one that is in memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload, Result,
};

use super::error::Kind;
use super::hdfs_double::Memory;
use super::hdfs_error::kind_of_hdfs;
use super::hdfs_files::temporary;
use super::hdfs_store::FileStore;
use super::hdfs_upload::FileParts;
use super::upload::Parts;

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(test)
}

fn path(key: &str) -> Path {
    Path::parse(key).expect("a key")
}

fn kind<T>(result: Result<T>) -> Option<Kind> {
    kind_of_hdfs(&result.err().expect("an error"))
}

async fn put(
    parts: &FileParts,
    key: &str,
    id: &str,
    index: usize,
    text: &'static str,
) -> Result<PartId> {
    parts
        .put(&path(key), id, index, PutPayload::from(text))
        .await
}

fn ids(count: usize) -> Vec<PartId> {
    let id = |index: usize| PartId {
        content_id: index.to_string(),
    };
    (0..count).map(id).collect()
}

#[test]
fn one_of_many_racers_creates_a_file_and_no_other_leaves_one() {
    run(async {
        for round in 0..40 {
            let memory = Memory::default();
            let store = FileStore(Arc::new(memory.clone()));
            let key = path("claims/0");
            let racers = (0..16_u8).map(|racer| {
                let content = PutPayload::from(vec![racer; 3]);
                store.put_opts(&key, content, PutMode::Create.into())
            });
            let results = join_all(racers).await;
            let winners: Vec<_> = (0..16_u8)
                .filter(|racer| results[usize::from(*racer)].is_ok())
                .collect();
            assert_eq!(winners.len(), 1, "round {round}");
            for lost in results.into_iter().filter(Result::is_err) {
                assert_eq!(kind(lost), Some(Kind::Conflict));
            }
            let disk = memory.disk();
            let files: Vec<_> = disk.files.iter().collect();
            assert_eq!(files.len(), 1, "{files:?}");
            assert_eq!(files[0].1.0, vec![winners[0]; 3]);
        }
    });
}

#[test]
fn a_file_that_is_replaced_has_another_version() {
    run(async {
        let memory = Memory::default();
        let store = FileStore(Arc::new(memory.clone()));
        let key = path("a/b");
        store.put(&key, "one".into()).await.expect("a write");
        let version = store.head(&key).await.expect("a file").e_tag;
        let old = GetOptions {
            if_match: version,
            ..GetOptions::default()
        };
        assert!(store.get_opts(&key, old.clone()).await.is_ok());
        store.put(&key, "two".into()).await.expect("a write");
        let error = store
            .get_opts(&key, old)
            .await
            .expect_err("another version");
        assert!(matches!(error, Error::Precondition { .. }), "{error}");
        let range = store.get_range(&key, 1..9).await.expect("a range");
        assert_eq!(range, "wo");
        // Replaced between the look and the read: the bytes are of neither.
        memory.disk().replacement = Some(b"ten".to_vec());
        assert_eq!(kind(store.get(&key).await), Some(Kind::Away));
        let got = store.get(&key).await.expect("a file");
        assert_eq!(got.bytes().await.expect("bytes"), "ten");
    });
}

#[test]
fn a_new_file_that_is_removed_as_unfinished_is_written_again() {
    run(async {
        let memory = Memory::default();
        let store = FileStore(Arc::new(memory.clone()));
        let key = path("a/b");
        let written = store.put(&key, "one".into());
        let sweep = async {
            // The first write waits once before its rename.
            while memory.disk().files.is_empty() {
                tokio::task::yield_now().await;
            }
            memory.disk().files.clear();
        };
        let (written, ()) = futures_util::join!(written, sweep);
        assert_eq!(kind(written), Some(Kind::Away));
        assert!(store.put(&key, "one".into()).await.is_ok());
    });
}

#[test]
fn parts_in_any_order_and_again_make_one_object() {
    run(async {
        let memory = Memory::default();
        let parts = FileParts::new(Arc::new(memory.clone()));
        let key = path("out/0.tar");
        let id = parts.begin(&key).await.expect("an upload");
        for (index, text) in [(2, "c"), (0, "a"), (0, "a"), (3, "d"), (1, "b"), (2, "c")] {
            put(&parts, "out/0.tar", &id, index, text)
                .await
                .expect("a part");
        }
        // Not there before its end.
        assert!(memory.disk().status("out/0.tar").is_none());
        let short = parts.complete(&key, &id, ids(5)).await;
        assert_eq!(kind(short), Some(Kind::NoUpload));
        parts.complete(&key, &id, ids(4)).await.expect("an object");
        let disk = memory.disk();
        assert_eq!(disk.files.len(), 1);
        assert_eq!(disk.files["out/0.tar"].0, b"abcd");
    });
}

#[test]
fn an_upload_whose_writer_fails_is_lost() {
    run(async {
        let memory = Memory::default();
        let parts = FileParts::new(Arc::new(memory.clone()));
        let key = path("0.tar");
        let id = parts.begin(&key).await.expect("an upload");
        memory.disk().writes = Some(1);
        put(&parts, "0.tar", &id, 0, "a").await.expect("a part");
        for _ in 0..2 {
            assert_eq!(
                kind(put(&parts, "0.tar", &id, 1, "b").await),
                Some(Kind::NoUpload)
            );
        }
        memory.disk().writes = None;
        // The node is back, but what it has of the part is not known.
        assert_eq!(
            kind(put(&parts, "0.tar", &id, 1, "b").await),
            Some(Kind::NoUpload)
        );
        assert_eq!(
            kind(parts.complete(&key, &id, ids(1)).await),
            Some(Kind::NoUpload)
        );
        parts.abort(&key, &id).await.expect("its file");
        assert!(memory.disk().files.is_empty());
        assert_eq!(
            kind(put(&parts, "0.tar", &id, 1, "b").await),
            Some(Kind::NoUpload)
        );
    });
}

#[test]
fn an_upload_never_replaces_an_object() {
    run(async {
        let memory = Memory::default();
        let parts = FileParts::new(Arc::new(memory.clone()));
        let key = path("0.tar");
        let id = parts.begin(&key).await.expect("an upload");
        put(&parts, "0.tar", &id, 0, "late").await.expect("a part");
        memory.disk().write("0.tar", b"first".to_vec());
        for _ in 0..2 {
            assert_eq!(
                kind(parts.complete(&key, &id, ids(1)).await),
                Some(Kind::Conflict)
            );
        }
        assert_eq!(memory.disk().files["0.tar"].0, b"first");
    });
}

#[test]
fn an_upload_that_another_process_ends_is_gone() {
    run(async {
        let memory = Memory::default();
        let mine = FileParts::new(Arc::new(memory.clone()));
        let theirs = FileParts::new(Arc::new(memory.clone()));
        let key = path("out/0.tar");
        let id = mine.begin(&key).await.expect("an upload");
        put(&mine, "out/0.tar", &id, 0, "a").await.expect("a part");
        for other in ["out/.x", "output/1"] {
            memory.disk().write(other, b"x".to_vec());
        }
        memory
            .disk()
            .write(&temporary("output/2", "0123456789abcdef"), Vec::new());
        let found = theirs.unfinished(&path("out")).await.expect("a list");
        let found = found.expect("it can tell");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].key.as_str(), found[0].id.as_str()),
            ("out/0.tar", id.as_str())
        );
        assert!(found[0].since.is_some());
        theirs
            .abort(&path(&found[0].key), &found[0].id)
            .await
            .expect("its file");
        assert_eq!(
            kind(put(&mine, "out/0.tar", &id, 1, "b").await),
            Some(Kind::NoUpload)
        );
        assert_eq!(
            kind(mine.complete(&key, &id, ids(1)).await),
            Some(Kind::NoUpload)
        );
        // What is no word of ours is no name of a file.
        assert_eq!(kind(theirs.abort(&key, "../x").await), Some(Kind::NoUpload));
    });
}

#[test]
fn files_that_are_being_written_are_not_listed() {
    run(async {
        let memory = Memory::default();
        for key in ["out/0.tar", "out/deep/1.tar", "output/2.tar"] {
            memory.disk().write(key, b"x".to_vec());
            memory
                .disk()
                .write(&temporary(key, "0123456789abcdef"), Vec::new());
        }
        let store = FileStore(Arc::new(memory));
        let keys = |prefix: &'static str| {
            let prefix = path(prefix);
            let all = store
                .list(Some(&prefix))
                .map_ok(|meta| meta.location.to_string());
            all.try_collect::<BTreeSet<_>>()
        };
        let all = keys("out").await.expect("a list");
        assert_eq!(Vec::from_iter(all), ["out/0.tar", "out/deep/1.tar"]);
        assert!(keys("none").await.expect("no list").is_empty());
        let level = store
            .list_with_delimiter(Some(&path("out")))
            .await
            .expect("a list");
        assert_eq!(level.objects.len(), 1);
        assert_eq!(level.common_prefixes, [path("out/deep")]);
    });
}
