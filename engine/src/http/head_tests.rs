use super::*;

fn head(text: &str) -> Head {
    match parse_head(text.as_bytes()) {
        Ok(HeadParse::Complete { head, consumed }) if consumed == text.len() => head,
        other => panic!("{text:?}: {other:?}"),
    }
}

fn ok_with(fields: &str) -> Head {
    head(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n"))
}

/// What these codings of content and transfer come to.
fn codings(content: &[&str], transfer: &[&str]) -> ContentEncoding {
    let [mut inner, mut outer] = [CodingList::default(); 2];
    content.iter().for_each(|name| inner.push(name.as_bytes()));
    transfer.iter().for_each(|name| outer.push(name.as_bytes()));
    ContentEncoding::new(inner, outer)
}

fn refused(fields: &str) -> Option<Failure> {
    parse_head(format!("HTTP/1.1 200 OK\r\n{fields}\r\n").as_bytes()).err()
}

#[test]
fn the_fields_that_matter_are_kept() {
    let head = ok_with(
        "Content-Length: 5\r\nlocation: /a\r\nX-Robots-Tag: noai\r\nx-robots-tag: bot: noindex\r\n\
         Retry-After: 3\r\nContent-Encoding: GZIP\r\nServer: x\r\n",
    );
    assert_eq!(
        (head.status, head.framing, head.keep_alive),
        (200, Framing::Length(5), true)
    );
    assert_eq!(head.location.as_deref(), Some(&b"/a"[..]));
    assert_eq!(head.robots, [b"noai".to_vec(), b"bot: noindex".to_vec()]);
    assert_eq!(head.retry_after, RetryAfter::parse(b"3"));
    assert_eq!(head.encoding, codings(&["gzip"], &[]));
    assert_eq!((head.whole_length, head.cookies.len()), (None, 0));
}

#[test]
fn a_head_may_arrive_split_at_any_byte() {
    let text = b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\nLocation: /x\r\n\r\nabc";
    let whole = parse_head(text);
    assert!(
        matches!(whole, Ok(HeadParse::Complete { consumed, .. }) if consumed == text.len() - 3)
    );
    for split in 0..text.len() - 3 {
        let mut scanner = HeadScanner::default();
        assert_eq!(
            scanner.scan(&text[..split]),
            Ok(HeadParse::Partial),
            "{split}"
        );
        assert_eq!(scanner.scan(text), whole, "{split}");
    }
    let mut scanner = HeadScanner::default();
    let first = (0..=text.len())
        .map(|n| scanner.scan(&text[..n]))
        .find(|r| *r != Ok(HeadParse::Partial));
    assert_eq!(first, Some(whole));
}

#[test]
fn a_later_minor_version_is_read_as_the_latest_known() {
    let fields = " 200 OK\r\nContent-Length: 5\r\n\r\n";
    let of = |version: &str| parse_head(format!("{version}{fields}").as_bytes());
    for version in ["HTTP/1.2", "HTTP/1.7", "\r\nHTTP/1.9"] {
        let (Ok(HeadParse::Complete { head, .. }), Ok(HeadParse::Complete { head: known, .. })) =
            (of(version), of("HTTP/1.1"))
        else {
            panic!("{version} is no head");
        };
        assert_eq!(head, known, "{version}");
        assert!(head.keep_alive);
    }
}

#[test]
fn anything_but_http_is_refused_at_its_first_bytes() {
    for text in [
        "<",
        "HTTQ",
        "HTTP/2 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "\r\n\r\nGET",
        "\0",
    ] {
        assert_eq!(
            parse_head(text.as_bytes()),
            Err(Failure::MalformedResponse),
            "{text}"
        );
    }
    for text in [
        "HTTP/1.1 099 x\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.17 200 OK\r\n\r\n",
        "HTTP/1.1\r\n\r\n",
    ] {
        assert_eq!(
            parse_head(text.as_bytes()),
            Err(Failure::MalformedResponse),
            "{text}"
        );
    }
}

#[test]
fn a_head_is_bounded_in_bytes_and_fields() {
    let start = "HTTP/1.1 200 OK\r\nA: ";
    let fits = format!(
        "{start}{}\r\n\r\n",
        "x".repeat(HEAD_BYTES_MAX - start.len() - 4)
    );
    assert!(matches!(
        parse_head(fits.as_bytes()),
        Ok(HeadParse::Complete { .. })
    ));
    let over = format!(
        "{start}{}\r\n\r\n",
        "x".repeat(HEAD_BYTES_MAX - start.len() - 3)
    );
    assert_eq!(parse_head(over.as_bytes()), Err(Failure::HeaderTooLarge));
    assert_eq!(
        parse_head(&[b'\r'; HEAD_BYTES_MAX]),
        Err(Failure::HeaderTooLarge)
    );
    assert_eq!(refused(&"A: 1\r\n".repeat(HEAD_FIELDS_MAX)), None);
    assert_eq!(
        refused(&"A: 1\r\n".repeat(HEAD_FIELDS_MAX + 1)),
        Some(Failure::HeaderTooLarge)
    );
}

#[test]
fn keep_alive_depends_on_the_version_and_the_connection_field() {
    assert!(ok_with("Content-Length: 0\r\n").keep_alive);
    assert!(!ok_with("Content-Length: 0\r\nConnection: x, Close\r\n").keep_alive);
    assert!(!head("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").keep_alive);
    assert!(
        head("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive
    );
    assert!(
        !ok_with("Connection: keep-alive\r\n").keep_alive,
        "ends with the connection"
    );
}

#[test]
fn a_body_ends_where_the_fields_say() {
    assert_eq!(ok_with("").framing, Framing::Eof);
    assert_eq!(
        ok_with("Content-Length: 007\r\n").framing,
        Framing::Length(7)
    );
    assert_eq!(
        ok_with("Content-Length: 7, 7\r\ncontent-length: 7\r\n").framing,
        Framing::Length(7)
    );
    let endless = ok_with("Content-Length: 99999999999999999999999\r\n");
    assert_eq!(endless.framing, Framing::Length(u64::MAX));
    let chunked = ok_with("Transfer-Encoding: Chunked\r\n");
    assert_eq!(
        (chunked.framing, chunked.keep_alive),
        (Framing::Chunked, true)
    );
}

#[test]
fn chunked_wins_over_a_length_and_closes() {
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    ] {
        let head = ok_with(fields);
        assert_eq!((head.framing, head.keep_alive), (Framing::Chunked, false));
    }
    let old =
        head("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!((old.framing, old.keep_alive), (Framing::Chunked, false));
}

#[test]
fn an_ambiguous_length_is_refused() {
    for value in [
        "-1", "+5", "0x5", "5a", "", " ", "5,", "5, 6", "5 5", "5;", "5.0", "\u{661}",
    ] {
        let fields = format!("Content-Length: {value}\r\n");
        assert_eq!(
            refused(&fields),
            Some(Failure::MalformedResponse),
            "{value:?}"
        );
        let with_chunked = format!("{fields}Transfer-Encoding: chunked\r\n");
        assert_eq!(
            refused(&with_chunked),
            Some(Failure::MalformedResponse),
            "{value:?}"
        );
    }
    let twice = "Content-Length: 5\r\nContent-Length: 6\r\n";
    assert_eq!(refused(twice), Some(Failure::MalformedResponse));
}

#[test]
fn a_transfer_coding_other_than_chunked_last_is_refused() {
    for value in [
        "gzip",
        "gzip, identity",
        "identity,",
        "identity;q=1",
        "chunked, identity",
        "",
        "chunked, gzip",
        "chunked, chunked",
        "xchunked",
        "chunked;q=1",
        "chunked,",
        "chunked chunked",
    ] {
        let fields = format!("Transfer-Encoding: {value}\r\n");
        assert_eq!(
            refused(&fields),
            Some(Failure::MalformedResponse),
            "{value:?}"
        );
    }
    let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(refused(twice), Some(Failure::MalformedResponse));
}

#[test]
fn an_invalid_framing_field_is_never_skipped() {
    for fields in [
        "Content-Length\u{1}: 5\r\n",
        "Transfer-Encoding chunked\r\n",
        "Content-Length: 5\u{1}\r\n",
        "Transfer-Encoding: chunked\rX\r\n",
        "Content-Length: 5\0\r\n",
        "X Y: 1\r\n  Content-Length: 5\r\n",
    ] {
        assert_eq!(
            refused(fields),
            Some(Failure::MalformedResponse),
            "{fields:?}"
        );
    }
    let spaced = ok_with("Content-Length : 5\r\n");
    assert_eq!(
        (spaced.framing, spaced.keep_alive),
        (Framing::Length(5), false)
    );
    let folded = ok_with("Transfer-Encoding:\r\n chunked\r\n");
    assert_eq!(
        (folded.framing, folded.keep_alive),
        (Framing::Chunked, false)
    );
}

#[test]
fn invalid_lines_are_skipped_and_the_connection_is_not_reused() {
    for text in [
        "HTTP/1.1 200 OK\nContent-Length: 5\n\n",
        "HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1  200  OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 5\r\n\r\n",
    ] {
        let head = head(text);
        assert_eq!(
            (head.framing, head.keep_alive),
            (Framing::Length(5), false),
            "{text:?}"
        );
    }
    assert_eq!(
        ok_with("X-Robots-Tag: nofollow,\r\n\tnoai\r\n").robots,
        [b"nofollow,  \tnoai".to_vec()]
    );
}

#[test]
fn a_status_without_a_body_ignores_an_announced_length() {
    for status in [100, 103, 204, 205, 304] {
        let plain = head(&format!("HTTP/1.1 {status} x\r\n\r\n"));
        assert_eq!(
            (plain.framing, plain.keep_alive),
            (Framing::Empty, true),
            "{status}"
        );
        let announced = head(&format!("HTTP/1.1 {status} x\r\nContent-Length: 5\r\n\r\n"));
        assert_eq!(
            (announced.framing, announced.keep_alive),
            (Framing::Empty, false),
            "{status}"
        );
    }
}

#[test]
fn the_identity_transfer_coding_closes_the_connection() {
    for (fields, framing) in [
        ("Transfer-Encoding: identity\r\n", Framing::Eof),
        (
            "Transfer-Encoding: Identity\r\nContent-Length: 5\r\n",
            Framing::Length(5),
        ),
        (
            "Content-Length: 5\r\nTransfer-Encoding: identity, identity\r\n",
            Framing::Length(5),
        ),
        ("Transfer-Encoding: identity, chunked\r\n", Framing::Chunked),
        (
            "Transfer-Encoding: identity\r\nTransfer-Encoding: gzip, chunked\r\n",
            Framing::Chunked,
        ),
    ] {
        let head = ok_with(fields);
        assert_eq!(
            (head.framing, head.keep_alive),
            (framing, false),
            "{fields}"
        );
    }
    let empty = head("HTTP/1.1 304 x\r\nTransfer-Encoding: identity\r\n\r\n");
    assert!(!empty.keep_alive);
}

#[test]
fn codings_are_kept_in_their_order_of_application() {
    let twice = codings(&["gzip", "br"], &[]);
    assert_eq!(ok_with("Content-Encoding: x-gzip, br\r\n").encoding, twice);
    assert_eq!(
        ok_with("Content-Encoding: gzip\r\nContent-Encoding: br\r\n").encoding,
        twice
    );
    assert_eq!(
        ok_with("Transfer-Encoding: br, chunked\r\nContent-Encoding: gzip\r\n").encoding,
        codings(&["gzip"], &["br"])
    );
    for nothing in ["identity,", "utf-8", "gzip, none", ""] {
        let head = ok_with(&format!("Content-Encoding: {nothing}\r\n"));
        assert!(head.encoding.is_identity(), "{nothing}");
    }
    assert!(!ok_with("Content-Encoding: zstd\r\n").encoding.is_identity());
    let unknown = ok_with("Transfer-Encoding: rot13, chunked\r\n").encoding;
    assert!(!unknown.is_identity());
}

#[test]
fn a_206_may_cover_the_whole() {
    let part = |fields: &str| head(&format!("HTTP/1.1 206 Partial Content\r\n{fields}\r\n"));
    let whole = "Content-Range: bytes 0-4/5\r\n";
    for fields in [
        "",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
    ] {
        let head = part(&format!("{whole}{fields}"));
        assert_eq!((head.whole_length, head.may_be_whole()), (Some(5), true));
    }
    assert!(!part(&format!("{whole}Content-Length: 4\r\n")).may_be_whole());
    assert!(!part("Content-Range: bytes 0-3/5\r\nContent-Length: 4\r\n").may_be_whole());
    assert!(!part("Content-Length: 5\r\n").may_be_whole());
    assert_eq!(ok_with(whole).whole_length, None, "200 is whole without it");
}

#[test]
fn the_cookies_of_a_redirect_are_kept_and_no_others() {
    let cookies = "Location: /x\r\nSet-Cookie: a=1\r\nset-cookie: b=2; Path=/\r\n\r\n";
    for (status, kept) in [(302, 2), (307, 2), (200, 0), (304, 0), (404, 0), (429, 0)] {
        let head = head(&format!("HTTP/1.1 {status} x\r\n{cookies}"));
        assert_eq!(head.cookies.len(), kept, "{status}");
    }
}
