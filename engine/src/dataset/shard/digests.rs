//! Owns the digests of a shard's files, while their bytes are laid out and when they are there: a stream's, each whole
//! file's, and of a folder of loose files one over all of them. Never sees where laid out bytes go.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use ring::digest::{Context, Digest, SHA256, digest};
use turbo2ds_writers::FileDigest;

use crate::dataset::digest::hex;
use crate::dataset::disk::Files;

/// Bytes of a file that are read at a time.
const STEP_BYTES: usize = 256 * 1024;

/// The files of a shard so far.
pub(super) struct Digests {
    stream: Context,
    stream_bytes: u64,
    files: BTreeMap<String, FileDigest>,
    /// By folder, the files in it.
    folders: BTreeMap<String, Loose>,
}

#[derive(Default)]
struct Loose {
    bytes: u64,
    files: Vec<(Box<str>, Digest)>,
}

impl Digests {
    pub(super) fn new() -> Self {
        Self {
            stream: Context::new(&SHA256),
            stream_bytes: 0,
            files: BTreeMap::new(),
            folders: BTreeMap::new(),
        }
    }

    /// Adds the stream's next bytes.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.stream.update(bytes);
        self.stream_bytes += bytes.len() as u64;
    }

    /// Adds a whole file by its path: a name, or a folder and a name.
    pub(super) fn file(&mut self, path: &str, bytes: &[u8]) {
        let length = bytes.len() as u64;
        let sum = digest(&SHA256, bytes);
        let Some((folder, name)) = path.split_once('/') else {
            let digest = FileDigest {
                files: None,
                bytes: length,
                sha256: hex(sum.as_ref()),
            };
            self.files.insert(path.to_owned(), digest);
            return;
        };
        let loose = self.folders.entry(folder.to_owned()).or_default();
        loose.bytes += length;
        loose.files.push((name.into(), sum));
    }

    /// All files by name; `stream` is the name of the stream, if the shard has one.
    pub(super) fn finish(self, stream: Option<&str>) -> BTreeMap<String, FileDigest> {
        let mut files = self.files;
        if let Some(name) = stream {
            let digest = FileDigest {
                files: None,
                bytes: self.stream_bytes,
                sha256: hex(self.stream.finish().as_ref()),
            };
            files.insert(name.to_owned(), digest);
        }
        let folders = self.folders.into_iter();
        files.extend(folders.map(|(folder, loose)| (folder, loose.finish())));
        files
    }
}

impl Loose {
    fn finish(mut self) -> FileDigest {
        self.files
            .sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        folder_digest(
            self.bytes,
            self.files.iter().map(|(name, sum)| (&**name, sum.as_ref())),
        )
    }
}

/// The digest of a file that is there.
///
/// # Errors
/// The store's.
pub(crate) fn digest_of_file(files: &dyn Files, path: &Path) -> io::Result<FileDigest> {
    let (bytes, sum) = sum_of(&mut *files.stream(path)?)?;
    Ok(FileDigest {
        files: None,
        bytes,
        sha256: hex(sum.as_ref()),
    })
}

/// The digest over these files of a folder, which are there.
///
/// # Errors
/// The store's.
pub(crate) fn digest_of_folder(
    files: &dyn Files,
    folder: &Path,
    names: impl IntoIterator<Item = String>,
) -> io::Result<FileDigest> {
    let mut loose = Loose::default();
    for name in names {
        let (bytes, sum) = sum_of(&mut *files.stream(&folder.join(&name))?)?;
        loose.bytes += bytes;
        loose.files.push((name.into(), sum));
    }
    Ok(loose.finish())
}

fn sum_of(file: &mut dyn Read) -> io::Result<(u64, Digest)> {
    let mut buffer = vec![0; STEP_BYTES];
    let (mut bytes, mut sum) = (0, Context::new(&SHA256));
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((bytes, sum.finish())),
            Ok(length) => {
                bytes += length as u64;
                sum.update(&buffer[..length]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The digest of a folder from its files' names and digests, sorted by name.
fn folder_digest<'a>(bytes: u64, files: impl Iterator<Item = (&'a str, &'a [u8])>) -> FileDigest {
    let mut lines = Context::new(&SHA256);
    let mut count = 0;
    for (name, sum) in files {
        lines.update(format!("{}  {name}\n", hex(sum)).as_bytes());
        count += 1;
    }
    FileDigest {
        files: Some(count),
        bytes,
        sha256: hex(lines.finish().as_ref()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_streams_and_folders_have_the_digests_of_sha256sum() {
        let mut digests = Digests::new();
        digests.append(b"ab");
        digests.append(b"c");
        digests.file("00000.parquet", b"");
        // In any order.
        digests.file("00000/b.json", b"{}");
        digests.file("00000/a.jpg", b"abc");
        let files = digests.finish(Some("00000.tar"));
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(
            (&*files["00000.tar"].sha256, files["00000.tar"].bytes),
            (abc, 3)
        );
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(files["00000.parquet"].sha256, empty);
        let folder = &files["00000"];
        assert_eq!((folder.files, folder.bytes), (Some(2), 5));
        let object = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        let lines = format!("{abc}  a.jpg\n{object}  b.json\n");
        assert_eq!(
            folder.sha256,
            hex(digest(&SHA256, lines.as_bytes()).as_ref())
        );
        assert_eq!(files.len(), 3);
    }

    #[test]
    fn a_shard_without_a_stream_has_none() {
        assert!(Digests::new().finish(None).is_empty());
    }
}
