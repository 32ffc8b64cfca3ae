//! Owns examining the output folder: its file system, free space, alignment, and whether it supports
//! direct I/O. Never leaves anything behind: the one file it writes has no name, or if that is not
//! possible, a hidden name that is removed at once.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, OFlags, StatxFlags, statfs, statvfs, statx};
use rustix::io::Errno;

use crate::limits::DIRECT_IO_ALIGN_BYTES;

/// The facts about a folder.
#[derive(Clone, Debug)]
pub(in crate::machine::doctor) struct Folder {
    /// As given.
    pub(in crate::machine::doctor) asked: PathBuf,
    /// The folder itself, or its nearest existing ancestor: a run creates the rest.
    pub(in crate::machine::doctor) looked_at: PathBuf,
    /// The file system's magic number (statfs(2)).
    pub(in crate::machine::doctor) magic: u64,
    pub(in crate::machine::doctor) free_bytes: u64,
    /// `None` if the file system creates inodes on demand.
    pub(in crate::machine::doctor) free_inodes: Option<u64>,
    /// Alignment of memory and of offsets for direct I/O, as the kernel reports it; 0 is no direct I/O.
    pub(in crate::machine::doctor) alignment: Option<(u32, u32)>,
    pub(in crate::machine::doctor) write: Trial,
}

/// The result of writing a block in the same way as a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::machine::doctor) enum Trial {
    /// Written with direct I/O.
    Direct,
    /// The file system has no direct I/O: a run uses the page cache.
    Buffered(Errno),
    /// The file system has direct I/O, but refuses the alignment of shards.
    Misaligned(Errno),
    /// Writing failed.
    Refused(Errno),
}

impl Folder {
    /// Examines `asked`.
    ///
    /// # Errors
    /// If a file is in its place, or permission to access it is missing.
    pub(super) fn read(asked: &Path) -> io::Result<Self> {
        let looked_at = nearest(asked)?;
        let kind = statfs(&looked_at)?;
        let room = statvfs(&looked_at)?;
        let (file, write) = try_block(&looked_at);
        Ok(Self {
            asked: asked.to_owned(),
            magic: magic(&kind),
            free_bytes: room.f_bavail.saturating_mul(room.f_frsize),
            free_inodes: (room.f_files > 0).then_some(room.f_favail),
            alignment: file.as_ref().and_then(alignment),
            write,
            looked_at,
        })
    }
}

/// The type of the number differs between architectures; the low 32 bits are the magic number on all of
/// them.
fn magic(kind: &rustix::fs::StatFs) -> u64 {
    (kind.f_type as u64) & 0xffff_ffff
}

/// `asked`, or its nearest existing ancestor, if that is a folder.
fn nearest(asked: &Path) -> io::Result<PathBuf> {
    for path in asked.ancestors() {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => return Ok(path.to_owned()),
            Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// Writes one aligned block, first with direct I/O like a shard.
fn try_block(folder: &Path) -> (Option<File>, Trial) {
    let direct = match scratch(folder, OFlags::DIRECT) {
        Ok(file) => match write_block(&file) {
            Ok(()) => return (Some(file), Trial::Direct),
            Err(error) if errno(&error) == Errno::INVAL => {
                return (Some(file), Trial::Misaligned(Errno::INVAL));
            }
            Err(error) => return (None, Trial::Refused(errno(&error))),
        },
        Err(error) => errno(&error),
    };
    match scratch(folder, OFlags::empty()).and_then(|file| write_block(&file).map(|()| file)) {
        Ok(file) => (Some(file), Trial::Buffered(direct)),
        Err(error) => (None, Trial::Refused(errno(&error))),
    }
}

/// Creates a file that vanishes when it is closed.
fn scratch(folder: &Path, flags: OFlags) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    let flag_bits = |flags: OFlags| i32::from_ne_bytes(flags.bits().to_ne_bytes());
    let nameless = options
        .clone()
        .custom_flags(flag_bits(flags | OFlags::TMPFILE))
        .open(folder);
    match nameless {
        Err(error)
            if matches!(
                errno(&error),
                Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT
            ) => {}
        other => return other,
    }
    let path = folder.join(format!(".turbo2ds-doctor-{}", std::process::id()));
    let file = options
        .create_new(true)
        .custom_flags(flag_bits(flags))
        .open(&path);
    // Opening with O_DIRECT may fail after the file was created.
    let made = file.is_ok()
        || file
            .as_ref()
            .is_err_and(|error| errno(error) == Errno::INVAL);
    if made {
        let _ = std::fs::remove_file(&path);
    }
    file
}

fn write_block(mut file: &File) -> io::Result<()> {
    let memory = vec![0_u8; 2 * DIRECT_IO_ALIGN_BYTES];
    // The offset is within the first half, so a whole block fits.
    let start = memory
        .as_ptr()
        .align_offset(DIRECT_IO_ALIGN_BYTES)
        .min(DIRECT_IO_ALIGN_BYTES);
    file.write_all(&memory[start..start + DIRECT_IO_ALIGN_BYTES])
}

fn alignment(file: &File) -> Option<(u32, u32)> {
    let found = statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::DIOALIGN).ok()?;
    (found.stx_mask & StatxFlags::DIOALIGN.bits() != 0)
        .then_some((found.stx_dio_mem_align, found.stx_dio_offset_align))
}

fn errno(error: &io::Error) -> Errno {
    error
        .raw_os_error()
        .map_or(Errno::IO, Errno::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examining_a_folder_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let found = Folder::read(folder.path()).unwrap();
        assert_eq!(found.looked_at, folder.path());
        assert!(!matches!(found.write, Trial::Refused(_)), "{found:?}");
        assert!(found.free_bytes > 0 && found.magic > 0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_missing_folder_is_examined_at_its_ancestor() {
        let folder = tempfile::tempdir().unwrap();
        let found = Folder::read(&folder.path().join("a/b")).unwrap();
        assert_eq!(found.looked_at, folder.path());
        assert!(!folder.path().join("a").exists());
    }

    #[test]
    fn a_file_instead_of_a_folder_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for path in [file.path().to_owned(), file.path().join("below")] {
            assert!(Folder::read(&path).is_err(), "{}", path.display());
        }
    }

    #[test]
    fn an_unwritable_folder_is_refused_with_the_systems_error() {
        let found = Folder::read(Path::new("/proc")).unwrap();
        assert!(matches!(found.write, Trial::Refused(_)), "{found:?}");
    }
}
