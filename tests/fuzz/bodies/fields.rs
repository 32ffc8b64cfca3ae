//! Values of X-Robots-Tag and Retry-After. A directive that stands alone in a field forbids, whatever
//! the other fields hold; without directives nothing is forbidden.

use std::time::{Duration, SystemTime};

use arbitrary::{Arbitrary, Unstructured};
use turbo2ds::http::{RetryAfter, disallowed};

/// Values of X-Robots-Tag, our tokens, a value of Retry-After.
type Input<'a> = (Vec<Vec<u8>>, Vec<String>, &'a [u8]);

/// One input.
pub fn run(input: &[u8]) {
    let Ok((mut values, tokens, after)) = Input::arbitrary_take_rest(Unstructured::new(input))
    else {
        return;
    };
    let directives = ["noai", "noimageai", "noindex", "noimageindex"].map(String::from);
    assert!(!disallowed(&values, &tokens, &[]));
    values.push(b" NoAI ".to_vec());
    assert!(disallowed(&values, &tokens, &directives));
    if let Some(parsed) = RetryAfter::parse(after) {
        let _ = parsed.wait(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    }
}
