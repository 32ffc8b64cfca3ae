//! Response heads: the engine's parser against httparse alone. Owns the heads, written after what
//! such servers send.

use std::hint::black_box;
use std::time::Duration;

use turbo2ds::http::{HeadParse, parse_head};
use turbo2ds::limits::HEAD_FIELDS_MAX;
use turbo2ds_benches::thread_cpu;

use crate::Found;
use crate::measure::{Turns, calls_lasting, timed};
use crate::table::{Column, Table};

/// What one sample lasts at least.
const SAMPLE: Duration = Duration::from_millis(5);

/// A web server's own answer.
const NGINX: &str = "HTTP/1.1 200 OK
Server: nginx/1.26.2
Date: Tue, 14 Jan 2025 09:12:44 GMT
Content-Type: image/jpeg
Content-Length: 118034
Last-Modified: Mon, 03 Jun 2024 17:20:01 GMT
Connection: keep-alive
ETag: \"665df9a1-1cd12\"
Expires: Thu, 13 Feb 2025 09:12:44 GMT
Cache-Control: max-age=2592000
Accept-Ranges: bytes
";

/// An object store's.
const S3: &str = "HTTP/1.1 200 OK
x-amz-id-2: 9fT0vQm1rXk3kzC0a5QJp8m2uYVb7i4l0oEJxwR6cHn1sD2gLqZtFe8yKpWbNaUj
x-amz-request-id: 4M7Q2K9ZB1C8D3XF
Date: Tue, 14 Jan 2025 09:12:44 GMT
Last-Modified: Mon, 03 Jun 2024 17:20:01 GMT
ETag: \"b1946ac92492d2347c6235b4d2611184\"
x-amz-server-side-encryption: AES256
x-amz-version-id: u3Hq0Z7n1vQfXy2kLs9dTgB5cRmW8pJe
Accept-Ranges: bytes
Content-Type: image/jpeg
Content-Length: 118034
Server: AmazonS3
";

/// A content network's, 25 fields with a policy among them.
const CDN: &str = "HTTP/1.1 200 OK
Date: Tue, 14 Jan 2025 09:12:44 GMT
Content-Type: image/jpeg
Content-Length: 118034
Connection: keep-alive
CF-Ray: 8f9b1c2d3e4f5a6b-FRA
CF-Cache-Status: HIT
Access-Control-Allow-Origin: *
Access-Control-Expose-Headers: Content-Length, Content-Range, Date, X-Cache
Accept-Ranges: bytes
Age: 482113
Cache-Control: public, max-age=31536000, s-maxage=31536000, immutable
ETag: \"cfkq7T1Zr9-0eWm:5d41402abc4b2a76b9719d911017c592\"
Last-Modified: Mon, 03 Jun 2024 17:20:01 GMT
Strict-Transport-Security: max-age=63072000; includeSubDomains; preload
Vary: Accept, Accept-Encoding, Origin
Content-Security-Policy: default-src 'none'; navigate-to 'none'; form-action 'none'
Cf-Bgj: imgq:85,h2pri
Cf-Polished: origSize=131072, status=webp_bigger
X-Content-Type-Options: nosniff
X-Robots-Tag: all
Server-Timing: cfL4;desc=\"?proto=TCP&rtt=1201&min_rtt=1180&rtt_var=451&sent=4&recv=6\"
Report-To: {\"endpoints\":[{\"url\":\"https://reports.example/report?s=Zk1xT0dVb2\"}],\"group\":\"nel\"}
NEL: {\"success_fraction\":0,\"report_to\":\"nel\",\"max_age\":604800}
Server: cdn
alt-svc: h3=\":443\"; ma=86400
";

/// A redirect.
const REDIRECT: &str = "HTTP/1.1 301 Moved Permanently
Server: nginx
Date: Tue, 14 Jan 2025 09:12:44 GMT
Content-Type: text/html
Content-Length: 162
Connection: keep-alive
Location: https://images.example.org/photos/2024/06/03/0001.jpg
";

const HEADS: [(&str, &str); 4] = [
    ("nginx", NGINX),
    ("object store", S3),
    ("CDN", CDN),
    ("redirect", REDIRECT),
];

/// A head as it stands on the wire.
fn on_the_wire(lines: &str) -> Vec<u8> {
    format!("{}\r\n", lines.replace('\n', "\r\n")).into_bytes()
}

pub(crate) fn measure(rounds: usize) -> Found {
    let columns = [
        Column::new("bytes", 0),
        Column::new("fields", 0),
        Column::new("ours ns", 0),
        Column::new("bare ns", 0),
        Column::new("ratio", 3),
    ];
    let mut table = Table::new("head: the engine's parser against httparse alone", &columns);
    for (name, lines) in HEADS {
        let head = on_the_wire(lines);
        if !ours(&head) || bare(&head).is_none() {
            return Err(format!("the head of {name} is refused").into());
        }
        let calls = calls_lasting(SAMPLE, || {
            black_box(bare(black_box(&head)));
        });
        let call = |side| {
            (0..calls).all(|_| match side {
                0 => ours(black_box(&head)),
                _ => bare(black_box(&head)).is_some(),
            })
        };
        let turns = Turns::new(2, rounds, |side| {
            timed(thread_cpu, || call(side)).ok_or("a head that was taken is refused")
        })?;
        let nanos = |side| turns.micros(side) * 1e3 / calls as f64;
        let fields = bare(&head).unwrap_or(0);
        let cells = [
            head.len() as f64,
            fields as f64,
            nanos(0),
            nanos(1),
            turns.ratio(0, 1),
        ];
        table.row(name, cells.map(Some));
    }
    Ok(vec![table])
}

fn ours(head: &[u8]) -> bool {
    let parsed = black_box(parse_head(head));
    matches!(parsed, Ok(HeadParse::Complete { consumed, .. }) if consumed == head.len())
}

/// Fields, where the head is complete; with room for as many as the engine takes.
fn bare(head: &[u8]) -> Option<usize> {
    let mut fields = [httparse::EMPTY_HEADER; HEAD_FIELDS_MAX];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = black_box(response.parse(head));
    parsed
        .is_ok_and(|status| status.is_complete())
        .then_some(response.headers.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parsers_take_every_head_whole() {
        for (name, lines) in HEADS {
            let head = on_the_wire(lines);
            assert!(ours(&head), "{name}");
            assert_eq!(bare(&head), Some(lines.lines().count() - 1), "{name}");
            assert!(!ours(&head[..head.len() - 1]), "{name}");
        }
        assert_eq!(bare(&on_the_wire(CDN)), Some(25));
    }
}
