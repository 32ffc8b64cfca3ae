//! Owns every bound of the engine in one place, with unit and reason; names carry the unit last.
//! Never holds what a user may choose per run: that is in [`crate::config`], whose defaults are here.

use std::time::Duration;

/// Largest header block of one answer, bytes.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Most header fields of one answer.
pub const HEAD_FIELDS_MAX: usize = 100;
/// Default for the largest body, bytes, before and after content decoding.
pub const BODY_BYTES_MAX: usize = 50 * 1024 * 1024;
/// Most redirects followed for one URL.
pub const REDIRECTS_MAX: u32 = 10;
/// Longest URL that is requested, bytes.
pub const URL_BYTES_MAX: usize = 64 * 1024;
/// Most fields that a user may add to requests, and their size together: servers bound a request's head.
pub const EXTRA_FIELDS_MAX: usize = 50;
/// See [`EXTRA_FIELDS_MAX`].
pub const EXTRA_FIELDS_BYTES_MAX: usize = 16 * 1024;
/// Most interim (1xx) answers before the final one.
pub const INTERIM_ANSWERS_MAX: u32 = 10;
/// Default for the most pixels of one image.
pub const PIXELS_MAX: u64 = 100_000_000;
/// Default for the most scans of one JPEG.
pub const JPEG_SCANS_MAX: u32 = 100;

/// Body bytes that one core may hold between the first read and the end of compute.
pub const BODY_BUDGET_PER_CORE_BYTES: usize = 256 * 1024 * 1024;
/// Memory that all compute threads together decode into, and what a core adds to it: one photo of 20
/// megapixels.
pub const DECODING_BYTES: usize = 256 * 1024 * 1024;
/// See [`DECODING_BYTES`].
pub const DECODING_PER_CORE_BYTES: usize = 128 * 1024 * 1024;
/// Budget taken at first for a body: as much as most images have, and where half of it is taken less.
pub const BODY_FIRST_BYTES: usize = 256 * 1024;
/// See [`BODY_FIRST_BYTES`].
pub const BODY_FIRST_SCARCE_BYTES: usize = 64 * 1024;
/// Bodies up to this size may take all of the budget; larger ones leave a part to these.
pub const SMALL_BODY_BYTES: usize = 1024 * 1024;
/// Bodies that one core may hold beyond its budget because their content coding grew them.
pub const LARGE_BODIES_PER_CORE: usize = 2;
/// What the resolver remembers for all cores: some 200,000 names. A list with millions of hosts meets
/// most of them once, so that more memory would find little more.
pub const DNS_CACHE_BYTES: usize = 32 * 1024 * 1024;
/// Names that the built-in resolver walks for at a time: what 0.5 s for a cold name, and 4.5 s for one
/// in ten that is dead, take at some 2,000 names a second.
pub const DNS_NAMES_ACTIVE_MAX: usize = 2048;
/// Queries that the built-in resolver waits for at a time.
pub const DNS_QUERIES_MAX: usize = 16_384;
/// Shortest time an answer is believed: a list names one host many times within seconds.
pub const DNS_TTL_MIN: Duration = Duration::from_secs(60);
/// Longest time an answer is believed.
pub const DNS_TTL_MAX: Duration = Duration::from_secs(86_400);
/// Rows that a core prepares before their turn, so that their names are there by then: two seconds or
/// more of what a core fetches, and some 500 KB.
pub const LOOK_AHEAD_ROWS: usize = 1024;
/// Images that wait between a core's reactor and its compute thread.
pub const COMPUTE_QUEUE_IMAGES: usize = 64;
/// Downloads in flight per core that the adaptive limit starts from.
pub const IN_FLIGHT_START: usize = 64;
/// Downloads in flight per core that the adaptive limit never passes.
pub const IN_FLIGHT_MAX: usize = 1024;
/// Slow downloads per core that go on beside those in flight: a list on which every tenth host is slow
/// has some 1000 of them at a time.
pub const ASIDE_MAX: usize = 4096;
/// Most downloads in flight per core that a user may ask for: as many as one address has ports.
pub const IN_FLIGHT_GIVEN_MAX: usize = 65_536;
/// Shards that one core may have open, so that slow URLs of the old ones idle nothing.
pub const OPEN_SHARDS_PER_CORE_MAX: usize = 128;
/// Rows that one core's open shards may hold in memory together.
pub const OPEN_ROWS_PER_CORE_MAX: usize = 60_000;

/// Bytes that one core may have laid out and not yet written.
pub const DIRTY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Alignment of memory, offset and length that every device accepts for direct I/O, bytes.
pub const DIRECT_IO_ALIGN_BYTES: usize = 4096;
/// Descriptors one name may take while it is asked for: both address types, over several sockets.
pub const FDS_PER_NAME: usize = 6;

const _: () = {
    assert!(HEAD_BYTES_MAX < BODY_BYTES_MAX);
    assert!(BODY_BUDGET_PER_CORE_BYTES >= 2 * BODY_BYTES_MAX);
    assert!(BODY_FIRST_SCARCE_BYTES <= BODY_FIRST_BYTES);
    assert!(BODY_FIRST_BYTES <= SMALL_BODY_BYTES);
    assert!(IN_FLIGHT_START <= IN_FLIGHT_MAX);
    assert!(IN_FLIGHT_MAX <= IN_FLIGHT_GIVEN_MAX);
    assert!(COMPUTE_QUEUE_IMAGES <= IN_FLIGHT_MAX);
    assert!(DNS_NAMES_ACTIVE_MAX <= DNS_QUERIES_MAX);
    assert!(DNS_TTL_MIN.as_secs() <= DNS_TTL_MAX.as_secs());
};
