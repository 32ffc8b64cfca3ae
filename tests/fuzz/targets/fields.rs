//! Values of X-Robots-Tag and Retry-After. A directive that stands alone in a field forbids, whatever
//! the other fields hold; without directives nothing is forbidden.

#![no_main]

use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use turbo2ds::http::{RetryAfter, disallowed};

fuzz_target!(|input: (Vec<Vec<u8>>, Option<&str>, &[u8])| {
    let (mut values, token, after) = input;
    let directives = ["noai", "noimageai", "noindex", "noimageindex"].map(String::from);
    assert!(!disallowed(&values, token, &[]));
    values.push(b" NoAI ".to_vec());
    assert!(disallowed(&values, token, &directives));
    if let Some(parsed) = RetryAfter::parse(after) {
        let _ = parsed.wait(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    }
});
