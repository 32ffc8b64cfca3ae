//! Owns opening a file, a pipe or standard input as a byte stream: detecting its content, decompressing
//! it, and converting UTF-16 to UTF-8. Never decides which list format it is.

use std::io::{BufReader, Cursor, Read};
use std::path::Path;

use encoding_rs_io::DecodeReaderBytesBuilder;

use super::broken;
use super::signature::{self, Content, Encoding, HEAD_BYTES};
use super::source::Opened;
use crate::config::Compression;
use crate::error::Error;

/// A byte stream.
pub(super) type Bytes = Box<dyn Read + Send>;

/// Most nested compressions.
const LAYERS_MAX: usize = 2;
/// Most memory for the dictionary of an xz file, KiB; `xz -9` takes 64 MiB.
const XZ_MEMORY_KB_MAX: u32 = 256 * 1024;

/// A byte stream whose content was detected.
pub(super) struct ByteStream {
    /// What it contains, after decompression.
    pub(super) content: Content,
    /// The outermost compression.
    pub(super) compression: Option<Compression>,
    /// The first bytes; text is in UTF-8.
    pub(super) head: Vec<u8>,
    /// All bytes; text is in UTF-8 without a byte order mark.
    pub(super) bytes: Bytes,
}

/// Detects the content of a stream and decodes it.
///
/// # Errors
/// [`Error::Input`] if it cannot be read.
pub(super) fn open(path: &Path, stream: Bytes) -> Result<ByteStream, Error> {
    let failed = |cause: std::io::Error| broken(path, cause);
    let (mut head, mut bytes) = peek(stream, HEAD_BYTES).map_err(failed)?;
    let mut content = signature::of(&head);
    let mut compression = None;
    for _ in 0..LAYERS_MAX {
        let Content::Compressed(outer) = content else {
            break;
        };
        compression.get_or_insert(outer);
        let (inner_head, inner) = peek_decompressed(decompressed(outer, bytes).map_err(failed)?);
        (head, bytes) = (inner_head, inner);
        content = signature::of(&head);
    }
    if let Content::Text(encoding) = content {
        (head, bytes) = to_utf8(encoding, head, bytes).map_err(failed)?;
    }
    Ok(ByteStream {
        content,
        compression,
        head,
        bytes,
    })
}

/// The bytes of a file, as [`open`] returns them.
pub(super) fn reopen(path: &Path, file: Opened) -> Result<Bytes, Error> {
    open(path, file.stream()).map(|opened| opened.bytes)
}

/// Reads the first bytes of a stream. The returned stream still has them.
fn peek(mut stream: Bytes, most: usize) -> std::io::Result<(Vec<u8>, Bytes)> {
    let mut head = Vec::new();
    stream.by_ref().take(most as u64).read_to_end(&mut head)?;
    let bytes = Box::new(Cursor::new(head.clone()).chain(stream));
    Ok((head, bytes))
}

/// [`peek`] for a decompressed stream. An error at its beginning is returned again by the stream, after
/// the good bytes before it.
fn peek_decompressed(mut stream: Bytes) -> (Vec<u8>, Bytes) {
    let mut head = vec![0; HEAD_BYTES];
    let mut have = 0;
    let mut failed = None;
    while have < head.len() {
        match stream.read(&mut head[have..]) {
            Ok(0) => break,
            Ok(read) => have += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    head.truncate(have);
    let bytes = Cursor::new(head.clone());
    let bytes: Bytes = match failed {
        Some(error) => Box::new(bytes.chain(FailedStream(Some(error)))),
        None => Box::new(bytes.chain(stream)),
    };
    (head, bytes)
}

/// A stream that failed, and returns its error again.
struct FailedStream(Option<std::io::Error>);

impl Read for FailedStream {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        let again = || std::io::ErrorKind::InvalidData.into();
        Err(self.0.take().unwrap_or_else(again))
    }
}

fn decompressed(compression: Compression, stream: Bytes) -> std::io::Result<Bytes> {
    let buffered = BufReader::with_capacity(1 << 16, stream);
    Ok(match compression {
        // Logs and crawls often have many members.
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(buffered)),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(buffered)?),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(buffered)),
        Compression::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(
            buffered,
            true,
            XZ_MEMORY_KB_MAX,
        )),
    })
}

const BOM: &[u8] = b"\xef\xbb\xbf";

fn to_utf8(
    encoding: Encoding,
    head: Vec<u8>,
    mut bytes: Bytes,
) -> std::io::Result<(Vec<u8>, Bytes)> {
    let encoding = match encoding {
        Encoding::Utf8 if head.starts_with(BOM) => {
            let mut bom = [0; BOM.len()];
            bytes.read_exact(&mut bom)?;
            return Ok((head[BOM.len()..].to_vec(), bytes));
        }
        Encoding::Utf8 => return Ok((head, bytes)),
        Encoding::Utf16Le => encoding_rs::UTF_16LE,
        Encoding::Utf16Be => encoding_rs::UTF_16BE,
    };
    let decoded = DecodeReaderBytesBuilder::new()
        .encoding(Some(encoding))
        .strip_bom(true)
        .build(bytes);
    peek(Box::new(decoded), HEAD_BYTES)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(bytes: Vec<u8>) -> (Content, Option<Compression>, String) {
        let opened = open(Path::new("list"), Box::new(Cursor::new(bytes))).unwrap();
        let (mut text, mut stream) = (String::new(), opened.bytes);
        stream.read_to_string(&mut text).unwrap();
        assert!(text.as_bytes().starts_with(&opened.head));
        (opened.content, opened.compression, text)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn text_is_decompressed_and_converted_to_utf8() {
        let text = "url\nhttp://a/\u{e9}\n".repeat(20_000);
        let utf16 = |text: &str| -> Vec<u8> {
            let units = std::iter::once(0xfeff).chain(text.encode_utf16());
            units.flat_map(u16::to_be_bytes).collect()
        };
        for (bytes, compression) in [
            (text.clone().into_bytes(), None),
            ([BOM, text.as_bytes()].concat(), None),
            (utf16(&text), None),
            (gzip(text.as_bytes()), Some(Compression::Gzip)),
            (gzip(&gzip(&utf16(&text))), Some(Compression::Gzip)),
            (
                zstd::encode_all(text.as_bytes(), 1).unwrap(),
                Some(Compression::Zstd),
            ),
        ] {
            let (content, found, read) = read(bytes);
            assert!(matches!(content, Content::Text(_)), "{content:?}");
            assert_eq!(found, compression);
            assert!(read == text, "{compression:?}");
        }
    }

    #[test]
    fn damage_is_reported_after_the_good_bytes() {
        let whole = gzip("http://a/\n".repeat(50_000).as_bytes());
        let cut = whole[..whole.len() / 2].to_vec();
        let opened = open(Path::new("list"), Box::new(Cursor::new(cut))).unwrap();
        assert_eq!(opened.compression, Some(Compression::Gzip));
        let (mut bytes, mut stream) = (Vec::new(), opened.bytes);
        assert!(stream.read_to_end(&mut bytes).is_err());
        assert!(bytes.starts_with(b"http://a/\n"));
    }
}
