//! Owns how each store's server is started: its program, its arguments and the files it reads. Never waits for
//! one.

use std::io;
use std::path::{Path, PathBuf};

use super::StoreKind;
use super::process::free_ports;

/// The account that azurite knows without being told; its key is published.
pub(super) const AZURE_ACCOUNT: &str = "devstoreaccount1";
pub(super) const AZURE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Keys that may do everything, and keys that may read; servers of S3 are told them where they check any.
pub(super) const OWNER: (&str, &str) = ("turboowner", "owner-secret-0123456789");
pub(super) const READER: (&str, &str) = ("turboreader", "reader-secret-0123456789");

/// A server's command line and where it will listen.
pub(super) struct Plan {
    pub(super) command: Vec<String>,
    /// Where clients go.
    pub(super) port: u16,
    /// Where clients of a second protocol go, if there is one.
    pub(super) second_port: Option<u16>,
}

impl StoreKind {
    /// The program without which the server is not installed.
    pub(super) fn program(self) -> PathBuf {
        let python = root().join(".venv-stores");
        match self {
            Self::Moto => python.join("bin/moto_server"),
            Self::SeaweedFs => python.join("bin/weed"),
            Self::Azurite => root().join(".npm-stores/node_modules/azurite/dist/src/blob/main.js"),
            Self::GcsDouble => "/proc/self/exe".into(),
            Self::CephRgw => "/usr/bin/radosgw".into(),
            Self::Hdfs | Self::WebHdfs => python.join("hdfs"),
            Self::S3sFs => python.join("bin/s3s-fs"),
            Self::Rclone => python.join("bin/rclone"),
        }
    }

    /// The command line of a server that keeps what it has in `folder`.
    pub(super) fn plan(self, folder: &Path) -> io::Result<Plan> {
        let data = folder.join("data");
        std::fs::create_dir_all(&data)?;
        let (program, data) = (text(&self.program()), text(&data));
        match self {
            Self::Moto => {
                let [port] = free_ports()?;
                let line = format!("-H 127.0.0.1 -p {port}");
                Ok(Plan::new(port, [program], &line))
            }
            Self::SeaweedFs => seaweedfs(program, &data, folder),
            Self::Azurite => {
                let [port] = free_ports()?;
                let line = format!(
                    "--blobHost 127.0.0.1 --blobPort {port} --inMemoryPersistence --skipApiVersionCheck --silent \
                     --disableTelemetry"
                );
                let node = text(&root().join(".venv-stores/bin/node"));
                Ok(Plan::new(port, [node, program], &line))
            }
            Self::GcsDouble => Err(io::ErrorKind::Unsupported.into()),
            Self::CephRgw => {
                let [port, one, two] = free_ports()?;
                let (key, secret) = OWNER;
                let line = format!("{data} {port} {one} {two} {key} {secret}");
                Ok(Plan::new(port, [script("ceph")], &line))
            }
            Self::Hdfs | Self::WebHdfs => {
                let [rpc, http, data_port, data_http, data_rpc] = free_ports()?;
                let line =
                    format!("{program} {data} {rpc} {http} {data_port} {data_http} {data_rpc}");
                let mut plan = Plan::new(rpc, [script("hdfs")], &line);
                plan.second_port = Some(http);
                Ok(plan)
            }
            Self::S3sFs => {
                let [port] = free_ports()?;
                let (key, secret) = OWNER;
                std::fs::create_dir_all(format!("{data}/data"))?;
                let line = format!(
                    "--host 127.0.0.1 --port {port} --access-key {key} --secret-key {secret} {data}"
                );
                Ok(Plan::new(port, [program], &line))
            }
            Self::Rclone => {
                let [port] = free_ports()?;
                let (key, secret) = OWNER;
                let line =
                    format!("serve s3 --addr 127.0.0.1:{port} --auth-key {key},{secret} {data}");
                Ok(Plan::new(port, [program], &line))
            }
        }
    }
}

impl Plan {
    /// Words before a line that is split at its blanks.
    fn new<const N: usize>(port: u16, first: [String; N], line: &str) -> Self {
        let rest = line.split(' ').map(str::to_owned);
        Self {
            command: first.into_iter().chain(rest).collect(),
            port,
            second_port: None,
        }
    }
}

fn seaweedfs(program: String, data: &str, folder: &Path) -> io::Result<Plan> {
    let identity = |name: &str, (key, secret): (&str, &str), actions: &[&str]| {
        serde_json::json!({
            "name": name,
            "credentials": [{"accessKey": key, "secretKey": secret}],
            "actions": actions,
        })
    };
    let identities = serde_json::json!({"identities": [
        identity("owner", OWNER, &["Admin", "Read", "List", "Tagging", "Write"]),
        identity("reader", READER, &["Read", "List"]),
    ]});
    let config = folder.join("s3.json");
    std::fs::write(&config, identities.to_string())?;
    let [
        s3,
        s3_rpc,
        master,
        master_rpc,
        volume,
        volume_rpc,
        filer,
        filer_rpc,
    ] = free_ports()?;
    let line = format!(
        "server -ip=127.0.0.1 -ip.bind=127.0.0.1 -dir={data} -master.telemetry=false \
         -master.port={master} -master.port.grpc={master_rpc} -master.volumeSizeLimitMB=64 -volume.max=0 \
         -volume.port={volume} -volume.port.grpc={volume_rpc} \
         -filer.port={filer} -filer.port.grpc={filer_rpc} -filer.localSocket={data}/filer.sock \
         -s3 -s3.port={s3} -s3.port.grpc={s3_rpc} -s3.port.iceberg=0 -s3.port.lance=0 -s3.config={} \
         -s3.localSocket={data}/s3.sock -s3.autoCreateBucket=false",
        text(&config)
    );
    Ok(Plan::new(s3, [program], &line))
}

/// The workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn script(name: &str) -> String {
    text(
        &Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("stores")
            .join(name),
    )
}

/// Paths of this repository and of temporary folders, whose names are UTF-8 and have no blank.
fn text(path: &Path) -> String {
    path.display().to_string()
}
