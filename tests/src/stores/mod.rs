//! Object stores on loopback for tests, for examples and for trials by hand.
//!
//! [`StoreServer`] starts one in a folder of its own and ends it. [`Bucket`] looks into it and writes to it
//! without the product. [`FaultProxy`] stands before it and fails. [`gcs`] is a double of Google Cloud Storage,
//! for which there is no server that a client could write to. Never leaves loopback.

mod access;
mod bucket;
pub mod fault_proxy;
pub mod gcs;
mod http1;
mod process;
mod servers;
mod signed;

use std::io;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use bucket::Bucket;
pub use fault_proxy::{Action, FaultProxy, Rule};
use gcs::GcsDouble;
use process::Group;
pub use process::free_ports;

/// The bucket or container that every server has; HDFS's folder.
pub const BUCKET: &str = "data";

/// How long a server may take to be ready, even on a busy machine.
const READY_MAX: Duration = Duration::from_secs(120);
/// Time between two looks whether it is.
const LOOK_EVERY: Duration = Duration::from_millis(40);
/// How often other ports are tried.
const STARTS_MAX: usize = 5;

/// The servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// S3 in Python's memory; checks no signature.
    Moto,
    /// S3 with users and rights.
    SeaweedFs,
    /// Azure Blob Storage in node's memory.
    Azurite,
    /// Google Cloud Storage in this process.
    GcsDouble,
    /// S3 of Ceph's gateway.
    CephRgw,
    /// HDFS by its own protocol: a name node and a data node.
    Hdfs,
    /// HDFS by HTTP.
    WebHdfs,
    /// S3 over a folder; lists no uploads, and a condition may let several writers pass.
    S3sFs,
    /// S3 over a folder; ignores every condition.
    Rclone,
}

impl StoreKind {
    /// All, those first that every test run meets.
    pub const ALL: [Self; 9] = [
        Self::Moto,
        Self::SeaweedFs,
        Self::Azurite,
        Self::GcsDouble,
        Self::CephRgw,
        Self::Hdfs,
        Self::WebHdfs,
        Self::S3sFs,
        Self::Rclone,
    ];

    /// Its name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Moto => "moto",
            Self::SeaweedFs => "seaweedfs",
            Self::Azurite => "azurite",
            Self::GcsDouble => "gcs",
            Self::CephRgw => "ceph",
            Self::Hdfs => "hdfs",
            Self::WebHdfs => "webhdfs",
            Self::S3sFs => "s3s-fs",
            Self::Rclone => "rclone",
        }
    }

    /// The server of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether every test run meets it; the others need `TURBO2DS_STORES=all`.
    pub const fn is_usual(self) -> bool {
        matches!(
            self,
            Self::Moto | Self::SeaweedFs | Self::Azurite | Self::GcsDouble
        )
    }

    /// Whether of several that create one key exactly one wins.
    pub const fn keeps_conditions(self) -> bool {
        !matches!(self, Self::S3sFs | Self::Rclone)
    }

    /// Whether it refuses a wrong key.
    pub const fn checks_keys(self) -> bool {
        matches!(
            self,
            Self::SeaweedFs | Self::Azurite | Self::CephRgw | Self::S3sFs | Self::Rclone
        )
    }

    /// Whether it speaks S3's protocol.
    pub const fn is_s3(self) -> bool {
        matches!(
            self,
            Self::Moto | Self::SeaweedFs | Self::CephRgw | Self::S3sFs | Self::Rclone
        )
    }

    /// Whether clients reach it by HTTP at one port, so that a [`FaultProxy`] can stand before it.
    pub const fn is_http(self) -> bool {
        !matches!(self, Self::Hdfs | Self::WebHdfs)
    }
}

/// Whether the servers that not every test run meets are asked for.
pub fn all_are_wanted() -> bool {
    std::env::var_os("TURBO2DS_STORES").is_some_and(|value| value == "all")
}

/// What a running server is made of.
enum Run {
    Group(Group),
    /// In this process, until it is dropped.
    Double {
        _server: GcsDouble,
    },
}

/// A server that runs until it is dropped. Its bucket is there and takes objects.
pub struct StoreServer {
    kind: StoreKind,
    port: u16,
    second_port: Option<u16>,
    /// Dropped before the folder it writes to.
    run: Run,
    folder: TempDir,
}

impl StoreServer {
    /// Starts a server, or says loudly why not: it is not asked for, or not installed.
    ///
    /// # Panics
    /// Where it is not installed though `CI` or `TURBO2DS_STORES` is set, or does not become ready.
    pub fn start(kind: StoreKind) -> Option<Self> {
        if !kind.is_usual() && !all_are_wanted() {
            eprintln!("SKIPPED: {} is met with TURBO2DS_STORES=all", kind.name());
            return None;
        }
        match Self::try_start(kind) {
            Ok(server) => Some(server),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let is_needed = ["CI", "TURBO2DS_STORES"]
                    .iter()
                    .any(|name| std::env::var_os(name).is_some());
                assert!(!is_needed, "{error}");
                eprintln!("SKIPPED: {error}");
                None
            }
            Err(error) => panic!("{}: {error}", kind.name()),
        }
    }

    /// Starts a server.
    ///
    /// # Errors
    /// `NotFound` with the command that installs it; else what it said.
    pub fn try_start(kind: StoreKind) -> io::Result<Self> {
        if !kind.program().exists() {
            let install = match kind.is_usual() {
                true => "make stores",
                false => "make stores-all",
            };
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("{} is not installed; `{install}` does it", kind.name()),
            ));
        }
        if kind == StoreKind::GcsDouble {
            let double = GcsDouble::start(BUCKET)?;
            return Ok(Self {
                kind,
                port: double.port(),
                second_port: None,
                run: Run::Double { _server: double },
                folder: tempfile::tempdir()?,
            });
        }
        let mut said = String::new();
        for _ in 0..STARTS_MAX {
            match Self::start_once(kind)? {
                Ok(server) => return Ok(server),
                // Another process may have taken one of the ports.
                Err(log) => said = log,
            }
        }
        Err(io::Error::other(format!("does not start: {said}")))
    }

    /// One try; what the server said if it has ended.
    fn start_once(kind: StoreKind) -> io::Result<Result<Self, String>> {
        let folder = tempfile::tempdir()?;
        let plan = kind.plan(folder.path())?;
        let server = Self {
            kind,
            port: plan.port,
            second_port: plan.second_port,
            run: Run::Group(Group::start(&plan.command, folder.path())?),
            folder,
        };
        let Run::Group(group) = &server.run else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let end = Instant::now() + READY_MAX;
        loop {
            let why = match server.make_ready() {
                Ok(()) => return Ok(Ok(server)),
                Err(error) => error,
            };
            if group.has_ended() {
                return Ok(Err(group.said()));
            }
            if Instant::now() > end {
                return Err(io::Error::other(format!(
                    "not ready: {why}; {}",
                    group.said()
                )));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Makes the bucket and tries an object in it.
    fn make_ready(&self) -> io::Result<()> {
        signed::make_bucket(self, BUCKET)?;
        let bucket = self.bucket();
        let probe = "ready";
        bucket.try_put(probe, b"yes").map_err(io::Error::other)?;
        bucket.try_delete(probe).map_err(io::Error::other)
    }

    /// Which server it is.
    pub const fn kind(&self) -> StoreKind {
        self.kind
    }

    /// The port of 127.0.0.1 at which clients reach it.
    pub const fn endpoint_port(&self) -> u16 {
        self.port
    }

    /// What a test looks into the store with, without the product.
    pub fn bucket(&self) -> Bucket<'_> {
        Bucket::of(self)
    }
}
