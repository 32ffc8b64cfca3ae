//! Owns the messages between a run and its decoding process: their encoding, and the validation of replies.
//! Never reads or writes a socket.

use std::io;

use serde::{Deserialize, Serialize};
use turbo2ds_codec::{BoundingBox, CodecError, Encoded, ImageFacts, Processed};

use crate::failure::Failure;

const WORD: usize = size_of::<u64>();
/// Length of a request's head, bytes: the body's length and the number of boxes. The boxes follow.
pub(super) const HEAD_BYTES: usize = 2 * WORD;
/// Length of one box, bytes.
pub(super) const BOX_BYTES: usize = 4 * WORD;

/// An image to process; its body is in the shared memory.
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

/// The outcome of an image. It is sent as length-prefixed JSON, so that the facts of an image are named fields.
/// Both sides are the same binary, so a reply with anything unknown is rejected.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) enum Reply {
    /// The body's own bytes are kept.
    Original(ImageFacts),
    /// The shared memory holds `bytes` newly encoded bytes.
    New { bytes: u64, facts: ImageFacts },
    /// The codec rejected the image.
    Refused(CodecError),
    /// The codec panicked.
    Panicked,
    /// Asks for this much memory, bytes, before the image is decoded. Not an outcome yet.
    Memory(u64),
}

impl Reply {
    /// Length of the length prefix, bytes.
    pub(super) const HEAD_BYTES: usize = size_of::<u32>();
    /// Maximum length of a reply without its prefix, bytes.
    const BYTES_MAX: usize = 4096;

    /// The reply for a result, and the bytes to put into the shared memory.
    pub(super) fn of(result: Result<Processed, CodecError>) -> (Self, Option<Vec<u8>>) {
        match result {
            Ok(Processed { encoded, facts }) => match encoded {
                Encoded::Original => (Self::Original(facts), None),
                Encoded::New(file) => {
                    let bytes = file.len() as u64;
                    (Self::New { bytes, facts }, Some(file))
                }
            },
            Err(error) => (Self::Refused(error), None),
        }
    }

    /// The memory that this reply asks for, bytes; `None` if it is an outcome.
    pub(super) const fn memory_asked(&self) -> Option<u64> {
        match self {
            Self::Memory(bytes) => Some(*bytes),
            _ => None,
        }
    }

    /// The reply, prefixed with its length.
    ///
    /// # Errors
    /// If the reply is longer than the maximum.
    pub(super) fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; Self::HEAD_BYTES];
        serde_json::to_writer(&mut bytes, self)?;
        let length = bytes.len() - Self::HEAD_BYTES;
        if length > Self::BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        bytes[..Self::HEAD_BYTES].copy_from_slice(&(length as u32).to_ne_bytes());
        Ok(bytes)
    }

    /// The length of the reply that follows; `None` if it exceeds the maximum.
    pub(super) fn length(head: [u8; Self::HEAD_BYTES]) -> Option<usize> {
        let length = u32::from_ne_bytes(head) as usize;
        (length <= Self::BYTES_MAX).then_some(length)
    }

    /// Parses a reply without its length; `None` if the bytes are not a reply.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The result; `encoded` copies new bytes out of the shared memory. `None` if the reply is malformed.
    pub(super) fn into_result(
        self,
        encoded: impl FnOnce(usize) -> Option<Vec<u8>>,
    ) -> Option<Result<Processed, Failure>> {
        let (encoded, facts) = match self {
            Self::Original(facts) => (Encoded::Original, facts),
            Self::New { bytes, facts } => {
                let file = encoded(usize::try_from(bytes).ok()?)?;
                (Encoded::New(file), facts)
            }
            Self::Refused(error) => return Some(Err(error.into())),
            Self::Panicked => return Some(Err(Failure::DecoderCrashed)),
            Self::Memory(_) => return None,
        };
        Some(Ok(Processed { encoded, facts }))
    }
}

#[cfg(test)]
mod tests {
    use turbo2ds_codec::Pdq;

    use super::*;

    const FACTS: ImageFacts = ImageFacts {
        width: 3,
        height: 4,
        original_width: 5,
        original_height: u32::MAX,
        pdq: None,
    };

    /// The bytes of a reply without its length prefix, which is checked.
    fn body(reply: &Reply) -> Vec<u8> {
        let bytes = reply.to_bytes().expect("a short reply");
        let (head, body) = bytes.split_at(Reply::HEAD_BYTES);
        let length = Reply::length(head.try_into().expect("a head"));
        assert_eq!(length, Some(body.len()));
        body.to_vec()
    }

    fn there_and_back(result: Result<Processed, CodecError>) -> Result<Processed, Failure> {
        let (reply, bytes) = Reply::of(result);
        let reply = Reply::from_bytes(&body(&reply)).expect("a reply");
        reply.into_result(|_| bytes).expect("a result")
    }

    #[test]
    fn results_come_over_as_they_are() {
        let image = Processed {
            encoded: Encoded::New(vec![1, 2, 3]),
            facts: FACTS,
        };
        assert_eq!(there_and_back(Ok(image.clone())), Ok(image.clone()));
        let kept = Processed {
            encoded: Encoded::Original,
            ..image
        };
        assert_eq!(there_and_back(Ok(kept.clone())), Ok(kept.clone()));
        let facts = ImageFacts {
            pdq: Some(Pdq {
                hash: std::array::from_fn(|at| 255 - at as u8),
                quality: 100,
            }),
            ..FACTS
        };
        let hashed = Processed { facts, ..kept };
        assert_eq!(there_and_back(Ok(hashed.clone())), Ok(hashed));
        for error in [CodecError::Empty, CodecError::TooComplex] {
            assert_eq!(there_and_back(Err(error)), Err(error.into()));
        }
        let panicked = Reply::Panicked.into_result(|_| None);
        assert_eq!(panicked, Some(Err(Failure::DecoderCrashed)));
    }

    #[test]
    fn what_is_told_of_an_image_is_told_by_name() {
        let reply = Reply::New {
            bytes: 9,
            facts: FACTS,
        };
        assert_eq!(
            String::from_utf8(body(&reply)).expect("text"),
            r#"{"New":{"bytes":9,"facts":{"width":3,"height":4,"original_width":5,"original_height":4294967295,"pdq":null}}}"#
        );
    }

    #[test]
    fn replies_that_make_no_sense_are_none() {
        let read = |text: &str| {
            Reply::from_bytes(text.as_bytes())
                .and_then(|reply| reply.into_result(|bytes| (bytes < 10).then(Vec::new)))
        };
        let facts = r#"{"width":1,"height":1,"pdq":null,"original_width":1,"original_height":1}"#;
        assert!(read(&format!(r#"{{"Original":{facts}}}"#)).is_some());
        assert!(read(&format!(r#"{{"New":{{"bytes":9,"facts":{facts}}}}}"#)).is_some());
        assert!(read(r#"{"Refused":"Decode"}"#).is_some());
        for text in [
            "",
            "{}",
            "null",
            "[0]",
            r#""New""#,
            r#"{"Memory":1}"#,
            r#"{"Refused":"Hunger"}"#,
            r#"{"Refused":8}"#,
            r#"{"Refused":"Decode"} "Panicked""#,
            r#"{"Refused":"Decode","Panicked":null}"#,
            &format!(r#"{{"New":{{"bytes":10,"facts":{facts}}}}}"#),
            &format!(r#"{{"New":{{"bytes":-1,"facts":{facts}}}}}"#),
            &format!(r#"{{"New":{{"bytes":9,"facts":{facts},"more":1}}}}"#),
            &format!(r#"{{"New":{{"facts":{facts}}}}}"#),
            &format!(r#"{{"Original":{}}}"#, facts.replace("1}", "4294967296}")),
            &format!(r#"{{"Original":{}}}"#, facts.replace("1}", "1.0}")),
            &format!(
                r#"{{"Original":{}}}"#,
                facts.replace("1}", r#"1,"width":1}"#)
            ),
            &format!(
                r#"{{"Original":{}}}"#,
                facts.replace("1}", r#"1,"depth":1}"#)
            ),
            &format!(r#"{{"Original":{}}}"#, facts.replace(r#""width":1,"#, "")),
            &format!(r#"{{"Original":{}}}"#, facts.replace(r#""pdq":null,"#, "")),
            &format!(
                r#"{{"Original":{}}}"#,
                facts.replace("null", r#"{"hash":[1,2],"quality":1}"#)
            ),
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn no_part_of_a_reply_is_a_reply() {
        let whole = body(&Reply::Original(FACTS));
        for end in 0..whole.len() {
            assert!(Reply::from_bytes(&whole[..end]).is_none(), "{end} bytes");
        }
        assert_eq!(Reply::length(4097_u32.to_ne_bytes()), None);
        assert_eq!(Reply::length(u32::MAX.to_ne_bytes()), None);
    }

    #[test]
    fn room_is_asked_for_and_is_no_result() {
        let asked = Reply::from_bytes(&body(&Reply::Memory(77))).expect("a reply");
        assert_eq!(asked.memory_asked(), Some(77));
        assert_eq!(Reply::Panicked.memory_asked(), None);
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
