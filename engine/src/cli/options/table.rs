//! Owns the table of options: name, kind, default, group, whether it is recorded with the dataset, and
//! help. [`super::check`] reads each option by its name; a test checks that none is missed. Never
//! parses a value.

use turbo2ds_codec::ReencodePolicy;

use super::recorded::Recorded::{self, Decides, Informs, Unrecorded};
use super::recorded::{absolute, caption_separator, list_or_none, number, verify_hash};
use crate::config::{HashKind, choices};

/// One option.
#[derive(Debug)]
pub struct OptionSpec {
    /// Name with underscores, without dashes.
    pub name: &'static str,
    /// The kind of its value.
    pub kind: Kind,
    /// The default, as a user would write it. Parsed in the same way as a given value.
    pub default: &'static str,
    /// Heading in `--help`.
    pub(super) group: Group,
    /// Whether and how it is recorded with the dataset.
    pub(super) recorded: Recorded,
    /// The help text.
    pub help: &'static str,
    /// Whether repeating it adds to the earlier values.
    pub repeatable: bool,
}

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `True` or `False`.
    Bool,
    /// An integer.
    Int,
    /// A number with or without a fraction, or `inf`.
    Number,
    /// Free text.
    Text,
    /// A path.
    Path,
    /// A list of texts.
    List,
    /// One of these words, which are separated by bars.
    Choice(&'static str),
}

impl Kind {
    /// The placeholder of the value in help.
    pub const fn placeholder(self) -> &'static str {
        match self {
            Self::Bool => "BOOL",
            Self::Int => "INT",
            Self::Number => "NUMBER",
            Self::Text => "TEXT",
            Self::Path => "PATH",
            Self::List => "LIST",
            Self::Choice(words) => words,
        }
    }
}

/// Headings in the order `--help` prints them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Input,
    Output,
    Images,
    Filters,
    Network,
    Machine,
    Workers,
    Elsewhere,
}

impl Group {
    pub(super) const ALL: [Self; 8] = [
        Self::Input,
        Self::Output,
        Self::Images,
        Self::Filters,
        Self::Network,
        Self::Machine,
        Self::Workers,
        Self::Elsewhere,
    ];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Input => "Input",
            Self::Output => "Output",
            Self::Images => "Images",
            Self::Filters => "Filters and hashes",
            Self::Network => "Network",
            Self::Machine => "This machine",
            Self::Workers => "Several workers on one folder",
            Self::Elsewhere => "In the Python package (pip install turbo2ds)",
        }
    }
}

const fn opt(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    group: Group,
    recorded: Recorded,
    help: &'static str,
) -> OptionSpec {
    OptionSpec {
        name,
        kind,
        default,
        group,
        recorded,
        help,
        repeatable: false,
    }
}

const fn many(
    name: &'static str,
    group: Group,
    recorded: Recorded,
    help: &'static str,
) -> OptionSpec {
    more(name, "None", group, recorded, help)
}

/// A repeatable list; the first value given replaces the default.
const fn more(
    name: &'static str,
    default: &'static str,
    group: Group,
    recorded: Recorded,
    help: &'static str,
) -> OptionSpec {
    OptionSpec {
        repeatable: true,
        ..opt(name, Kind::List, default, group, recorded, help)
    }
}

const INPUT_FORMATS: Kind = Kind::Choice("txt|csv|tsv|json|jsonl|parquet|arrow");
const INTERPOLATIONS: Kind = Kind::Choice("nearest|linear|cubic|area|lanczos");
const DOWNSCALES: Kind =
    Kind::Choice("nearest|linear|cubic|area|lanczos|hamming|mitchell|catmullrom|lanczos3");

/// Every option, in the order of `--help`.
#[rustfmt::skip]
pub static TABLE: &[OptionSpec] = &[
    opt("url_list", Kind::Path, "", Group::Input, Informs(|c| absolute(&c.input.url_list).into()),
        "file, folder (files with an extension of the input format, sorted), glob, or - for standard input; or a file, folder or glob of a store: s3://, gs://, az://, abfs://, hdfs://, webhdfs://, https:// (a file), hf://datasets/USER/NAME/PATH; also the first argument without a name"),
    opt("input_format", INPUT_FORMATS, "None", Group::Input, Decides(|c| c.input.format.map(|format| choices::input_format(format, None)).into()),
        "format of the list; None detects it from the bytes, and for text from the extension or else the first line. Text compressed with gzip, zstd, bzip2 or xz is detected by its bytes"),
    opt("quoting", Kind::Choice("auto|rfc4180|none"), "auto", Group::Input, Decides(|c| choices::quoting(c.input.dialect.quoting).into()),
        "csv and tsv: auto removes quotes around fields, but a quote that is never closed or would swallow whole records is an ordinary character; rfc4180 makes it an error; none takes all quotes for ordinary characters (CC3M, CC12M, LAION as raw tsv)"),
    opt("delimiter", Kind::Text, "None", Group::Input, Decides(|c| c.input.dialect.delimiter.map(|byte| char::from(byte).to_string()).into()), "csv and tsv: the character between fields; None is the format's"),
    opt("no_header", Kind::Bool, "False", Group::Input, Decides(|c| c.input.dialect.columns.is_some().into()), "csv and tsv: files begin with the first row; --columns names the columns"),
    opt("columns", Kind::List, "None", Group::Input, Decides(|c| c.input.dialect.columns.clone().into()), "names of the columns of files without a header, in order"),
    opt("url_col", Kind::Text, "url", Group::Input, Decides(|c| c.input.url_col.clone().into()), "column with the URL"),
    opt("explode_url", Kind::Bool, "False", Group::Input, Decides(|c| c.input.explode_url.into()), "make a row of each URL if a cell holds a list of them; without it such a column is refused"),
    opt("caption_col", Kind::Text, "None", Group::Input, Decides(|c| c.input.caption_col.clone().into()), "column with the caption, saved as `caption`; the captions of a txt list are empty"),
    opt("caption_cols", Kind::List, "None", Group::Input, Decides(|c| list_or_none(&c.input.caption_cols)),
        "columns whose texts are joined into the caption; each is also kept, as `caption_NAME`"),
    opt("caption_separator", Kind::Text, "\\n", Group::Input, Decides(caption_separator), "separator of the joined captions; \\n is a new line"),
    opt("save_additional_columns", Kind::List, "None", Group::Input, Decides(|c| list_or_none(&c.input.save_additional_columns)),
        "further columns to keep in the metadata; from text formats, in the narrowest type that holds every value of the list: int64, uint64, float64, boolean, lists, structs, else text (from a pipe always text)"),
    opt("bbox_col", Kind::Text, "None", Group::Input, Decides(|c| c.input.bbox_col.clone().into()),
        "column with the boxes to blur, also kept in the metadata: lists of [x_min, y_min, x_max, y_max] from 0 to 1, or such a list as JSON text"),
    opt("key_col", Kind::Text, "None", Group::Input, Decides(|c| c.input.key_col.clone().into()),
        "column of texts or integers to use as sample keys instead of shard and row; a row whose key cannot be a file name, or is used twice in its shard, fails without a download"),
    opt("number_sample_per_shard", Kind::Int, "10000", Group::Input, Decides(|c| c.input.rows_per_shard.into()), "rows of the list per shard; each file starts a new shard"),
    opt("max_rows", Kind::Int, "None", Group::Input, Decides(|c| c.input.rows_max.into()), "read only this many rows from the start of the list, for a first try"),
    opt("sample_rate", Kind::Number, "None", Group::Input, Decides(|c| c.input.sample.map(|sample| sample.rate).into()), "pick a random share of the rows, such as 0.01, for a first try"),
    opt("sample_seed", Kind::Int, "None", Group::Input, Decides(|c| c.input.sample.map(|sample| sample.seed).into()), "seed of --sample_rate, 0 if none is given: the same seed picks the same rows"),

    opt("output_folder", Kind::Path, "images", Group::Output, Unrecorded, "folder of the dataset"),
    many("storage_option", Group::Output, Unrecorded, "KEY=VALUE for the stores of lists and datasets, as fsspec's storage_options; may be repeated"),
    opt("staging", Kind::Path, "None", Group::Output, Unrecorded,
        "folder on a local disk in which shards for a store are written first, and uploaded from when they are complete; loose files (--output_format files) go straight to the store"),
    opt("staging_bytes", Kind::Int, "None", Group::Output, Unrecorded,
        "bytes of complete shards in --staging at which new shards wait; 16 GiB, or half of the disk's free space if that is less"),
    opt("output_format", Kind::Choice("files|webdataset|parquet|tfrecord|dummy"), "files", Group::Output, Decides(|c| c.output.format.as_str().into()), "kind of shard; dummy writes statistics only"),
    opt("oom_shard_count", Kind::Int, "5", Group::Output, Decides(|c| c.output.shard_digits.into()), "digits of a shard's name, 1 to 18"),
    opt("incremental_mode", Kind::Choice("incremental|overwrite|extend"), "incremental", Group::Output, Unrecorded,
        "if there are shards already: write the missing ones, start over, or number on after the last"),
    opt("max_shard_retry", Kind::Int, "1", Group::Output, Unrecorded, "retries of a shard after an error of this machine"),
    opt("true_extension", Kind::Bool, "False", Group::Output, Decides(|c| c.output.true_extension.into()),
        "give an image that is stored unchanged the extension of its own format (jpg, png, webp, gif, bmp, tiff) in files and webdataset; the columns of parquet and tfrecord keep encode_format's name"),
    opt("extract_exif", Kind::Bool, "True", Group::Output, Decides(|c| c.extract_exif.into()), "fill the exif column"),

    opt("image_size", Kind::Int, "256", Group::Images, Decides(|c| c.codec.image_size.into()), "target size, pixels"),
    opt("resize_mode", Kind::Choice("no|border|keep_ratio|keep_ratio_largest|center_crop"), "border", Group::Images, Decides(|c| choices::resize_mode(c.codec.resize_mode).into()),
        "no; border: largest side, padded to a square; keep_ratio: smallest side; keep_ratio_largest: largest side; center_crop: smallest side, centre square"),
    opt("resize_only_if_bigger", Kind::Bool, "False", Group::Images, Decides(|c| c.codec.only_if_bigger.into()), "leave images at or under the target size alone"),
    opt("upscale_interpolation", INTERPOLATIONS, "lanczos", Group::Images, Decides(|c| choices::interpolation(c.codec.upscale).into()), "filter when the result is larger (bilinear, bicubic and lanczos4 are other names)"),
    opt("downscale_interpolation", DOWNSCALES, "area", Group::Images, Decides(|c| choices::interpolation(c.codec.downscale).into()), "filter when the result is smaller; the last four are antialiased, beyond img2dataset"),
    opt("encode_format", Kind::Choice("jpg|png|webp"), "jpg", Group::Images, Decides(|c| c.codec.encode_format.as_str().into()), "format of the images written"),
    opt("encode_quality", Kind::Int, "95", Group::Images, Decides(|c| c.codec.encode_quality.into()), "jpg 0 to 100; webp 0 to 100, above is lossless; png compression 0 to 9"),
    opt("skip_reencode", Kind::Bool, "False", Group::Images, Decides(|c| (c.codec.reencode == ReencodePolicy::SkipIfUnchanged).into()), "keep the original bytes if nothing was resized or blurred and the format already fits"),
    opt("disable_all_reencoding", Kind::Bool, "False", Group::Images, Decides(|c| (c.codec.reencode == ReencodePolicy::Never).into()), "keep the original bytes of every complete image, whatever skip_reencode says; truncated images and other files are refused"),
    opt("jpeg_decoder", Kind::Choice("turbo|zune"), "turbo", Group::Images, Decides(|c| choices::jpeg_decoder(c.codec.jpeg_decoder).into()), "turbo: libjpeg-turbo, OpenCV's pixels; zune: memory-safe"),
    opt("exact", Kind::Bool, "False", Group::Images, Decides(|c| c.codec.exact.into()), "convert JPEGs to RGB before resizing, as img2dataset does, even if jpg is written; otherwise they stay YCbCr, which is faster and as close to the original"),
    opt("max_pixels", Kind::Int, "100000000", Group::Images, Decides(|c| c.codec.limits.pixels_max.into()), "most pixels of one image, checked before it is decoded"),
    opt("max_jpeg_scans", Kind::Int, "100", Group::Images, Decides(|c| c.codec.limits.jpeg_scans_max.into()), "most scans of one progressive JPEG"),

    opt("min_image_size", Kind::Number, "0", Group::Filters, Decides(|c| number(c.codec.filter.min_image_size)), "smallest side an original may have, pixels"),
    opt("max_image_area", Kind::Number, "inf", Group::Filters, Decides(|c| number(c.codec.filter.max_image_area)), "largest area an original may have, pixels"),
    opt("max_aspect_ratio", Kind::Number, "inf", Group::Filters, Decides(|c| number(c.codec.filter.max_aspect_ratio)), "largest ratio of an original's longer to its shorter side"),
    opt("compute_hash", Kind::Choice("None|md5|sha256|sha512"), "sha256", Group::Filters, Decides(|c| c.fetch.hash.map(HashKind::as_str).into()), "hash of the body as received, saved in a column of that name"),
    opt("compute_pdq", Kind::Bool, "False", Group::Filters, Decides(|c| c.codec.pdq.into()),
        "hash what the original looks like (PDQ, for near-duplicates and lists of hashes) into the columns pdq, 64 hex digits, and pdq_quality, 0 to 100; images whose bytes are kept are decoded for it"),
    opt("verify_hash", Kind::List, "None", Group::Filters, Decides(verify_hash), "[column, type]: refuse bodies whose hash differs from the column's, ignoring case and surrounding space; an empty or null hash matches no body; type as in compute_hash"),

    opt("timeout", Kind::Number, "10", Group::Network, Unrecorded, "seconds for one URL in total: name resolution, connecting, redirects and body"),
    opt("outage_wait", Kind::Number, "1800", Group::Network, Unrecorded,
        "seconds for which rows wait if the network or all name servers are down, before the run ends; 0 records such failures as the hosts'"),
    opt("retries", Kind::Int, "0", Group::Network, Unrecorded, "further attempts after transient failures, with pauses between"),
    opt("user_agent_token", Kind::Text, "None", Group::Network, Unrecorded,
        "identifies you in the user agent. Its product name (the text before the first / or space, in lower case) is obeyed in X-Robots-Tag, as turbo2ds is"),
    opt("contact", Kind::Text, "None", Group::Network, Unrecorded, "your URL or e-mail address, added to the user agent; some sites refuse agents without one"),
    opt("user_agent", Kind::Text, "None", Group::Network, Unrecorded,
        "the complete user agent, instead of the default; its product name is obeyed in X-Robots-Tag unless --user_agent_token gives another, and turbo2ds if it contains that"),
    many("header", Group::Network, Unrecorded,
        "further request field, 'Name: value', also with commas; may be repeated. Authorization, Cookie and names with auth, token, key, secret and the like are sent only to the origin of a row's own URL"),
    opt("referer", Kind::Text, "None", Group::Network, Unrecorded, "Referer of requests. auto: the root of a row's own URL; or a URL. An https referrer is never sent over http"),
    opt("disallowed_header_directives", Kind::List, r#"["noai","noimageai","noindex","noimageindex"]"#, Group::Network, Decides(|c| c.fetch.disallowed_directives.clone().into()),
        "X-Robots-Tag directives that forbid use; [] turns the check off"),
    opt("ignore_ssl_certificate", Kind::Bool, "False", Group::Network, Unrecorded, "accept any certificate"),
    opt("max_body_bytes", Kind::Int, "52428800", Group::Network, Decides(|c| c.fetch.body_bytes_max.into()), "largest body, bytes"),
    opt("max_redirects", Kind::Int, "10", Group::Network, Unrecorded, "most redirects for one URL"),
    many("allow_net", Group::Network, Unrecorded, "special-purpose networks (CIDR) to allow, such as 10.0.0.0/8; may be repeated"),
    opt("proxy_resolves", Kind::Bool, "False", Group::Network, Unrecorded,
        "names of proxied requests are resolved only by the proxy, so that it decides where they may lead; disallowed addresses in URLs are refused as always"),
    more("dns", "recursive", Group::Network, Unrecorded,
        "who resolves names. recursive: built in, from the root servers down; names of private networks, and every name if port 53 is closed, go to resolv.conf's servers. system: resolv.conf's servers for all. Or servers: ADDRESS[:PORT], tls://HOST[:PORT][#NAME], https://HOST[:PORT][/PATH]; may be repeated"),
    many("dns_servers", Group::Network, Unrecorded, "the same as --dns with servers"),
    opt("dns_cache", Kind::Path, "None", Group::Network, Unrecorded, "file in which --dns recursive keeps its cache between runs; also a URL of a store"),
    opt("dns_cache_bytes", Kind::Int, "33554432", Group::Network, Unrecorded, "size of the built-in resolver's cache, bytes"),
    opt("dns_max_queries", Kind::Int, "16384", Group::Network, Unrecorded, "most outstanding queries of the built-in resolver"),
    opt("dns_max_queries_per_server", Kind::Int, "None", Group::Network, Unrecorded,
        "most outstanding queries to one server; None is 256 for an authoritative server, 4096 for a recursive one"),
    opt("dns_max_rate_per_server", Kind::Int, "None", Group::Network, Unrecorded,
        "most queries to one server per second; None is 2000 for an authoritative server, 100000 for a recursive one"),
    opt("dns_min_ttl", Kind::Int, "60", Group::Network, Unrecorded, "shortest time for which an answer is cached, seconds"),
    opt("dns_max_ttl", Kind::Int, "86400", Group::Network, Unrecorded, "longest time for which an answer is cached, seconds"),
    many("resolve", Group::Network, Unrecorded, "fixed addresses, HOST:ADDRESS, used before any server is asked; may be repeated"),

    opt("processes_count", Kind::Int, "None", Group::Machine, Unrecorded, "cores to use; None is all this process may use"),
    opt("thread_count", Kind::Int, "None", Group::Machine, Unrecorded, "downloads in flight per core, as far as descriptors allow; None adapts, up to 1024"),
    opt("io", Kind::Choice("auto|uring|epoll"), "auto", Group::Machine, Unrecorded, "I/O backend; auto is io_uring if it works"),
    opt("decode_isolation", Kind::Choice("auto|process|none"), "auto", Group::Machine, Unrecorded,
        "process: each core decodes in a separate process under seccomp and landlock, so that a crash in a decoder fails one image; auto does so if it works; none decodes in the run's threads"),
    opt("log_json", Kind::Bool, "False", Group::Machine, Unrecorded, "events as JSON lines on stderr instead of a progress bar"),

    opt("shard_range", Kind::Text, "None", Group::Workers, Unrecorded, "write only the shards with these numbers, A-B with both ends; others may write the rest at the same time"),
    opt("shard_index", Kind::Int, "None", Group::Workers, Unrecorded,
        "write only one of --shard_count shares, from 0; None takes it from SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX"),
    opt("shard_count", Kind::Int, "None", Group::Workers, Unrecorded, "number of shares that the shards are divided into; None does not divide them"),

    opt("distributor", Kind::Choice("multiprocessing|pyspark|ray"), "multiprocessing", Group::Elsewhere, Unrecorded, "what distributes the shards over machines"),
    opt("subjob_size", Kind::Int, "1000", Group::Elsewhere, Unrecorded, "shards per job of a distributor; ignored without one"),
    opt("enable_wandb", Kind::Bool, "False", Group::Elsewhere, Unrecorded, "report to Weights & Biases"),
    opt("wandb_project", Kind::Text, "img2dataset", Group::Elsewhere, Unrecorded, "project the report goes to; ignored without enable_wandb"),
];
