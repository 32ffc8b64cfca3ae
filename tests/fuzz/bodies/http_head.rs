//! Bytes from a server: its head, whole and split at every byte, then the body by its framing, a
//! redirect by its location, its cookies, its robots and Retry-After fields. How bytes are split must change
//! nothing, and nothing that comes back in a request ends a line.

use std::time::{Duration, SystemTime};

use turbo2ds::http::{
    ChunkedDecoder, Framing, Head, HeadParse, HeadScanner, RedirectChain, RequestForm, Sender,
    Target, disallowed, follow, parse_head, write_request,
};

const BODY_BYTES_MAX: usize = 1 << 16;
/// Heads are scanned again at each of these many splits.
const SPLITS_MAX: usize = 2048;

/// One input.
pub fn run(bytes: &[u8]) {
    let whole = parse_head(bytes);
    check_splits(bytes, &whole);
    if let Ok(HeadParse::Complete { head, consumed }) = whole {
        assert!(consumed <= bytes.len());
        check_head(&head, &bytes[consumed..]);
    }
}

/// What a reader sees that gets the bytes one by one.
fn check_splits(bytes: &[u8], whole: &Result<HeadParse, turbo2ds::failure::Failure>) {
    let mut scanner = HeadScanner::default();
    let mut last = scanner.scan(&[]);
    for end in 1..=bytes.len().min(SPLITS_MAX) {
        if !matches!(last, Ok(HeadParse::Partial)) {
            break;
        }
        last = scanner.scan(&bytes[..end]);
    }
    if matches!(last, Ok(HeadParse::Partial)) {
        last = scanner.scan(bytes);
    }
    assert_eq!(format!("{last:?}"), format!("{whole:?}"));
}

fn check_head(head: &Head, rest: &[u8]) {
    if head.framing == Framing::Chunked {
        let mut out = Vec::new();
        let mut decoder = ChunkedDecoder::new(BODY_BYTES_MAX);
        if let Ok(progress) = decoder.feed(rest, &mut out) {
            assert!(progress.consumed <= rest.len() && out.len() <= progress.consumed);
        }
        assert!(out.len() <= BODY_BYTES_MAX);
    }
    let from = Target::parse("http://a.test:8080/x/y?z").expect("a plain URL");
    if let Ok(target) = follow(&from, head, 0, 10) {
        // What is written into the next request line ends where it seems to.
        assert!(target.path_and_query().starts_with('/'));
        let plain = |text: &str| text.bytes().all(|byte| byte > b' ' && byte != 0x7f);
        assert!(plain(target.path_and_query()) && plain(target.authority()));
    }
    check_next_request(&from, head);
    let directives = ["noai", "noindex"].map(String::from);
    let _ = disallowed(&head.robots, &["turbo2ds".to_owned()], &directives);
    assert!(!disallowed(&head.robots, &[], &[]));
    if let Some(after) = head.retry_after {
        let _ = after.wait(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    }
}

/// The request behind a redirect, twice, so that cookies are kept and replaced.
fn check_next_request(from: &Target, head: &Head) {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let mut chain = RedirectChain::new(from);
    for _ in 0..2 {
        if chain.follow(head, 10, now).is_err() {
            return;
        }
        let mut request = Vec::new();
        let sender = Sender::new("turbo2ds");
        write_request(
            &mut request,
            chain.hop(),
            RequestForm::Origin,
            &sender,
            None,
        );
        let lines: Vec<&[u8]> = request.split(|byte| *byte == b'\n').collect();
        // A request line, five fields, perhaps cookies, an empty line, and nothing behind it.
        assert!(matches!(lines.len(), 8 | 9) && lines.last() == Some(&&b""[..]));
        for line in &lines[..lines.len() - 1] {
            let (end, text) = line.split_last().expect("a line ends in CR");
            assert!(
                *end == b'\r'
                    && !text
                        .iter()
                        .any(|byte| byte.is_ascii_control() && *byte != b'\t')
            );
        }
    }
}
