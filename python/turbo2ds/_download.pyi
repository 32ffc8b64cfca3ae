# Written by stubs.py from the engine's table of options.
import os
from typing import Callable, Optional, Union

from turbo2ds._events import Progress
from turbo2ds._report import RunReport

def download(
    # file, folder (files with an extension of the input format, sorted), glob, or - for
    # standard input; also the first argument without a name
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
    # keep the original bytes where nothing was resized or blurred and the format already fits
    skip_reencode: bool = False,
    # kind of shard; dummy writes statistics only
    output_format: str = "files",
    # format of the list; None takes it from the bytes, and of text from the extension, else
    # from the first line. gzip, zstd, bzip2 and xz around text are seen by the bytes
    input_format: Optional[str] = None,
    # column with the URL
    url_col: str = "url",
    # column with the caption, saved as `caption`; of a txt list every caption is empty
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
    # further columns to keep in the metadata; of text formats in the narrowest type that holds
    # every value of the list: int64, uint64, float64, boolean, lists, structs, else text (from
    # a pipe always text)
    save_additional_columns: Optional[list[str]] = None,
    # seconds for one URL in all: names, connecting, redirects and body
    timeout: float = 10,
    # report to Weights & Biases
    enable_wandb: bool = False,
    # project the report goes to; without enable_wandb it says nothing
    wandb_project: str = "img2dataset",
    # digits of a shard's name, 1 to 18
    oom_shard_count: int = 5,
    # hash of the body as it came, saved in a column of that name
    compute_hash: Optional[str] = "sha256",
    # [column, type]: refuse bodies whose hash is not the column's, in either case and with
    # space around it; no body has an empty or null hash; type as in compute_hash
    verify_hash: Optional[list[str]] = None,
    # who spreads the shards over machines
    distributor: str = "multiprocessing",
    # shards per job of a distributor; without one it says nothing
    subjob_size: int = 1000,
    # further attempts at failures that may pass, with pauses between
    retries: int = 0,
    # keep the bytes of every whole image as they came, whatever skip_reencode says; what is
    # cut short or no image is refused
    disable_all_reencoding: bool = False,
    # smallest side an original may have, pixels
    min_image_size: float = 0,
    # largest area an original may have, pixels
    max_image_area: float = ...,
    # largest ratio of an original's longer to its shorter side
    max_aspect_ratio: float = ...,
    # with shards already there: do what is missing, start anew, or number on after the last
    incremental_mode: str = "incremental",
    # times a shard is tried again after an error of this machine
    max_shard_retry: int = 1,
    # who asks, added to the user agent. Obeyed in X-Robots-Tag, beside turbo2ds, is its
    # product name: what stands before the first / or space, in lower case
    user_agent_token: Optional[str] = None,
    # X-Robots-Tag directives that forbid use; [] turns the check off
    disallowed_header_directives: Optional[list[str]] = None,
    # accept any certificate
    ignore_ssl_certificate: bool = False,
    *,
    # csv and tsv: auto takes quotes around fields off, but one that is never closed or would
    # swallow whole records is a character; rfc4180 makes it an error; none takes all quotes
    # for characters (CC3M, CC12M, LAION as raw tsv)
    quoting: str = "auto",
    # csv and tsv: the character between fields; None is the format's
    delimiter: Optional[str] = None,
    # csv and tsv: files begin with the first row; --columns names the columns
    no_header: bool = False,
    # names of the columns of files without a header, in their order
    columns: Optional[list[str]] = None,
    # make a row of each URL where a cell holds a list of them; without it such a column is
    # refused
    explode_url: bool = False,
    # columns whose texts are joined to the caption; each is also kept apart, as `caption_NAME`
    caption_cols: Optional[list[str]] = None,
    # what stands between the joined captions; \n is a new line
    caption_separator: str = "\\n",
    # column of texts or whole numbers that names the samples instead of shard and row; a row
    # whose key is not fit for a file's name, or comes twice in its shard, fails without a
    # download
    key_col: Optional[str] = None,
    # take so many rows from the list's start, for a first try
    max_rows: Optional[int] = None,
    # pick this share of the rows, such as 0.01, for a first try
    sample_rate: Optional[float] = None,
    # seed of --sample_rate, 0 where none is given: equal seeds pick equal rows
    sample_seed: Optional[int] = None,
    # name an image that is kept as it came for the format of its bytes (jpg, png, webp, gif,
    # bmp, tiff) in files and webdataset; a column of parquet and tfrecord keeps
    # encode_format's name
    true_extension: bool = False,
    # turbo: libjpeg-turbo, OpenCV's pixels; zune: memory-safe
    jpeg_decoder: str = "turbo",
    # take JPEGs to RGB before resizing, as img2dataset does, also where jpg is written; else
    # they stay YCbCr, which is faster and as close to the original
    exact: bool = False,
    # most pixels of one image, checked before it is decoded
    max_pixels: int = 100000000,
    # most scans of one progressive JPEG
    max_jpeg_scans: int = 100,
    # seconds for which rows wait where the network or all name servers are down, before the
    # run ends; 0 records such failures as the hosts'
    outage_wait: float = 1800,
    # URL or e-mail address of who asks, added to the user agent; some sites refuse agents
    # without one
    contact: Optional[str] = None,
    # the whole user agent, in place of ours; its product name is obeyed in X-Robots-Tag unless
    # --user_agent_token gives another, and turbo2ds where it says so
    user_agent: Optional[str] = None,
    # further request field, 'Name: value', also with commas; may be repeated. Authorization,
    # Cookie and names with auth, token, key, secret and the like go to the origin of a row's
    # own URL alone
    header: Optional[list[str]] = None,
    # Referer of requests. auto: the root of a row's own URL; or a URL. One of https is not
    # told over http
    referer: Optional[str] = None,
    # largest body, bytes
    max_body_bytes: int = 52428800,
    # most redirects for one URL
    max_redirects: int = 10,
    # special-purpose networks (CIDR) to allow, such as 10.0.0.0/8; may be repeated
    allow_net: Optional[list[str]] = None,
    # names that a proxy of the environment is asked for are looked up by it alone, so that it
    # decides where they may lead; addresses in URLs are refused as ever
    proxy_resolves: bool = False,
    # who resolves names. recursive: built in, from the root servers down; names of private
    # networks, and every name where port 53 is closed, go to resolv.conf's servers. system:
    # resolv.conf's servers for all. Or servers: ADDRESS[:PORT], tls://HOST[:PORT][#NAME],
    # https://HOST[:PORT][/PATH]; may be repeated
    dns: Optional[list[str]] = None,
    # the same as --dns with servers
    dns_servers: Optional[list[str]] = None,
    # file in which --dns recursive keeps what it knows between runs
    dns_cache: Optional[Union[str, "os.PathLike[str]"]] = None,
    # memory of what the built-in resolver knows, bytes
    dns_cache_bytes: int = 33554432,
    # most queries of the built-in resolver waited for at a time
    dns_max_queries: int = 16384,
    # most of these to one server; None is 256 for an authority, 4096 for a server that
    # resolves for us
    dns_max_queries_per_server: Optional[int] = None,
    # most queries to one server per second; None is 2000 for an authority, 100000 for a server
    # that resolves for us
    dns_max_rate_per_server: Optional[int] = None,
    # seconds for which an answer is believed at least
    dns_min_ttl: int = 60,
    # seconds for which an answer is believed at most
    dns_max_ttl: int = 86400,
    # HOST:ADDRESS fixed answers, asked before any server; may be repeated
    resolve: Optional[list[str]] = None,
    # I/O backend; auto is io_uring where it works
    io: str = "auto",
    # process: each core decodes in a process of its own under seccomp and landlock, so that a
    # crash in a decoder fails one image; auto is that where it works; none decodes in the
    # run's threads
    decode_isolation: str = "auto",
    # events as JSON lines on stderr instead of a progress bar
    log_json: bool = False,
    # do the shards of these numbers alone, A-B with both ends; others may do the rest at the
    # same time
    shard_range: Optional[str] = None,
    # do one of --shard_count shares alone, from 0; None takes it from SLURM_ARRAY_TASK_ID or
    # JOB_COMPLETION_INDEX
    shard_index: Optional[int] = None,
    # shares that the shards are dealt into; None makes none
    shard_count: Optional[int] = None,
    on_progress: Optional[Callable[[Progress], None]] = None,
) -> RunReport: ...
