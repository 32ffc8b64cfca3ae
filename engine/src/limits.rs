//! Owns every bound of the engine in one place, with its unit and reason. Names end in the unit. Never
//! holds what a user may choose per run: that is in [`crate::config`], whose defaults are here.

use std::time::Duration;

/// Largest header block of a response, bytes.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Most header fields of a response.
pub const HEAD_FIELDS_MAX: usize = 100;
/// Default for the largest body, bytes, before and after content decoding.
pub const BODY_BYTES_MAX: usize = 50 * 1024 * 1024;
/// Most redirects followed for one URL.
pub const REDIRECTS_MAX: u32 = 10;
/// Longest URL that is requested, bytes.
pub const URL_BYTES_MAX: usize = 64 * 1024;
/// Most fields that a user may add to requests: servers limit the size of a request's head.
pub const EXTRA_FIELDS_MAX: usize = 50;
/// Most bytes of the fields in [`EXTRA_FIELDS_MAX`] together.
pub const EXTRA_FIELDS_BYTES_MAX: usize = 16 * 1024;
/// Most interim (1xx) responses before the final one.
pub const INTERIM_ANSWERS_MAX: u32 = 10;
/// Default for the most pixels of one image.
pub const PIXELS_MAX: u64 = 100_000_000;
/// Default for the most scans of one JPEG.
pub const JPEG_SCANS_MAX: u32 = 100;

/// Body bytes that one core may hold, from the first read until its image is processed.
pub const BODY_BUDGET_PER_CORE_BYTES: usize = 256 * 1024 * 1024;
/// Caps decode memory across threads, before [`DECODING_PER_CORE_BYTES`] is added for each core.
pub const DECODING_BYTES: usize = 256 * 1024 * 1024;
/// Decode memory that each core adds to [`DECODING_BYTES`]: enough for a photo of 20 megapixels.
pub const DECODING_PER_CORE_BYTES: usize = 128 * 1024 * 1024;
/// Bytes first reserved for a body while at least half of the budget is free: the size of most images.
pub const BODY_FIRST_BYTES: usize = 256 * 1024;
/// Bytes first reserved for a body while less than half of the budget is free.
pub const BODY_FIRST_SCARCE_BYTES: usize = 64 * 1024;
/// Bodies up to this size may use the whole budget; larger ones leave a part of it to them.
pub const SMALL_BODY_BYTES: usize = 1024 * 1024;
/// Bodies that one core may hold beyond its budget after decompression.
pub const LARGE_BODIES_PER_CORE: usize = 2;
/// Cache of the resolver that all cores share: about 200,000 names. A list with millions of hosts names
/// most of them once, so a larger cache would add few hits.
pub const DNS_CACHE_BYTES: usize = 32 * 1024 * 1024;
/// Names that the built-in resolver looks up at a time. Enough for about 2,000 names a second, if a
/// cold name takes 0.5 s and one name in ten is dead and takes 4.5 s.
pub const DNS_NAMES_ACTIVE_MAX: usize = 2048;
/// Outstanding queries of the built-in resolver.
pub const DNS_QUERIES_MAX: usize = 16_384;
/// Shortest time a DNS answer is cached: a list names a host many times within seconds.
pub const DNS_TTL_MIN: Duration = Duration::from_secs(60);
/// Longest time a DNS answer is cached.
pub const DNS_TTL_MAX: Duration = Duration::from_secs(86_400);
/// Rows that a core reads ahead so that their host names are resolved in time: at least two seconds of
/// fetching, and about 500 KB.
pub const LOOK_AHEAD_ROWS: usize = 1024;
/// Images that wait between a core's reactor and its compute thread.
pub const COMPUTE_QUEUE_IMAGES: usize = 64;
/// Downloads in flight per core that the adaptive limit starts from.
pub const IN_FLIGHT_START: usize = 64;
/// Highest value of the adaptive limit on downloads in flight per core.
pub const IN_FLIGHT_MAX: usize = 1024;
/// Slow downloads per core that do not count as in flight. A list with one slow host in ten has about
/// 1,000 of them at a time.
pub const SLOW_DOWNLOADS_MAX: usize = 4096;
/// Most downloads in flight per core that a user may ask for: the number of ports of an address.
pub const IN_FLIGHT_USER_MAX: usize = 65_536;
/// Open shards per core: new shards start while the slow URLs of old ones finish.
pub const OPEN_SHARDS_PER_CORE_MAX: usize = 128;
/// Rows that one core's open shards may hold in memory together.
pub const OPEN_ROWS_PER_CORE_MAX: usize = 60_000;

/// Bytes that one core may have serialized but not yet written.
pub const DIRTY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Alignment of memory, offset and length that every device accepts for direct I/O, bytes.
pub const DIRECT_IO_ALIGN_BYTES: usize = 4096;
/// Descriptors that one DNS lookup may use: both address types, over several sockets.
pub const FDS_PER_NAME: usize = 6;

const _: () = {
    assert!(HEAD_BYTES_MAX < BODY_BYTES_MAX);
    assert!(BODY_BUDGET_PER_CORE_BYTES >= 2 * BODY_BYTES_MAX);
    assert!(BODY_FIRST_SCARCE_BYTES <= BODY_FIRST_BYTES);
    assert!(BODY_FIRST_BYTES <= SMALL_BODY_BYTES);
    assert!(IN_FLIGHT_START <= IN_FLIGHT_MAX);
    assert!(IN_FLIGHT_MAX <= IN_FLIGHT_USER_MAX);
    assert!(COMPUTE_QUEUE_IMAGES <= IN_FLIGHT_MAX);
    assert!(DNS_NAMES_ACTIVE_MAX <= DNS_QUERIES_MAX);
    assert!(DNS_TTL_MIN.as_secs() <= DNS_TTL_MAX.as_secs());
};
