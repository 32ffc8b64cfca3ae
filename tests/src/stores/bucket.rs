//! Owns looking into a store and writing to it without the product, by a public library of clients. Never tries a
//! request twice: it has no proxy before it.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::Arc;

use futures_util::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{ClientOptions, Error, ObjectStore, ObjectStoreExt, Result};
use tokio::runtime::Runtime;

use super::servers::{AZURE_ACCOUNT, AZURE_KEY, OWNER};
use super::{BUCKET, StoreKind, StoreServer, signed};

/// A client of a server's bucket. Keys are whole paths in it.
pub struct Bucket<'a> {
    server: &'a StoreServer,
    store: Arc<dyn ObjectStore>,
    /// What stands before every key: HDFS has folders and no buckets.
    root: &'static str,
    runtime: Runtime,
}

impl<'a> Bucket<'a> {
    pub(super) fn of(server: &'a StoreServer) -> Self {
        // A process has one; another client may have chosen the same before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let is_hdfs = matches!(server.kind, StoreKind::Hdfs | StoreKind::WebHdfs);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        Self {
            server,
            store: open(server).expect("the options are right"),
            root: if is_hdfs { BUCKET } else { "" },
            runtime: runtime.expect("a thread can be started"),
        }
    }

    /// Keys below a prefix, which ends at a slash, with their sizes in bytes. Keys are told without it.
    ///
    /// # Panics
    /// On a store's error, as every method but those that try.
    pub fn list(&self, prefix: &str) -> BTreeMap<String, u64> {
        let path = self.path(prefix);
        let found: Vec<_> = self
            .runtime
            .block_on(self.store.list(Some(&path)).try_collect())
            .unwrap_or_else(|error| panic!("list {prefix}: {error}"));
        let below = format!("{path}/");
        found
            .into_iter()
            .filter_map(|object| {
                let key = object.location.as_ref().strip_prefix(&below)?.to_owned();
                Some((key, object.size))
            })
            .collect()
    }

    /// An object's bytes; `None` where there is none.
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        let path = self.path(key);
        let read = async { self.store.get(&path).await?.bytes().await };
        match self.runtime.block_on(read) {
            Ok(bytes) => Some(bytes.to_vec()),
            Err(Error::NotFound { .. }) => None,
            Err(error) => panic!("get {key}: {error}"),
        }
    }

    /// Writes an object, also over another.
    pub fn put(&self, key: &str, content: impl AsRef<[u8]>) {
        self.try_put(key, content.as_ref())
            .unwrap_or_else(|error| panic!("put {key}: {error}"));
    }

    pub(super) fn try_put(&self, key: &str, content: &[u8]) -> Result<()> {
        let (path, content) = (self.path(key), content.to_vec());
        let put = self.store.put(&path, content.into());
        self.runtime.block_on(put).map(drop)
    }

    /// Removes an object.
    pub fn delete(&self, key: &str) {
        self.try_delete(key)
            .unwrap_or_else(|error| panic!("delete {key}: {error}"));
    }

    pub(super) fn try_delete(&self, key: &str) -> Result<()> {
        self.runtime.block_on(self.store.delete(&self.path(key)))
    }

    /// Uploads below a prefix that were begun and not ended, keys and identities; `None` where the store does not
    /// tell.
    pub fn unfinished(&self, prefix: &str) -> Option<Vec<(String, String)>> {
        match self.server.kind {
            StoreKind::Moto | StoreKind::SeaweedFs | StoreKind::CephRgw | StoreKind::GcsDouble => {}
            _ => return None,
        }
        let found = signed::uploads(self.server, BUCKET)
            .unwrap_or_else(|error| panic!("uploads below {prefix}: {error}"));
        Some(
            found
                .into_iter()
                .filter(|(key, _)| key.trim_start_matches('/').starts_with(prefix))
                .collect(),
        )
    }

    /// Begins an upload, sends a part of it and leaves it.
    pub fn leave_unfinished(&self, key: &str) {
        let path = self.path(key);
        self.runtime.block_on(async {
            let mut upload = self.store.put_multipart(&path).await.expect("it begins");
            let part = vec![7; 5 << 20];
            upload.put_part(part.into()).await.expect("a part is taken");
        });
    }

    /// Copies what is below a prefix into a folder of this machine, for readers of files.
    pub fn copy_to(&self, prefix: &str, folder: &FilePath) {
        for key in self.list(prefix).into_keys() {
            let to = folder.join(&key);
            let content = self.get(&format!("{}/{key}", prefix.trim_end_matches('/')));
            let parent = to.parent().expect("a file is in a folder");
            std::fs::create_dir_all(parent).expect("a folder can be made");
            std::fs::write(&to, content.unwrap_or_default()).expect("a file can be written");
        }
    }

    fn path(&self, key: &str) -> Path {
        let whole = format!("{}/{key}", self.root);
        Path::parse(whole.trim_matches('/')).expect("tests' keys are paths")
    }
}

fn open(server: &StoreServer) -> Result<Arc<dyn ObjectStore>> {
    let endpoint = format!("http://127.0.0.1:{}", server.port);
    let client = ClientOptions::new().with_allow_http(true);
    Ok(match server.kind {
        StoreKind::Azurite => Arc::new(
            MicrosoftAzureBuilder::new()
                .with_client_options(client)
                .with_endpoint(format!("{endpoint}/{AZURE_ACCOUNT}"))
                .with_account(AZURE_ACCOUNT)
                .with_access_key(AZURE_KEY)
                .with_container_name(BUCKET)
                .build()?,
        ),
        StoreKind::GcsDouble => {
            let account = serde_json::json!({
                "gcs_base_url": endpoint,
                "disable_oauth": true,
                "client_email": "",
                "private_key": "",
                "private_key_id": "",
            });
            Arc::new(
                GoogleCloudStorageBuilder::new()
                    .with_client_options(client)
                    .with_service_account_key(account.to_string())
                    .with_bucket_name(BUCKET)
                    .build()?,
            )
        }
        StoreKind::Hdfs | StoreKind::WebHdfs => Arc::new(
            hdfs_native_object_store::HdfsObjectStoreBuilder::new()
                .with_url(format!("hdfs://127.0.0.1:{}", server.port))
                .build()?,
        ),
        _ => Arc::new(
            AmazonS3Builder::new()
                .with_client_options(client)
                .with_endpoint(endpoint)
                .with_region("us-east-1")
                .with_access_key_id(OWNER.0)
                .with_secret_access_key(OWNER.1)
                .with_bucket_name(BUCKET)
                .build()?,
        ),
    })
}
