//! Owns what a client is told of a server: URLs and the environment. Never has a key of a real account.

use super::servers::{AZURE_ACCOUNT, AZURE_KEY, OWNER, READER};
use super::{BUCKET, StoreKind, StoreServer};

impl StoreServer {
    /// A place in its bucket, as the command line takes it.
    pub fn url(&self, prefix: &str) -> String {
        match self.kind {
            StoreKind::Azurite => format!("az://{BUCKET}/{prefix}"),
            StoreKind::GcsDouble => format!("gs://{BUCKET}/{prefix}"),
            StoreKind::Hdfs => format!("hdfs://127.0.0.1:{}/{BUCKET}/{prefix}", self.port),
            StoreKind::WebHdfs => {
                let port = self.second_port.unwrap_or(self.port);
                format!("webhdfs://127.0.0.1:{port}/{BUCKET}/{prefix}")
            }
            _ => format!("s3://{BUCKET}/{prefix}"),
        }
    }

    /// The environment in which a client finds it, with keys that may do everything.
    pub fn env(&self) -> Vec<(String, String)> {
        self.env_through(self.port)
    }

    /// The same for clients that go to another port of 127.0.0.1, where a proxy stands before it.
    pub fn env_through(&self, port: u16) -> Vec<(String, String)> {
        let own = match self.kind {
            StoreKind::Azurite => vec![(
                "AZURE_STORAGE_CONNECTION_STRING",
                format!(
                    "DefaultEndpointsProtocol=http;AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY};\
                     BlobEndpoint=http://127.0.0.1:{port}/{AZURE_ACCOUNT};"
                ),
            )],
            StoreKind::GcsDouble => {
                vec![("STORAGE_EMULATOR_HOST", format!("http://127.0.0.1:{port}"))]
            }
            StoreKind::Hdfs | StoreKind::WebHdfs => {
                vec![("HADOOP_USER_NAME", "turbo".to_owned())]
            }
            _ => s3(port, OWNER),
        };
        self.isolated(own)
    }

    /// The environment of a client that may read and list and nothing else; `None` where the server has no such
    /// rights.
    pub fn env_of_reader(&self) -> Option<Vec<(String, String)>> {
        (self.kind == StoreKind::SeaweedFs).then(|| self.isolated(s3(self.port, READER)))
    }

    /// The environment with a key that the server does not know; `None` where it would not mind.
    pub fn env_of_stranger(&self) -> Option<Vec<(String, String)>> {
        if !self.kind.checks_keys() {
            return None;
        }
        let mut env = self.env();
        // Azure's keys are Base64.
        let wrong = "d3Jvbmcta2V5LXdyb25nLWtleQ==";
        for (_, value) in &mut env {
            *value = value.replace(OWNER.1, wrong).replace(AZURE_KEY, wrong);
        }
        Some(env)
    }

    /// What the machine's own user has configured is out of sight.
    fn isolated(&self, own: Vec<(&str, String)>) -> Vec<(String, String)> {
        let home = self.folder.path().display().to_string();
        let mut env: Vec<_> = own
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        env.push(("HOME".to_owned(), home));
        env.push(("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned()));
        env
    }
}

fn s3(port: u16, (key, secret): (&str, &str)) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
        ("AWS_ACCESS_KEY_ID", key.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
    ]
}
