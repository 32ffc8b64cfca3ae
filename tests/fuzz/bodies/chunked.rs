//! Bytes from a server as a chunked body: fed at once, byte by byte, and in pieces of the fuzzer's size,
//! they give the same body, the same end and the same failure.

use arbitrary::{Arbitrary, Unstructured};
use turbo2ds::failure::Failure;
use turbo2ds::http::ChunkedDecoder;

const BODY_BYTES_MAX: usize = 4096;

#[derive(Debug, PartialEq)]
struct Read {
    body: Vec<u8>,
    consumed: usize,
    done: bool,
    reusable: bool,
    failure: Option<Failure>,
}

fn read(bytes: &[u8], piece: usize) -> Read {
    let mut decoder = ChunkedDecoder::new(BODY_BYTES_MAX);
    let mut read = Read {
        body: Vec::new(),
        consumed: 0,
        done: false,
        reusable: false,
        failure: None,
    };
    for part in bytes.chunks(piece) {
        match decoder.feed(part, &mut read.body) {
            Ok(progress) => {
                assert!(progress.done || progress.consumed == part.len());
                read.consumed += progress.consumed;
                read.done = progress.done;
            }
            Err(failure) => {
                // How far a piece was read before it failed is nobody's business.
                read.consumed = 0;
                read.failure = Some(failure);
            }
        }
        if read.done || read.failure.is_some() {
            break;
        }
    }
    read.reusable = decoder.reusable();
    read
}

/// One input.
pub fn run(input: &[u8]) {
    let Ok((piece, bytes)) = <(u8, &[u8])>::arbitrary_take_rest(Unstructured::new(input)) else {
        return;
    };
    let whole = read(bytes, bytes.len().max(1));
    assert!(whole.body.len() <= BODY_BYTES_MAX);
    assert_eq!(read(bytes, 1), whole);
    assert_eq!(read(bytes, usize::from(piece).max(1)), whole);
}
