use super::*;

const CAP: usize = 1000;

/// Feeds `pieces` and returns the body, the bytes consumed, and whether it ended.
fn decode<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    cap: usize,
) -> Result<(Vec<u8>, usize, bool), Failure> {
    let (mut decoder, mut out) = (ChunkedDecoder::new(cap), Vec::new());
    let (mut consumed, mut done) = (0, false);
    for piece in pieces {
        let progress = decoder.feed(piece, &mut out)?;
        consumed += progress.consumed;
        done = progress.done;
    }
    Ok((out, consumed, done))
}

fn failure(text: &[u8]) -> Option<Failure> {
    decode([text], CAP).err()
}

#[test]
fn a_body_may_be_split_at_any_byte() {
    let text = b"4;name=\"v\"\r\nWiki\r\n0a \r\npedia in c\r\n0\r\nTrailer: x\r\n\r\nNEXT";
    let end = text.len() - 4;
    let whole = decode([&text[..]], CAP);
    assert_eq!(whole, Ok((b"Wikipedia in c".to_vec(), end, true)));
    for split in 0..text.len() {
        assert_eq!(
            decode([&text[..split], &text[split..]], CAP),
            whole,
            "{split}"
        );
    }
    assert_eq!(decode(text.chunks(1), CAP), whole);
    for short in 0..end {
        assert!(
            matches!(decode([&text[..short]], CAP), Ok((_, n, false)) if n == short),
            "{short}"
        );
    }
}

#[test]
fn random_bodies_survive_random_chunks_and_random_splits() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |limit: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % limit
    };
    for round in 0..500 {
        let (mut body, mut text) = (Vec::new(), Vec::new());
        for _ in 0..below(6) {
            let chunk: Vec<u8> = (0..=below(40)).map(|_| below(256) as u8).collect();
            text.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            text.extend_from_slice(&chunk);
            text.extend_from_slice(b"\r\n");
            body.extend_from_slice(&chunk);
        }
        text.extend_from_slice(b"0\r\n\r\n");
        let (mut pieces, mut rest) = (Vec::new(), &text[..]);
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((1 + below(9) as usize).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        assert_eq!(
            decode(pieces, CAP),
            Ok((body, text.len(), true)),
            "round {round}"
        );
    }
}

#[test]
fn a_size_is_hexadecimal_digits_and_nothing_else() {
    for text in [
        &b"\r\n"[..],
        b" 5\r\n",
        b"0x5\r\n",
        b"+5\r\n",
        b"-5\r\n",
        b"5 5\r\n",
        b"g\r\n",
        b";x\r\n",
        b"5\rX",
        b"5\r\r\n",
        b"5;a\rb",
        b"5;\0\r\n",
        b"00000000000000001\r\n",
        b"fffffffffffffffff\r\n",
    ] {
        assert_eq!(failure(text), Some(Failure::MalformedResponse), "{text:?}");
    }
    assert_eq!(failure(b"0000000000000001\r\nx\r\n0\r\n\r\n"), None);
}

#[test]
fn data_without_a_line_end_after_it_is_malformed() {
    for text in [
        &b"3\r\nabcd\r\n"[..],
        b"3\r\nabc0\r\n",
        b"3\r\nabc\rX",
        b"0\r\nA: b\rc",
    ] {
        assert_eq!(failure(text), Some(Failure::MalformedResponse), "{text:?}");
    }
}

#[test]
fn a_body_over_the_limit_fails_at_its_size() {
    assert_eq!(
        failure(b"ffffffffffffffff\r\n"),
        Some(Failure::ResponseTooLarge)
    );
    assert_eq!(
        decode([&b"3\r\nabc\r\n0\r\n\r\n"[..]], 3).map(|d| d.0),
        Ok(b"abc".to_vec())
    );
    assert_eq!(
        decode([&b"3\r\nabc\r\n1\r\n"[..]], 3),
        Err(Failure::ResponseTooLarge)
    );
    assert_eq!(decode([&b"0\r\n\r\n"[..]], 0), Ok((Vec::new(), 5, true)));
}

#[test]
fn extensions_and_trailers_are_bounded() {
    let long = format!("1;{}\r\n", "x".repeat(EXTENSION_BYTES_MAX + 1));
    assert_eq!(failure(long.as_bytes()), Some(Failure::MalformedResponse));
    let many = format!("1;{}\r\na\r\n", "x".repeat(100)).repeat(EXTENSION_BYTES_MAX / 100 + 1);
    assert_eq!(failure(many.as_bytes()), Some(Failure::MalformedResponse));
    let trailer = format!("0\r\n{}", "A: b\r\n".repeat(TRAILER_BYTES_MAX / 6 + 1));
    assert_eq!(failure(trailer.as_bytes()), Some(Failure::HeaderTooLarge));
}

#[test]
fn bare_line_feeds_are_read_and_the_connection_is_not_reused() {
    for (text, reusable) in [
        (&b"3\r\nabc\r\n0\r\n\r\n"[..], true),
        (b"3\nabc\n0\n\n", false),
        (b"3\r\nabc\n0\r\n\r\n", false),
        (b"3\r\nabc\r\n0\r\nA: b\n\r\n", false),
        (b"3\r\nabc\r\n0\r\n", false),
    ] {
        let mut decoder = ChunkedDecoder::new(CAP);
        let mut out = Vec::new();
        decoder.feed(text, &mut out).unwrap();
        assert_eq!(
            (&out[..], decoder.reusable()),
            (&b"abc"[..], reusable),
            "{text:?}"
        );
    }
}
