//! Owns the reading of a shard's samples that are not in its parquet: tar, tfrecord, or a folder of files.
//! The bytes of one sample are in memory at a time. The only extension header of a tar that is followed is
//! the path of a pax header, which a key too long for a plain header needs.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use std::path::Path;

use tar::{Archive, Entry, EntryType};
use turbo2ds_codec::EncodeFormat;
use turbo2ds_writers::{CAPTION_EXT, Column, JSON_EXT, OutputFormat, Records};

use super::fault::Fault;
use super::rows::{MEMBER_BYTES_MAX, Rows};
use crate::dataset::disk::{Files, Kind};
use crate::dataset::names::Shape;

const READ_BYTES: usize = 256 * 1024;
const TAR_BLOCK_BYTES: usize = 512;
/// Maximum members of one sample: image, JSON, txt, and room for members that other programs add.
const MEMBERS_MAX: usize = 16;
/// Maximum bytes of a pax header, which holds one name.
const PAX_BYTES_MAX: u64 = 4096;

/// Checks the samples of a shard that are stored apart from its rows.
pub(super) fn check_samples(
    format: OutputFormat,
    files: &dyn Files,
    path: &Path,
    rows: &mut Rows,
    shape: Option<Shape>,
) -> Result<(), Fault> {
    match format {
        OutputFormat::Files => check_folder(files, path, rows, shape),
        OutputFormat::Webdataset => check_tar(files, path, rows),
        OutputFormat::Tfrecord => check_records(files, path, rows),
        // The samples were read with the rows, or do not exist.
        OutputFormat::Parquet | OutputFormat::Dummy => Ok(()),
    }
}

/// Checks the samples of a webdataset shard.
fn check_tar(files: &dyn Files, path: &Path, rows: &mut Rows) -> Result<(), Fault> {
    let file = BufReader::with_capacity(READ_BYTES, files.stream(path)?);
    check_tar_stream(file, rows)
}

/// Like [`check_tar`], over any reader.
pub(super) fn check_tar_stream(reader: impl Read, rows: &mut Rows) -> Result<(), Fault> {
    let mut archive = Archive::new(reader);
    let mut samples = Samples::default();
    let mut bytes = Vec::new();
    // The name that a pax header gives the next member.
    let mut long_name = None;
    // Raw, because otherwise the tar crate reads a whole long-name header before its sample is known to be ours.
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry.map_err(tar_fault)?;
        if entry.header().entry_type() == EntryType::XHeader && long_name.is_none() {
            long_name = Some(pax_name(&mut entry)?);
            continue;
        }
        let (key, extension) = member_name(&entry, long_name.take()).ok_or(Fault::Member)?;
        let at = samples.member(&key, &extension, rows)?;
        let size = entry.size();
        if size > MEMBER_BYTES_MAX {
            return Err(Fault::TooLong(at as u64));
        }
        bytes.clear();
        entry.read_to_end(&mut bytes).map_err(tar_fault)?;
        if bytes.len() as u64 != size {
            return Err(Fault::Tar);
        }
        samples.check(&extension, &bytes, rows)?;
    }
    if long_name.is_some() {
        return Err(Fault::Member);
    }
    samples.end()?;
    check_tar_end(archive.into_inner())
}

/// The fault for an error of the tar crate: the disk's errors as `Io`, all others as `Tar`.
fn tar_fault(error: io::Error) -> Fault {
    if error.raw_os_error().is_some() {
        Fault::Io(error)
    } else {
        Fault::Tar
    }
}

/// The `path` of a pax header, which must hold nothing else.
fn pax_name(entry: &mut Entry<'_, impl Read>) -> Result<Vec<u8>, Fault> {
    let mut records = Vec::new();
    let read = entry.by_ref().take(PAX_BYTES_MAX).read_to_end(&mut records);
    read.map_err(tar_fault)?;
    if records.len() as u64 != entry.size() {
        return Err(Fault::Tar);
    }
    let name = records
        .strip_suffix(b"\n")
        .and_then(|record| std::str::from_utf8(record).ok()?.split_once(" path="));
    match name {
        Some((length, name)) if length.parse() == Ok(records.len()) => Ok(name.into()),
        _ => Err(Fault::Member),
    }
}

/// The `KEY` and `EXTENSION` of a regular file.
fn member_name<R: Read>(
    entry: &Entry<'_, R>,
    long_name: Option<Vec<u8>>,
) -> Option<(String, String)> {
    if entry.header().entry_type() != EntryType::Regular {
        return None;
    }
    let name = long_name.map_or_else(|| entry.path_bytes(), Into::into);
    let (key, extension) = std::str::from_utf8(&name).ok()?.split_once('.')?;
    (!key.is_empty() && !extension.is_empty()).then(|| (key.to_owned(), extension.to_owned()))
}

/// Checks the end of a tar. The iteration ended after the first block of zeroes, or at the end of the data.
/// At least one more block must follow, and nothing but zeroes.
fn check_tar_end(mut reader: impl Read) -> Result<(), Fault> {
    let mut zeroes = 0_usize;
    let mut block = [0; TAR_BLOCK_BYTES];
    loop {
        match reader.read(&mut block) {
            Ok(0) => break,
            Ok(count) if block[..count].iter().all(|byte| *byte == 0) => {
                zeroes = zeroes.saturating_add(count);
            }
            Ok(_) => return Err(Fault::TarEnd),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    if zeroes >= TAR_BLOCK_BYTES {
        Ok(())
    } else {
        Err(Fault::TarEnd)
    }
}

/// Groups members that arrive one by one into samples.
#[derive(Default)]
struct Samples {
    current: Option<Sample>,
}

struct Sample {
    key: String,
    at: usize,
    extensions: Vec<String>,
    image: bool,
    json: bool,
}

impl Samples {
    /// Records a member's name and returns the place of its sample's row.
    fn member(&mut self, key: &str, extension: &str, rows: &mut Rows) -> Result<usize, Fault> {
        if let Some(sample) = self.current.as_mut().filter(|sample| sample.key == key) {
            let twice = sample.extensions.iter().any(|known| known == extension);
            if twice || sample.extensions.len() >= MEMBERS_MAX {
                return Err(Fault::MemberOrder);
            }
            sample.extensions.push(extension.to_owned());
            return Ok(sample.at);
        }
        self.end()?;
        let at = rows.claim(key)?;
        self.current = Some(Sample {
            key: key.to_owned(),
            at,
            extensions: vec![extension.to_owned()],
            image: false,
            json: false,
        });
        Ok(at)
    }

    /// Checks the content of the member that [`Samples::member`] recorded last.
    fn check(&mut self, extension: &str, bytes: &[u8], rows: &mut Rows) -> Result<(), Fault> {
        let Some(sample) = &mut self.current else {
            return Ok(());
        };
        match extension {
            JSON_EXT => {
                sample.json = true;
                rows.check_json(sample.at, &sample.key, bytes)
            }
            CAPTION_EXT => Ok(()),
            // A sample has one image.
            _ if std::mem::replace(&mut sample.image, true) => Err(Fault::MemberOrder),
            _ => rows.check_image(sample.at, extension, bytes),
        }
    }

    /// Ends the current sample and checks that it has all required members.
    fn end(&mut self) -> Result<(), Fault> {
        match self.current.take() {
            Some(sample) if !sample.image => Err(Fault::NoImage(sample.at as u64)),
            Some(sample) if !sample.json => Err(Fault::Json(sample.at as u64)),
            _ => Ok(()),
        }
    }
}

/// Checks the samples of a tfrecord shard.
fn check_records(files: &dyn Files, path: &Path, rows: &mut Rows) -> Result<(), Fault> {
    let file = BufReader::with_capacity(READ_BYTES, files.stream(path)?);
    check_record_stream(file, rows)
}

/// Like [`check_records`], over any reader.
pub(super) fn check_record_stream(reader: impl Read, rows: &mut Rows) -> Result<(), Fault> {
    let mut records = Records::new(reader, MEMBER_BYTES_MAX);
    while let Some(features) = records.next_features()? {
        let key = features
            .bytes(Column::Key.name())
            .and_then(|key| std::str::from_utf8(key).ok());
        let at = rows.claim(key.ok_or(Fault::UnknownKey)?)?;
        let image = EncodeFormat::ALL.into_iter().find_map(|format| {
            let name = format.as_str();
            Some((name, features.bytes(name)?))
        });
        let (extension, bytes) = image.ok_or(Fault::NoImage(at as u64))?;
        rows.check_image(at, extension, bytes)?;
    }
    Ok(())
}

/// Checks the samples of a shard of loose files. A file that has no key of the shard, or no extension of its
/// run's samples, is foreign and only counted: a run that does the shard again leaves it in place.
fn check_folder(
    files: &dyn Files,
    path: &Path,
    rows: &mut Rows,
    shape: Option<Shape>,
) -> Result<(), Fault> {
    // By key; each extension with the kind of its file.
    let mut by_key: BTreeMap<String, Vec<(String, Kind)>> = BTreeMap::new();
    for (name, kind) in files.entries(path)? {
        let parts = name.split_once('.');
        let known = |extension: &str| match shape {
            Some(shape) => shape.has_extension(extension),
            None => is_extension(extension),
        };
        match parts.filter(|(key, extension)| known(extension) && rows.has_key(key)) {
            Some((key, extension)) => {
                let extensions = by_key.entry(key.to_owned()).or_default();
                extensions.push((extension.to_owned(), kind));
            }
            None => rows.others += 1,
        }
    }
    let mut samples = Samples::default();
    for (key, extensions) in &by_key {
        for (extension, kind) in extensions {
            let at = samples.member(key, extension, rows)?;
            // Reading a named pipe might never end.
            if *kind != Kind::File {
                return Err(Fault::Member);
            }
            let bytes = read_file(files, &path.join(format!("{key}.{extension}")), at)?;
            samples.check(extension, &bytes, rows)?;
        }
    }
    samples.end()
}

/// Whether a loose file may have this extension, if no record says which ones are used.
fn is_extension(extension: &str) -> bool {
    let mut images = EncodeFormat::ALL.iter();
    [JSON_EXT, CAPTION_EXT].contains(&extension)
        || images.any(|format| format.as_str() == extension)
}

fn read_file(files: &dyn Files, path: &Path, at: usize) -> Result<Vec<u8>, Fault> {
    let bytes = files.read_small(path, MEMBER_BYTES_MAX + 1)?;
    if bytes.len() as u64 > MEMBER_BYTES_MAX {
        return Err(Fault::TooLong(at as u64));
    }
    Ok(bytes)
}
