//! Owns the checked configuration of a run: what each option means. Never parses text:
//! [`crate::cli::options`] does, and no other module sees a raw option.

pub mod assignment;
pub mod choices;
mod location;
mod recorded;
mod storage;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use turbo2ds_codec::Settings;

use crate::http::Sender;
use crate::limits;
pub use assignment::{Assignment, AssignmentConfig};
pub use location::{Location, LocationError, StoreKind, StoreUrl};
pub use recorded::{RecordedOption, RecordedOptions};
pub use storage::{StorageConfig, StorageOptions};

/// Everything a run needs to know, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the rows come from.
    pub input: InputConfig,
    /// Where and how the dataset is written.
    pub output: OutputConfig,
    /// What happens to pixels.
    pub codec: Settings,
    /// Whether the EXIF column is filled.
    pub extract_exif: bool,
    /// How bytes are fetched.
    pub fetch: FetchConfig,
    /// How names are resolved.
    pub dns: DnsConfig,
    /// How stores are reached.
    pub storage: StorageConfig,
    /// How the machine is used.
    pub machine: MachineConfig,
    /// Decoding in separate processes; `None` decodes in the run's threads.
    pub isolation: Option<Isolation>,
    /// What a person sees.
    pub show: ShowConfig,
    /// The options written to the dataset's record. A resumed run must repeat those that decide.
    pub recorded: RecordedOptions,
}

/// What the decoding processes of a run have in common.
#[derive(Clone, Debug)]
pub struct Isolation {
    /// If no process can be isolated, the run ends instead of decoding in its own threads.
    pub required: bool,
    /// Largest body, bytes.
    pub body_bytes_max: usize,
}

/// Where rows come from and which columns matter.
#[derive(Clone, Debug)]
pub struct InputConfig {
    /// File, folder or glob, or the URL of one in a store, as given; `-` is standard input.
    pub url_list: String,
    /// How the store is reached that has the list.
    pub storage: StorageConfig,
    /// Format of the files; `None` detects it from their bytes and names.
    pub format: Option<InputFormat>,
    /// How csv and tsv are written.
    pub dialect: Dialect,
    /// Column that holds the URL.
    pub url_col: String,
    /// Whether a cell may hold a list of URLs, each of which becomes a row.
    pub explode_url: bool,
    /// Column that holds the caption. Ignored for a txt list, which has none.
    pub caption_col: Option<String>,
    /// Columns whose texts are joined into the caption and also kept separately.
    pub caption_cols: Vec<String>,
    /// Separator of the joined texts.
    pub caption_separator: String,
    /// Further columns kept in the metadata, in the order given.
    pub save_additional_columns: Vec<String>,
    /// Column with the boxes to blur, kept in the metadata too.
    pub bbox_col: Option<String>,
    /// Column with the expected hash of the body.
    pub verify_hash_col: Option<String>,
    /// Column with the samples' keys; `None` numbers them.
    pub key_col: Option<String>,
    /// Rows per shard, at least 1.
    pub rows_per_shard: usize,
    /// Most rows read, from the start of the list.
    pub rows_max: Option<u64>,
    /// Random selection of rows; the others are left out of the dataset.
    pub sample: Option<Sample>,
}

impl Default for InputConfig {
    fn default() -> Self {
        Self {
            url_list: String::new(),
            storage: StorageConfig::default(),
            format: None,
            dialect: Dialect::default(),
            url_col: "url".to_owned(),
            explode_url: false,
            caption_col: None,
            caption_cols: Vec::new(),
            caption_separator: "\n".to_owned(),
            save_additional_columns: Vec::new(),
            bbox_col: None,
            verify_hash_col: None,
            key_col: None,
            rows_per_shard: 10_000,
            rows_max: None,
            sample: None,
        }
    }
}

impl InputConfig {
    /// Whether samples have captions, even if all are empty.
    pub fn has_captions(&self) -> bool {
        self.caption_col.is_some() || !self.caption_cols.is_empty()
    }

    /// Whether the dataset's rows differ from the rows of the files.
    pub fn selects_rows(&self) -> bool {
        self.explode_url || self.sample.is_some()
    }
}

/// How csv and tsv are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// What quotes mean.
    pub quoting: Quoting,
    /// The byte between fields; `None` is the format's own.
    pub delimiter: Option<u8>,
    /// Names of the columns of files without a header line.
    pub columns: Option<Vec<String>>,
}

/// What quotes mean in csv and tsv.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quoting {
    /// They enclose fields (RFC 4180), but a quote that is never closed, or that would swallow whole
    /// records, is an ordinary character.
    #[default]
    Auto,
    /// They enclose fields (RFC 4180); a quote that is never closed is an error.
    Rfc4180,
    /// They are ordinary characters.
    None,
}

/// A seeded random selection of rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Fraction of the rows, over 0 and at most 1.
    pub rate: f64,
    /// The same seed selects the same rows.
    pub seed: u64,
}

/// The format of a URL list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputFormat {
    /// One URL per line.
    Txt,
    /// Comma-separated.
    Csv,
    /// Tab-separated.
    Tsv,
    /// One JSON array of objects (or an object of columns).
    Json,
    /// One JSON object per line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
    /// Apache Arrow IPC: Feather version 2 and streams.
    Arrow,
}

impl InputFormat {
    /// The option's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Txt => "txt",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// Whether it is a text format.
    pub const fn is_text(self) -> bool {
        !matches!(self, Self::Parquet | Self::Arrow)
    }
}

/// Compression of a text list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// `.gz`
    Gzip,
    /// `.zst`
    Zstd,
    /// `.bz2`
    Bzip2,
    /// `.xz`
    Xz,
}

/// Where and how the dataset is written.
#[derive(Clone, Debug)]
pub struct OutputConfig {
    /// Where the dataset is kept.
    pub location: Location,
    /// Where shards for a store are written first; `None` uploads them while they grow.
    pub staging: Option<StagingConfig>,
    /// Kind of shard.
    pub format: turbo2ds_writers::OutputFormat,
    /// Whether an image that is stored unchanged gets the extension of its own format, as a tar member
    /// or a file.
    pub true_extension: bool,
    /// Digits in a shard's name (`oom_shard_count`), 1..=18.
    pub shard_digits: usize,
    /// What to do with a folder that has shards.
    pub mode: IncrementalMode,
    /// Retries of a shard after an error of this machine.
    pub max_shard_retry: u32,
    /// Which shards this process writes.
    pub assignment: AssignmentConfig,
}

/// A folder in which shards are kept until they are uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagingConfig {
    /// The folder, on this machine.
    pub folder: PathBuf,
    /// Most bytes of sealed shards in it before new shards wait; `None` goes by the disk's free space.
    pub bytes_max: Option<u64>,
}

/// What to do with a folder that holds shards already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncrementalMode {
    /// Write what is missing.
    Incremental,
    /// Remove everything and start over.
    Overwrite,
    /// Number new shards after the last one.
    Extend,
}

/// How bytes are fetched.
#[derive(Clone, Debug)]
pub struct FetchConfig {
    /// Total time for one URL.
    pub timeout: Duration,
    /// Longest wait for a network that is down; zero records its failures as the hosts'.
    pub outage_wait: Duration,
    /// Further attempts for failures that may change.
    pub retries: u32,
    /// How requests identify their sender.
    pub sender: Sender,
    /// The tokens that mean us in `X-Robots-Tag: token: directive`, lower case.
    pub robots_tokens: Vec<String>,
    /// Directives that forbid use, lower case; an empty list turns the check off.
    pub disallowed_directives: Vec<String>,
    /// Accept any certificate.
    pub ignore_ssl_certificate: bool,
    /// Largest body, bytes.
    pub body_bytes_max: usize,
    /// Most redirects.
    pub redirects_max: u32,
    /// Special-purpose address blocks that are allowed nevertheless.
    pub allow_net: Vec<IpNet>,
    /// Whether names of proxied requests are left to the proxy, without a lookup here first.
    pub proxy_resolves: bool,
    /// Hash of the body to record.
    pub hash: Option<HashKind>,
}

/// A hash function for bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashKind {
    /// 128 bits, for old lists.
    Md5,
    /// The default.
    Sha256,
    /// 512 bits.
    Sha512,
}

impl HashKind {
    /// The name of its column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

/// Who resolves names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resolver {
    /// The built-in resolver: it asks the authoritative servers itself, from the root down.
    #[default]
    Recursive,
    /// The name servers of resolv.conf.
    System,
    /// The servers in [`DnsConfig::servers`].
    Listed,
}

/// A name server that the user chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameServer {
    /// Over UDP, and TCP for long answers.
    Plain(SocketAddr),
    /// DNS over TLS (RFC 7858).
    Tls(SecureServer),
    /// DNS over HTTPS (RFC 8484).
    Https(SecureServer),
}

/// Where an encrypted name server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecureServer {
    /// Address, or a name that the system's resolver knows.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The name or address that its certificate is for.
    pub certificate_name: String,
    /// Path of the requests; empty over TLS.
    pub path: String,
}

/// Limits of the built-in resolver; `None` is its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsLimits {
    /// Size of the cache, bytes.
    pub cache_bytes: usize,
    /// Outstanding queries.
    pub queries: usize,
    /// Outstanding queries to one server.
    pub queries_per_server: Option<u16>,
    /// Queries to one server per second.
    pub rate_per_server: Option<u32>,
    /// Shortest time an answer is cached.
    pub ttl_min: Duration,
    /// Longest time an answer is cached.
    pub ttl_max: Duration,
}

impl Default for DnsLimits {
    fn default() -> Self {
        Self {
            cache_bytes: limits::DNS_CACHE_BYTES,
            queries: limits::DNS_QUERIES_MAX,
            queries_per_server: None,
            rate_per_server: None,
            ttl_min: limits::DNS_TTL_MIN,
            ttl_max: limits::DNS_TTL_MAX,
        }
    }
}

/// How names are resolved.
#[derive(Clone, Debug, Default)]
pub struct DnsConfig {
    /// Which resolver is used.
    pub resolver: Resolver,
    /// The file in which the built-in resolver keeps its cache between runs.
    pub cache_file: Option<Location>,
    /// The servers of [`Resolver::Listed`].
    pub servers: Vec<NameServer>,
    /// Limits of the built-in resolver.
    pub limits: DnsLimits,
    /// Fixed addresses (`--resolve host:addr`), which come before any lookup.
    pub fixed: Vec<(String, IpAddr)>,
}

impl DnsConfig {
    /// The path of the cache's file, if it is on this machine.
    pub fn cache_path(&self) -> Option<&Path> {
        match &self.cache_file {
            Some(Location::Local(path)) => Some(path),
            _ => None,
        }
    }
}

/// How the machine is used.
#[derive(Clone, Debug)]
pub struct MachineConfig {
    /// Pinned cores; `None` is every core the process may use.
    pub cores: Option<usize>,
    /// Downloads in flight per core; `None` adapts the number.
    pub in_flight: Option<usize>,
    /// The I/O backend.
    pub io: IoBackend,
}

/// The I/O backend asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoBackend {
    /// io_uring if it works, else epoll.
    Auto,
    /// io_uring or an error.
    Uring,
    /// epoll.
    Epoll,
}

/// What a person sees.
#[derive(Clone, Debug)]
pub struct ShowConfig {
    /// JSON lines on stderr instead of a progress bar.
    pub log_json: bool,
}
