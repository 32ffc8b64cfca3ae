//! Owns the words between a run and its decoding process: their bytes, and what of a reply is believed.
//! Never reads or writes a socket.

use turbo2ds_codec::{BoundingBox, CodecError, Encoded, Processed};

use crate::failure::Failure;

const WORD: usize = size_of::<u64>();
/// A request's head: the body's length and the number of boxes, which follow.
pub(super) const HEAD_BYTES: usize = 2 * WORD;
/// One box.
pub(super) const BOX_BYTES: usize = 4 * WORD;

/// An image to process; its body lies in the shared memory.
pub(super) struct Request<'a> {
    pub(super) body_bytes: usize,
    pub(super) boxes: &'a [BoundingBox],
}

impl Request<'_> {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + self.boxes.len() * BOX_BYTES);
        bytes.extend((self.body_bytes as u64).to_ne_bytes());
        bytes.extend((self.boxes.len() as u64).to_ne_bytes());
        for one in self.boxes {
            bytes.extend(one.corners().into_iter().flat_map(f64::to_ne_bytes));
        }
        bytes
    }

    /// The body's length and the number of boxes.
    pub(super) fn head(bytes: [u8; HEAD_BYTES]) -> (usize, usize) {
        let [body, boxes] = words(&bytes);
        (body as usize, boxes as usize)
    }

    pub(super) fn read_box(bytes: [u8; BOX_BYTES]) -> Option<BoundingBox> {
        let corners: [u64; 4] = words(&bytes);
        BoundingBox::new(corners.map(f64::from_bits))
    }
}

fn words<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(WORD)) {
        let mut array = [0; WORD];
        array.copy_from_slice(bytes);
        *word = u64::from_ne_bytes(array);
    }
    words
}

/// What became of an image, in words: how, then what the kind has.
pub(super) struct Reply([u64; Self::WORDS]);

/// The body is kept; stored and original sizes follow.
const ORIGINAL: u64 = 0;
/// New bytes lie in the shared memory; sizes and their length follow.
const NEW: u64 = 1;
/// It was refused; the place among [`ERRORS`] follows.
const REFUSED: u64 = 2;
/// The codec panicked.
const PANICKED: u64 = 3;
/// Memory is asked for before the image is decoded; its bytes follow.
const ROOM: u64 = 4;

const ERRORS: [CodecError; 8] = [
    CodecError::Empty,
    CodecError::UnsupportedFormat,
    CodecError::Decode,
    CodecError::TooSmall,
    CodecError::AreaTooLarge,
    CodecError::AspectRatioTooLarge,
    CodecError::DimensionsTooLarge,
    CodecError::TooComplex,
];

impl Reply {
    const WORDS: usize = 6;
    pub(super) const BYTES: usize = Self::WORDS * WORD;

    /// A result, with the bytes that are to lie in the shared memory.
    pub(super) fn of(result: Result<Processed, CodecError>) -> (Self, Option<Vec<u8>>) {
        match result {
            Ok(image) => {
                let (kind, bytes) = match image.encoded {
                    Encoded::Original => (ORIGINAL, None),
                    Encoded::New(bytes) => (NEW, Some(bytes)),
                };
                let length = bytes.as_ref().map_or(0, Vec::len) as u64;
                let sizes = [
                    image.width,
                    image.height,
                    image.original_width,
                    image.original_height,
                ];
                let [a, b, c, d] = sizes.map(u64::from);
                (Self([kind, a, b, c, d, length]), bytes)
            }
            Err(error) => {
                let at = ERRORS.iter().position(|one| *one == error).unwrap_or(2);
                (Self([REFUSED, at as u64, 0, 0, 0, 0]), None)
            }
        }
    }

    pub(super) const fn asks_for(bytes: u64) -> Self {
        Self([ROOM, bytes, 0, 0, 0, 0])
    }

    /// The memory that is asked for, where this is no result yet.
    pub(super) fn room(&self) -> Option<u64> {
        (self.0[0] == ROOM).then_some(self.0[1])
    }

    pub(super) const fn panicked() -> Self {
        Self([PANICKED, 0, 0, 0, 0, 0])
    }

    pub(super) fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        for (bytes, word) in bytes.chunks_exact_mut(WORD).zip(self.0) {
            bytes.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let words: [u64; Self::WORDS] = words(bytes);
        (words[0] <= ROOM).then_some(Self(words))
    }

    /// The result, with the bytes that `encoded` takes from the shared memory; none where the reply
    /// makes no sense.
    pub(super) fn into_result(
        self,
        encoded: impl FnOnce(usize) -> Option<Vec<u8>>,
    ) -> Option<Result<Processed, Failure>> {
        let [kind, a, b, c, d, length] = self.0;
        let encoded = match kind {
            ORIGINAL => Encoded::Original,
            NEW => Encoded::New(encoded(usize::try_from(length).ok()?)?),
            REFUSED => {
                let error = ERRORS.get(usize::try_from(a).ok()?)?;
                return Some(Err((*error).into()));
            }
            PANICKED => return Some(Err(Failure::DecoderCrashed)),
            _ => return None,
        };
        let side = |word: u64| u32::try_from(word).ok();
        Some(Ok(Processed {
            encoded,
            width: side(a)?,
            height: side(b)?,
            original_width: side(c)?,
            original_height: side(d)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(result: Result<Processed, CodecError>) -> Result<Processed, Failure> {
        let (reply, bytes) = Reply::of(result);
        let reply = Reply::from_bytes(&reply.to_bytes()).expect("a reply");
        reply.into_result(|_| bytes).expect("a result")
    }

    #[test]
    fn results_come_over_as_they_are() {
        let image = Processed {
            encoded: Encoded::New(vec![1, 2, 3]),
            width: 3,
            height: 4,
            original_width: 5,
            original_height: u32::MAX,
        };
        assert_eq!(there_and_back(Ok(image.clone())), Ok(image.clone()));
        let kept = Processed {
            encoded: Encoded::Original,
            ..image
        };
        assert_eq!(there_and_back(Ok(kept.clone())), Ok(kept));
        for error in ERRORS {
            assert_eq!(there_and_back(Err(error)), Err(error.into()));
        }
        let panicked = Reply::panicked().into_result(|_| None);
        assert_eq!(panicked, Some(Err(Failure::DecoderCrashed)));
    }

    #[test]
    fn replies_that_make_no_sense_are_none() {
        let with = |words: [u64; Reply::WORDS]| {
            Reply::from_bytes(&Reply(words).to_bytes())
                .and_then(|reply| reply.into_result(|bytes| (bytes < 10).then(Vec::new)))
        };
        assert!(with([NEW, 1, 1, 1, 1, 9]).is_some());
        assert!(with([NEW, 1, 1, 1, 1, 10]).is_none());
        assert!(with([NEW, 1 << 32, 1, 1, 1, 9]).is_none());
        assert!(with([REFUSED, 8, 0, 0, 0, 0]).is_none());
        assert!(with([ROOM, 1, 0, 0, 0, 0]).is_none());
        assert!(with([5, 0, 0, 0, 0, 0]).is_none());
    }

    #[test]
    fn room_is_asked_for_and_is_no_result() {
        let asked = Reply::from_bytes(&Reply::asks_for(77).to_bytes()).expect("a reply");
        assert_eq!(asked.room(), Some(77));
        assert_eq!(Reply::panicked().room(), None);
    }

    #[test]
    fn requests_come_over_as_they_are() {
        let corners = [0.25, 0.5, 0.75, 1.0];
        let boxes = [BoundingBox::new(corners).expect("a box")];
        let request = Request {
            body_bytes: 1234,
            boxes: &boxes,
        };
        let bytes = request.to_bytes();
        let (head, rest) = bytes.split_at(HEAD_BYTES);
        assert_eq!(Request::head(head.try_into().unwrap()), (1234, 1));
        assert_eq!(Request::read_box(rest.try_into().unwrap()), Some(boxes[0]));
    }
}
