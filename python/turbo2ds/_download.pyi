# Written by stubs.py from the engine's table of options.
import os
from collections.abc import Mapping
from typing import Any, Callable, Optional, Union

from turbo2ds._events import Progress
from turbo2ds._report import RunReport

def download(
    # file, folder (files with an extension of the input format, sorted), glob, or - for
    # standard input; or a file, folder or glob of a store: s3://, gs://, az://, abfs://,
    # hdfs://, webhdfs://, https:// (a file), hf://datasets/USER/NAME/PATH; also the first
    # argument without a name
    url_list: Union[str, "os.PathLike[str]"],
    # target size, pixels
    image_size: int = 256,
    # folder of the dataset
    output_folder: Union[str, "os.PathLike[str]"] = "images",
    # cores to use; None is all this process may use
    processes_count: Optional[int] = None,
    # no; border: largest side, padded to a square; keep_ratio: smallest side;
    # keep_ratio_largest: largest side; center_crop: smallest side, centre square
    resize_mode: str = "border",
    # leave images at or under the target size alone
    resize_only_if_bigger: bool = False,
    # filter when the result is larger (bilinear, bicubic and lanczos4 are other names)
    upscale_interpolation: str = "lanczos",
    # filter when the result is smaller; the last four are antialiased, beyond img2dataset
    downscale_interpolation: str = "area",
    # jpg 0 to 100; webp 0 to 100, above is lossless; png compression 0 to 9
    encode_quality: int = 95,
    # format of the images written
    encode_format: str = "jpg",
    # keep the original bytes if nothing was resized or blurred and the format already fits
    skip_reencode: bool = False,
    # kind of shard; dummy writes statistics only
    output_format: str = "files",
    # format of the list; None detects it from the bytes, and for text from the extension or
    # else the first line. Text compressed with gzip, zstd, bzip2 or xz is detected by its
    # bytes
    input_format: Optional[str] = None,
    # column with the URL
    url_col: str = "url",
    # column with the caption, saved as `caption`; the captions of a txt list are empty
    caption_col: Optional[str] = None,
    # column with the boxes to blur, also kept in the metadata: lists of [x_min, y_min, x_max,
    # y_max] from 0 to 1, or such a list as JSON text
    bbox_col: Optional[str] = None,
    # downloads in flight per core, as far as descriptors allow; None adapts, up to 1024
    thread_count: Optional[int] = None,
    # rows of the list per shard; each file starts a new shard
    number_sample_per_shard: int = 10000,
    # fill the exif column
    extract_exif: bool = True,
    # further columns to keep in the metadata; from text formats, in the narrowest type that
    # holds every value of the list: int64, uint64, float64, boolean, lists, structs, else text
    # (from a pipe always text)
    save_additional_columns: Optional[list[str]] = None,
    # seconds for one URL in total: name resolution, connecting, redirects and body
    timeout: float = 10,
    # report to Weights & Biases
    enable_wandb: bool = False,
    # project the report goes to; ignored without enable_wandb
    wandb_project: str = "img2dataset",
    # digits of a shard's name, 1 to 18
    oom_shard_count: int = 5,
    # hash of the body as received, saved in a column of that name
    compute_hash: Optional[str] = "sha256",
    # [column, type]: refuse bodies whose hash differs from the column's, ignoring case and
    # surrounding space; an empty or null hash matches no body; type as in compute_hash
    verify_hash: Optional[list[str]] = None,
    # what distributes the shards over machines
    distributor: str = "multiprocessing",
    # shards per job of a distributor; ignored without one
    subjob_size: int = 1000,
    # further attempts after transient failures, with pauses between
    retries: int = 0,
    # keep the original bytes of every complete image, whatever skip_reencode says; truncated
    # images and other files are refused
    disable_all_reencoding: bool = False,
    # smallest side an original may have, pixels
    min_image_size: float = 0,
    # largest area an original may have, pixels
    max_image_area: float = ...,
    # largest ratio of an original's longer to its shorter side
    max_aspect_ratio: float = ...,
    # if there are shards already: write the missing ones, start over, or number on after the
    # last
    incremental_mode: str = "incremental",
    # retries of a shard after an error of this machine
    max_shard_retry: int = 1,
    # identifies you in the user agent. Its product name (the text before the first / or space,
    # in lower case) is obeyed in X-Robots-Tag, as turbo2ds is
    user_agent_token: Optional[str] = None,
    # X-Robots-Tag directives that forbid use; [] turns the check off
    disallowed_header_directives: Optional[list[str]] = None,
    # accept any certificate
    ignore_ssl_certificate: bool = False,
    *,
    # csv and tsv: auto removes quotes around fields, but a quote that is never closed or would
    # swallow whole records is an ordinary character; rfc4180 makes it an error; none takes all
    # quotes for ordinary characters (CC3M, CC12M, LAION as raw tsv)
    quoting: str = "auto",
    # csv and tsv: the character between fields; None is the format's
    delimiter: Optional[str] = None,
    # csv and tsv: files begin with the first row; --columns names the columns
    no_header: bool = False,
    # names of the columns of files without a header, in order
    columns: Optional[list[str]] = None,
    # make a row of each URL if a cell holds a list of them; without it such a column is
    # refused
    explode_url: bool = False,
    # columns whose texts are joined into the caption; each is also kept, as `caption_NAME`
    caption_cols: Optional[list[str]] = None,
    # separator of the joined captions; \n is a new line
    caption_separator: str = "\\n",
    # column of texts or integers to use as sample keys instead of shard and row; a row whose
    # key cannot be a file name, or is used twice in its shard, fails without a download
    key_col: Optional[str] = None,
    # read only this many rows from the start of the list, for a first try
    max_rows: Optional[int] = None,
    # pick a random share of the rows, such as 0.01, for a first try
    sample_rate: Optional[float] = None,
    # seed of --sample_rate, 0 if none is given: the same seed picks the same rows
    sample_seed: Optional[int] = None,
    # KEY=VALUE for the stores of lists and datasets, as fsspec's storage_options; may be
    # repeated
    storage_option: Optional[list[str]] = None,
    # folder on a local disk in which shards for a store are written first, and uploaded from
    # when they are complete; loose files (--output_format files) go straight to the store
    staging: Optional[Union[str, "os.PathLike[str]"]] = None,
    # bytes of complete shards in --staging at which new shards wait; 16 GiB, or half of the
    # disk's free space if that is less
    staging_bytes: Optional[int] = None,
    # give an image that is stored unchanged the extension of its own format (jpg, png, webp,
    # gif, bmp, tiff) in files and webdataset; the columns of parquet and tfrecord keep
    # encode_format's name
    true_extension: bool = False,
    # turbo: libjpeg-turbo, OpenCV's pixels; zune: memory-safe
    jpeg_decoder: str = "turbo",
    # convert JPEGs to RGB before resizing, as img2dataset does, even if jpg is written;
    # otherwise they stay YCbCr, which is faster and as close to the original
    exact: bool = False,
    # most pixels of one image, checked before it is decoded
    max_pixels: int = 100000000,
    # most scans of one progressive JPEG
    max_jpeg_scans: int = 100,
    # hash what the original looks like (PDQ, for near-duplicates and lists of hashes) into the
    # columns pdq, 64 hex digits, and pdq_quality, 0 to 100; images whose bytes are kept are
    # decoded for it
    compute_pdq: bool = False,
    # seconds for which rows wait if the network or all name servers are down, before the run
    # ends; 0 records such failures as the hosts'
    outage_wait: float = 1800,
    # your URL or e-mail address, added to the user agent; some sites refuse agents without one
    contact: Optional[str] = None,
    # the complete user agent, instead of the default; its product name is obeyed in X-Robots-
    # Tag unless --user_agent_token gives another, and turbo2ds if it contains that
    user_agent: Optional[str] = None,
    # further request field, 'Name: value', also with commas; may be repeated. Authorization,
    # Cookie and names with auth, token, key, secret and the like are sent only to the origin
    # of a row's own URL
    header: Optional[list[str]] = None,
    # Referer of requests. auto: the root of a row's own URL; or a URL. An https referrer is
    # never sent over http
    referer: Optional[str] = None,
    # largest body, bytes
    max_body_bytes: int = 52428800,
    # most redirects for one URL
    max_redirects: int = 10,
    # special-purpose networks (CIDR) to allow, such as 10.0.0.0/8; may be repeated
    allow_net: Optional[list[str]] = None,
    # names of proxied requests are resolved only by the proxy, so that it decides where they
    # may lead; disallowed addresses in URLs are refused as always
    proxy_resolves: bool = False,
    # who resolves names. recursive: built in, from the root servers down; names of private
    # networks, and every name if port 53 is closed, go to resolv.conf's servers. system:
    # resolv.conf's servers for all. Or servers: ADDRESS[:PORT], tls://HOST[:PORT][#NAME],
    # https://HOST[:PORT][/PATH]; may be repeated
    dns: Optional[list[str]] = None,
    # the same as --dns with servers
    dns_servers: Optional[list[str]] = None,
    # file in which --dns recursive keeps its cache between runs; also a URL of a store
    dns_cache: Optional[Union[str, "os.PathLike[str]"]] = None,
    # size of the built-in resolver's cache, bytes
    dns_cache_bytes: int = 33554432,
    # most outstanding queries of the built-in resolver
    dns_max_queries: int = 16384,
    # most outstanding queries to one server; None is 256 for an authoritative server, 4096 for
    # a recursive one
    dns_max_queries_per_server: Optional[int] = None,
    # most queries to one server per second; None is 2000 for an authoritative server, 100000
    # for a recursive one
    dns_max_rate_per_server: Optional[int] = None,
    # shortest time for which an answer is cached, seconds
    dns_min_ttl: int = 60,
    # longest time for which an answer is cached, seconds
    dns_max_ttl: int = 86400,
    # fixed addresses, HOST:ADDRESS, used before any server is asked; may be repeated
    resolve: Optional[list[str]] = None,
    # I/O backend; auto is io_uring if it works
    io: str = "auto",
    # process: each core decodes in a separate process under seccomp and landlock, so that a
    # crash in a decoder fails one image; auto does so if it works; none decodes in the run's
    # threads
    decode_isolation: str = "auto",
    # events as JSON lines on stderr instead of a progress bar
    log_json: bool = False,
    # write only the shards with these numbers, A-B with both ends; others may write the rest
    # at the same time
    shard_range: Optional[str] = None,
    # write only one of --shard_count shares, from 0; None takes it from SLURM_ARRAY_TASK_ID or
    # JOB_COMPLETION_INDEX
    shard_index: Optional[int] = None,
    # number of shares that the shards are divided into; None does not divide them
    shard_count: Optional[int] = None,
    # How the stores of the list and the dataset are reached, as fsspec takes it.
    storage_options: Optional[Mapping[str, Any]] = None,
    on_progress: Optional[Callable[[Progress], None]] = None,
) -> RunReport: ...
