//! The double through the client that it is made for.

use super::super::{StoreKind, StoreServer};
use futures_util::TryStreamExt;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{
    ClientOptions, Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, UpdateVersion,
};

fn client(port: u16) -> impl ObjectStore {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let account = format!(
        r#"{{"gcs_base_url": "http://127.0.0.1:{port}", "disable_oauth": true, "client_email": "",
            "private_key": "", "private_key_id": ""}}"#
    );
    GoogleCloudStorageBuilder::new()
        .with_client_options(ClientOptions::new().with_allow_http(true))
        .with_service_account_key(account)
        .with_bucket_name("data")
        .build()
        .unwrap()
}

fn run(test: impl AsyncFn(&dyn ObjectStore)) {
    let double = super::GcsDouble::start("data").unwrap();
    let store = client(double.port());
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test(&store));
}

#[test]
fn an_object_is_written_read_in_parts_and_removed() {
    run(async |store| {
        let key = Path::parse("a/odd name+ä&<x>.json").unwrap();
        store.put(&key, "0123456789".into()).await.unwrap();
        assert_eq!(
            store.get(&key).await.unwrap().bytes().await.unwrap(),
            "0123456789"
        );
        assert_eq!(store.get_range(&key, 2..5).await.unwrap(), "234");
        let last = GetOptions::new().with_range(Some(GetRange::Suffix(3)));
        let last = store.get_opts(&key, last).await.unwrap();
        assert_eq!(last.bytes().await.unwrap(), "789");
        assert_eq!(store.head(&key).await.unwrap().size, 10);
        store.delete(&key).await.unwrap();
        assert!(matches!(
            store.head(&key).await,
            Err(Error::NotFound { .. })
        ));
    });
}

#[test]
fn conditions_hold() {
    run(async |store| {
        let key = Path::from("claim");
        let first = store
            .put_opts(&key, "me".into(), PutMode::Create.into())
            .await
            .unwrap();
        let second = store
            .put_opts(&key, "you".into(), PutMode::Create.into())
            .await;
        assert!(matches!(second, Err(Error::AlreadyExists { .. })));
        let version = UpdateVersion::from(first);
        let update = |text: &'static str| {
            store.put_opts(&key, text.into(), PutMode::Update(version.clone()).into())
        };
        update("me again").await.unwrap();
        assert!(matches!(
            update("late").await,
            Err(Error::Precondition { .. })
        ));
        let other = GetOptions::new().with_if_match(Some("\"other\"".to_owned()));
        let read = store.get_opts(&key, other).await;
        assert!(matches!(read, Err(Error::Precondition { .. })));
    });
}

#[test]
fn of_many_that_create_one_key_one_wins() {
    run(async |store| {
        let key = Path::from("claim");
        let puts =
            (0..16u8).map(|who| store.put_opts(&key, vec![who].into(), PutMode::Create.into()));
        let results = futures_util::future::join_all(puts).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    });
}

#[test]
fn a_listing_has_pages_and_folders() {
    run(async |store| {
        for number in 0..1203 {
            let key = Path::from(format!("many/{number:05}"));
            store.put(&key, "x".into()).await.unwrap();
        }
        store
            .put(&Path::from("many/sub/x"), "xy".into())
            .await
            .unwrap();
        store.put(&Path::from("other"), "x".into()).await.unwrap();
        let folder = Path::from("many");
        let all: Vec<_> = store.list(Some(&folder)).try_collect().await.unwrap();
        assert_eq!(all.len(), 1204);
        let one = store.list_with_delimiter(Some(&folder)).await.unwrap();
        assert_eq!(one.objects.len(), 1203);
        assert_eq!(one.common_prefixes, [Path::from("many/sub")]);
        let after = Path::from("many/01200");
        let rest: Vec<_> = store
            .list_with_offset(Some(&folder), &after)
            .try_collect()
            .await
            .unwrap();
        assert_eq!(rest.len(), 3);
    });
}

#[test]
fn an_upload_is_seen_once_it_is_complete_and_listed_until_then() {
    let server = StoreServer::try_start(StoreKind::GcsDouble).unwrap();
    let bucket = server.bucket();
    bucket.leave_unfinished("out/left.tar");
    let left = bucket.unfinished("out/").unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].0, "out/left.tar");
    assert!(bucket.list("out").is_empty());
    let store = client(server.endpoint_port());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut upload = store
            .put_multipart(&Path::from("out/whole.tar"))
            .await
            .unwrap();
        upload.put_part(vec![1; 5 << 20].into()).await.unwrap();
        upload.put_part(vec![2; 3].into()).await.unwrap();
        upload.complete().await.unwrap();
        let mut upload = store
            .put_multipart(&Path::from("out/gone.tar"))
            .await
            .unwrap();
        upload.put_part(vec![1; 3].into()).await.unwrap();
        upload.abort().await.unwrap();
    });
    assert_eq!(bucket.list("out")["whole.tar"], (5 << 20) + 3);
    assert_eq!(bucket.unfinished("out/").unwrap().len(), 1);
}
