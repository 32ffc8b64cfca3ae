//! Owns the meaning of options: turns their texts into a checked [`Config`] and refuses contradictions
//! between them. Never touches a file.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use turbo2ds_codec as codec;
use turbo2ds_codec::{EncodeFormat, ReencodePolicy};
use turbo2ds_writers::OutputFormat;

use crate::config::Isolation;
use crate::config::{
    Config, FetchConfig, IncrementalMode, IoBackend, Location, MachineConfig, OutputConfig,
    RecordedOptions, ShowConfig, StagingConfig, StorageConfig, StorageOptions, choices,
    choices::named,
};
use crate::dataset::layout::layout_of;
use crate::error::{Error, Message};
use crate::limits;

use super::dns;
use super::input;
use super::recorded;
use super::sender;
use super::value::{Values, boolean, choice, integer, is_none, number, optional, text};
use super::workers;

/// The whole configuration.
pub(super) fn config(v: &Values) -> Result<Config, Error> {
    let mut config = unrecorded(v)?;
    config.recorded = recorded::of(&config);
    Ok(config)
}

/// The configuration of a command line with only a list, without its recorded options.
pub(super) fn defaults() -> Result<Config, Error> {
    let mut values = Values::defaults();
    values.give(super::find("url_list")?, "-".to_owned());
    unrecorded(&values)
}

fn unrecorded(v: &Values) -> Result<Config, Error> {
    refuse_python_only_options(v)?;
    let fetch = fetch(v)?;
    let storage = storage(v)?;
    let config = Config {
        input: input::input(v, fetch.hash, &storage)?,
        output: output(v)?,
        extract_exif: v.read("extract_exif", boolean)?,
        dns: dns::dns(v)?,
        storage,
        machine: MachineConfig {
            cores: v.read("processes_count", optional(integer(1, 4096)))?,
            in_flight: v.read(
                "thread_count",
                optional(integer(1, limits::IN_FLIGHT_USER_MAX as u64)),
            )?,
            io: v.read(
                "io",
                choice(&[
                    ("auto", IoBackend::Auto),
                    ("uring", IoBackend::Uring),
                    ("epoll", IoBackend::Epoll),
                ]),
            )?,
        },
        isolation: isolation(v, &fetch)?,
        codec: settings(v)?,
        fetch,
        show: ShowConfig {
            log_json: v.read("log_json", boolean)?,
        },
        recorded: RecordedOptions::default(),
    };
    refuse_reserved_column_names(&config)?;
    Ok(config)
}

/// Refuses kept columns whose name the output format uses for the image or the caption.
fn refuse_reserved_column_names(config: &Config) -> Result<(), Error> {
    let input = &config.input;
    let kept = input.save_additional_columns.iter().chain(&input.bbox_col);
    let taken = layout_of(config).format_names();
    let Some(name) = kept.into_iter().find(|name| taken.contains(&name.as_str())) else {
        return Ok(());
    };
    Err(Error::usage(
        format!(
            "the column `{name}` has the name that this --output_format gives to the image or its caption"
        ),
        format!(
            "rename it in the list, or choose another --output_format; taken are {}",
            taken.join(", ")
        ),
    ))
}

/// Refuses options that need the Python package. Options that only configure them are ignored: without
/// a distributor there are no jobs to size, and without W&B there is no project.
fn refuse_python_only_options(v: &Values) -> Result<(), Error> {
    let refused = |name: &str, value: &str| {
        Err(Error::usage(
            format!("`--{name} {value}` asks for what the Python package does"),
            format!("pip install turbo2ds, which brings this command too, or leave `--{name}` out"),
        ))
    };
    let distributors = ["multiprocessing", "pyspark", "ray"].map(|name| (name, name));
    match v.read("distributor", choice(&distributors))? {
        "multiprocessing" => {}
        elsewhere => return refused("distributor", elsewhere),
    }
    if v.read("enable_wandb", boolean)? {
        return refused("enable_wandb", "True");
    }
    v.read("subjob_size", integer::<u64>(0, u64::MAX))?;
    v.read("wandb_project", |project| Ok(project.to_owned()))?;
    Ok(())
}

/// A path, or a place in a store.
pub(super) fn location(v: &Values, name: &str) -> Result<Location, Error> {
    let text = v.read(name, text)?;
    Location::of(&text).map_err(|error| {
        Error::usage(
            Message::because(format!("`--{name} {text}`"), error),
            "give a path, or a URL such as s3://bucket/folder, gs://, az://, abfs://, hdfs://",
        )
    })
}

/// Where a dataset is written.
fn output_location(v: &Values) -> Result<Location, Error> {
    let location = location(v, "output_folder")?;
    check_writable(&location, "output_folder")?;
    Ok(location)
}

/// Refuses a place from which lists are read only, given by an option.
pub(super) fn check_writable(location: &Location, option: &str) -> Result<(), Error> {
    match location {
        Location::Remote(url) if !url.kind().is_writable() => Err(Error::usage(
            format!("`--{option} {url}`: lists are read from there, but nothing is written"),
            "give a path, or a URL such as s3://bucket/folder, gs://, az://, abfs://, hdfs://",
        )),
        _ => Ok(()),
    }
}

/// Where shards for a store are written first.
fn staging(v: &Values, output: &Location) -> Result<Option<StagingConfig>, Error> {
    let folder = v.read("staging", optional(text))?;
    let bytes_max = v.read("staging_bytes", optional(integer(1 << 20, u64::MAX)))?;
    let Some(folder) = folder else {
        return match bytes_max {
            None => Ok(None),
            Some(_) => Err(Error::usage(
                "`--staging_bytes` is the room of a folder that is not given",
                "give `--staging DIR` too, or leave `--staging_bytes` out",
            )),
        };
    };
    match (output, Location::of(&folder)) {
        (Location::Local(_), _) => Err(Error::usage(
            "`--staging` is for datasets in a store, and this --output_folder is on a disk",
            "leave `--staging` out: shards are written to the output folder itself",
        )),
        (_, Ok(Location::Local(folder))) => Ok(Some(StagingConfig { folder, bytes_max })),
        (_, _) => Err(Error::usage(
            "`--staging` takes a folder of this machine, not a URL",
            "give a folder on a local disk",
        )),
    }
}

fn storage(v: &Values) -> Result<StorageConfig, Error> {
    Ok(StorageConfig {
        options: storage_options(&v.texts("storage_option")?)?,
        patience: v.read("outage_wait", seconds_or_none)?,
    })
}

/// What the values of `--storage_option` say.
pub(super) fn storage_options(given: &[String]) -> Result<StorageOptions, Error> {
    let pairs = given.iter().map(|pair| match pair.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        // Its value may be a secret.
        _ => Err(Error::usage(
            "`--storage_option` is no KEY=VALUE",
            "give it as in --storage_option endpoint_url=http://127.0.0.1:9000",
        )),
    });
    pairs.collect::<Result<_, _>>().map(StorageOptions)
}

fn output(v: &Values) -> Result<OutputConfig, Error> {
    let mode = v.read(
        "incremental_mode",
        choice(&[
            ("incremental", IncrementalMode::Incremental),
            ("overwrite", IncrementalMode::Overwrite),
            ("extend", IncrementalMode::Extend),
        ]),
    )?;
    let location = output_location(v)?;
    Ok(OutputConfig {
        staging: staging(v, &location)?,
        location,
        format: v.read(
            "output_format",
            choice(&OutputFormat::ALL.map(|format| (format.as_str(), format))),
        )?,
        true_extension: v.read("true_extension", boolean)?,
        shard_digits: v.read("oom_shard_count", integer(1, 18))?,
        mode,
        max_shard_retry: v.read("max_shard_retry", integer(0, 100))?,
        assignment: workers::assignment(v, mode)?,
    })
}

fn settings(v: &Values) -> Result<codec::Settings, Error> {
    let encode_format = v.read(
        "encode_format",
        choice(&named(EncodeFormat::ALL, EncodeFormat::as_str)),
    )?;
    let upscales = named(choices::INTERPOLATIONS, choices::interpolation);
    let upscales = [&upscales[..], &choices::INTERPOLATION_ALIASES].concat();
    let antialiased = named(choices::ANTIALIASED, choices::interpolation);
    let downscales = [&upscales[..], &antialiased].concat();
    Ok(codec::Settings {
        image_size: v.read("image_size", integer(1, 65_500))?,
        resize_mode: v.read(
            "resize_mode",
            choice(&named(choices::RESIZE_MODES, choices::resize_mode)),
        )?,
        only_if_bigger: v.read("resize_only_if_bigger", boolean)?,
        upscale: v.read("upscale_interpolation", choice(&upscales))?,
        downscale: v.read("downscale_interpolation", choice(&downscales))?,
        encode_format,
        encode_quality: quality(v, encode_format)?,
        reencode: reencode(v)?,
        filter: codec::SizeFilter {
            min_image_size: v.read("min_image_size", number(0.0))?,
            max_image_area: v.read("max_image_area", number(0.0))?,
            max_aspect_ratio: v.read("max_aspect_ratio", number(1.0))?,
        },
        limits: codec::Limits {
            pixels_max: v.read("max_pixels", integer(1, u64::from(u32::MAX)))?,
            jpeg_scans_max: v.read("max_jpeg_scans", integer(1, 10_000))?,
        },
        jpeg_decoder: v.read(
            "jpeg_decoder",
            choice(&named(choices::JPEG_DECODERS, choices::jpeg_decoder)),
        )?,
        exact: v.read("exact", boolean)?,
        pdq: v.read("compute_pdq", boolean)?,
    })
}

fn quality(v: &Values, format: EncodeFormat) -> Result<u32, Error> {
    let quality: u32 = v.read("encode_quality", integer(0, u64::from(u32::MAX)))?;
    let (most, what) = match format {
        EncodeFormat::Jpg => (100, "a quality from 0 to 100"),
        EncodeFormat::Png => (9, "a compression level from 0 to 9"),
        EncodeFormat::Webp => (u32::MAX, "a quality"),
    };
    if quality > most {
        let format = format.as_str();
        return Err(Error::usage(
            format!("`--encode_quality {quality}` does not fit `--encode_format {format}`"),
            format!("{format} takes {what}; set --encode_quality"),
        ));
    }
    Ok(quality)
}

fn reencode(v: &Values) -> Result<ReencodePolicy, Error> {
    let never_reencode = v.read("disable_all_reencoding", boolean)?;
    if never_reencode && v.read("bbox_col", optional(text))?.is_some() {
        return Err(Error::usage(
            "`--bbox_col` and `--disable_all_reencoding` contradict each other",
            "an image whose boxes are blurred is encoded again; leave one of the two out",
        ));
    }
    Ok(match (never_reencode, v.read("skip_reencode", boolean)?) {
        (true, _) => ReencodePolicy::Never,
        (false, true) => ReencodePolicy::SkipIfUnchanged,
        (false, false) => ReencodePolicy::Always,
    })
}

/// Decoding in separate processes, unless it is turned off. The processes get the image options as
/// given.
fn isolation(v: &Values, fetch: &FetchConfig) -> Result<Option<Isolation>, Error> {
    let words = [
        ("auto", Some(false)),
        ("process", Some(true)),
        ("none", None),
    ];
    let Some(required) = v.read("decode_isolation", choice(&words))? else {
        return Ok(None);
    };
    Ok(Some(Isolation {
        required,
        body_bytes_max: fetch.body_bytes_max,
    }))
}

fn fetch(v: &Values) -> Result<FetchConfig, Error> {
    let (sender, robots_tokens) = sender::sender(v)?;
    let hashes = choices::HASHES.map(|kind| (kind.as_str(), Some(kind)));
    Ok(FetchConfig {
        timeout: v.read("timeout", seconds)?,
        outage_wait: v.read("outage_wait", seconds_or_none)?,
        retries: v.read("retries", integer(0, 100))?,
        sender,
        robots_tokens,
        disallowed_directives: v.read_list("disallowed_header_directives", |text| {
            Ok(text.to_ascii_lowercase())
        })?,
        ignore_ssl_certificate: v.read("ignore_ssl_certificate", boolean)?,
        body_bytes_max: v.read(
            "max_body_bytes",
            integer(1, limits::BODY_BUDGET_PER_CORE_BYTES as u64 / 2),
        )?,
        redirects_max: v.read("max_redirects", integer(0, 100))?,
        allow_net: v.read_list("allow_net", network)?,
        proxy_resolves: v.read("proxy_resolves", boolean)?,
        hash: v.read("compute_hash", |text| {
            if is_none(text) {
                Ok(None)
            } else {
                choice(&hashes)(text)
            }
        })?,
    })
}

fn seconds(text: &str) -> Result<Duration, String> {
    seconds_or_none(text)
        .ok()
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "seconds, more than 0 and at most 86400".to_owned())
}

/// At most a day, which keeps the sum of the clock and a timeout in range.
fn seconds_or_none(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("seconds, at least 0 and at most 86400".to_owned()),
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "a network such as 10.0.0.0/8 or fd00::/8".to_owned())
}
