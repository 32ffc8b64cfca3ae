//! Owns which files the user named in the options, where they are, and that a run loses none of them: the
//! list's files, which are read, and the DNS cache, which is written. Never reads a list.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::config::{Compression, Config, DnsConfig};
use crate::error::{Error, Message};
use crate::list::List;
use crate::net::stored_names;

/// Maximum bytes of text that one byte of gzip decompresses to, rounded up. The other codings have no such
/// bound.
const GZIP_EXPANSION_MAX: u64 = 1040;

/// A file that the user named in the options.
#[derive(Clone, Debug)]
pub(crate) struct UserFile {
    /// A human-readable description.
    what: &'static str,
    path: PathBuf,
    /// Whether the run itself writes it.
    pub(crate) written: bool,
    /// Its path by its own name, and its path with all links followed.
    places: [PathBuf; 2],
    /// Device, inode and number of hard links; `None` if the file does not exist.
    inode: Option<(u64, u64, u64)>,
}

impl UserFile {
    fn new(what: &'static str, path: PathBuf, written: bool) -> io::Result<Self> {
        let name = path.file_name().unwrap_or_default();
        let above = match path.parent() {
            Some(above) if !above.as_os_str().is_empty() => above,
            _ => Path::new("."),
        };
        let inode = match fs::metadata(&path) {
            Ok(found) => Some((found.dev(), found.ino(), found.nlink())),
            Err(error) if is_absent(&error) => None,
            Err(error) => return Err(error),
        };
        Ok(Self {
            what,
            places: [settled(above)?.join(name), settled(&path)?],
            inode,
            path,
            written,
        })
    }

    fn is(&self, other: &Self) -> bool {
        let inode = |file: &Self| file.inode.map(|(device, inode, _)| (device, inode));
        let same_inode = inode(self).is_some() && inode(self) == inode(other);
        same_inode || self.places[1] == other.places[1]
    }

    /// Its paths relative to the folder, one for each of its places inside the folder.
    pub(crate) fn within(&self, folder: &Path) -> impl Iterator<Item = &Path> {
        let folder = settled(folder).unwrap_or_else(|_| folder.to_owned());
        let places = self.places.iter();
        places.filter_map(move |place| place.strip_prefix(&folder).ok())
    }

    /// Whether `path` is a name of this file, compared by device and inode.
    pub(crate) fn has_name(&self, path: &Path) -> bool {
        let Some((device, inode, _)) = self.inode else {
            return false;
        };
        fs::symlink_metadata(path).is_ok_and(|found| (found.dev(), found.ino()) == (device, inode))
    }

    /// Whether the file has other hard links than the name that was given.
    pub(crate) fn has_other_names(&self) -> bool {
        self.inode.is_some_and(|(.., names)| names > 1)
    }

    /// The refusal of a run whose dataset would take this file's name.
    pub(crate) fn refusal(&self, name: &str) -> Error {
        let (path, what) = (self.path.display(), self.what);
        Error::output(
            format!("{path} is {what}, and the dataset takes the name {name}"),
            "choose another output_folder, or move the file; nothing was written",
        )
    }
}

/// All files that the user named in the options.
#[derive(Clone, Debug, Default)]
pub(crate) struct UserFiles {
    pub(crate) files: Vec<UserFile>,
    /// An upper bound on the number of shards of the list, if known.
    pub(crate) shards_max: Option<u64>,
}

impl UserFiles {
    /// The files of a configuration and its list.
    ///
    /// # Errors
    /// `Output` if one of them would be replaced by another or by what the run writes. `Input` if the list is
    /// gone.
    pub(crate) fn named(config: &Config, list: &List) -> Result<Self, Error> {
        let files: Vec<PathBuf> = list.paths().map(Path::to_owned).collect();
        let rows = list.identity().rows.or_else(|| rows_max(list, &files));
        let per_shard = config.input.rows_per_shard;
        Ok(Self {
            // A pipe is not a file, and its length is not known.
            shards_max: rows
                .filter(|_| !files.is_empty())
                .and_then(|rows| shards_max(rows, files.len(), per_shard)),
            files: Self::of(&files, &config.dns)?,
        })
    }

    fn of(list: &[PathBuf], dns: &DnsConfig) -> Result<Vec<UserFile>, Error> {
        let unreadable = |path: &Path, error: io::Error| {
            Error::input(
                Message::because(path.display().to_string(), error),
                "look at the path and its folders",
            )
        };
        let mut files = Vec::with_capacity(list.len() + 1);
        for path in list {
            let file = UserFile::new("a file of the list", path.clone(), false);
            files.push(file.map_err(|error| unreadable(path, error))?);
        }
        if let Some(cache) = dns.cache_path().map(Path::to_owned) {
            let file = UserFile::new("the file of --dns_cache", cache.clone(), true)
                .map_err(|error| unreadable(&cache, error))?;
            if let Some(same) = files.iter().find(|listed| listed.is(&file)) {
                return Err(same_file(&file, same));
            }
            stored_names::check_cache_file(&cache)?;
            files.push(file);
        }
        Ok(files)
    }

    /// Refuses an output folder that is one of the files.
    ///
    /// # Errors
    /// `Output` if `folder` is one of the files.
    pub(crate) fn check_folder(&self, folder: &Path) -> Result<(), Error> {
        let is_folder = |file: &&UserFile| {
            let mut within = file.within(folder);
            within.any(|path| path.as_os_str().is_empty())
        };
        match self.files.iter().find(is_folder) {
            Some(file) => Err(Error::output(
                format!(
                    "{} is {} and the output folder",
                    file.path.display(),
                    file.what
                ),
                "choose another output_folder; nothing was written",
            )),
            None => Ok(()),
        }
    }
}

fn same_file(cache: &UserFile, list: &UserFile) -> Error {
    Error::output(
        format!(
            "{} is {} and {}",
            cache.path.display(),
            list.what,
            cache.what
        ),
        "name another file for --dns_cache; nothing was written",
    )
}

/// The path with links resolved as the file system resolves them. Components that do not exist yet are kept
/// as written.
fn settled(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    for there in path.ancestors() {
        match fs::canonicalize(there) {
            Ok(found) => {
                let rest = path.strip_prefix(there).unwrap_or(Path::new(""));
                // Joining an empty path would add a slash.
                let is_whole = rest.as_os_str().is_empty();
                return Ok(if is_whole { found } else { found.join(rest) });
            }
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(path)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Upper bound on the rows of text files whose rows have not been counted: each row takes at least a byte.
fn rows_max(list: &List, files: &[PathBuf]) -> Option<u64> {
    let expansion = match list.compression() {
        None => 1,
        Some(Compression::Gzip) => GZIP_EXPANSION_MAX,
        Some(_) => return None,
    };
    let sizes = files
        .iter()
        .map(|path| Some(fs::metadata(path).ok()?.len()));
    let bytes = sizes.sum::<Option<u64>>()?;
    bytes
        .checked_mul(expansion)
        .filter(|_| list.format().is_text())
}

/// Upper bound on the shards of a list with this many rows: each file begins a new shard.
fn shards_max(rows: u64, files: usize, rows_per_shard: usize) -> Option<u64> {
    (rows / rows_per_shard as u64).checked_add(files as u64)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::config::Location;

    fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, bytes).expect("a file");
        path
    }

    fn with_cache(list: &[PathBuf], cache: &Path) -> Result<Vec<UserFile>, Error> {
        let dns = DnsConfig {
            cache_file: Some(Location::Local(cache.to_owned())),
            ..DnsConfig::default()
        };
        UserFiles::of(list, &dns)
    }

    #[test]
    fn a_cache_that_is_the_list_is_refused_by_whatever_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        let list = file(folder, "list.txt", b"http://a/1.jpg\n");
        let (link, hard) = (folder.join("link"), folder.join("hard"));
        symlink(&list, &link).expect("a link");
        fs::hard_link(&list, &hard).expect("a link");
        let roundabout = folder.join("../").join(folder.file_name().expect("a name"));
        for cache in [&list, &link, &hard, &roundabout.join("list.txt")] {
            let error = with_cache(std::slice::from_ref(&list), cache).expect_err("the list");
            assert!(error.to_string().contains("--dns_cache"), "{error}");
            assert_eq!(error.exit_code(), 1);
        }
        let reached = with_cache(std::slice::from_ref(&link), &list);
        assert!(reached.is_err(), "the list by a link");
        let other = with_cache(&[list], &folder.join("names"));
        assert_eq!(other.expect("another file").len(), 2);
    }

    #[test]
    fn a_cache_that_holds_something_else_is_refused_and_an_empty_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes, good) in [
            ("notes", &b"mine"[..], false),
            ("short", b"t2d", false),
            ("empty", b"", true),
            ("broken", b"t2dDNS\0\x01cut off", true),
            ("newer", b"t2dDNS\0\x02", true),
        ] {
            let cache = file(folder.path(), name, bytes);
            assert_eq!(with_cache(&[], &cache).is_ok(), good, "{name}");
            assert_eq!(fs::read(cache).expect("the file"), bytes);
        }
        assert!(with_cache(&[], folder.path()).is_err(), "a folder");
    }

    #[test]
    fn a_file_is_found_in_a_folder_by_every_way_to_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        let list = file(folder, "out/00000.parquet", b"");
        symlink(folder.join("out"), folder.join("way")).expect("a link");
        symlink(&list, folder.join("list")).expect("a link");
        let out = folder.join("out");
        for path in [
            "out/00000.parquet",
            "way/00000.parquet",
            "list",
            "way/../out/00000.parquet",
        ] {
            let file = UserFile::new("it", folder.join(path), false).expect("a file");
            for out in [&out, &folder.join("way")] {
                let within: Vec<&Path> = file.within(out).collect();
                assert!(
                    within.contains(&Path::new("00000.parquet")),
                    "{path}: {within:?}"
                );
            }
        }
        // A link in the folder to a file elsewhere is also a name in the folder.
        let elsewhere = file(folder, "elsewhere.txt", b"");
        symlink(&elsewhere, out.join("00001.tar")).expect("a link");
        let linked = UserFile::new("it", out.join("00001.tar"), false).expect("a file");
        assert!(
            linked
                .within(&out)
                .any(|path| path == Path::new("00001.tar"))
        );
        let future = UserFile::new("it", folder.join("new/names"), true).expect("a name");
        let within: Vec<&Path> = future.within(&folder.join("new")).collect();
        assert_eq!(within, [Path::new("names"); 2]);
        let files = UserFiles {
            files: vec![future],
            shards_max: None,
        };
        assert!(files.check_folder(&folder.join("new/names")).is_err());
        assert!(files.check_folder(&folder.join("new")).is_ok());
    }

    #[test]
    fn a_list_bounds_its_shards() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(
            folder.path(),
            "list.txt",
            b"http://a/1.jpg\nhttp://a/2.jpg\n",
        );
        let named = |rows_per_shard| {
            let url_list = path.to_str().expect("a text").to_owned();
            let arguments = [url_list, "--number_sample_per_shard".into(), rows_per_shard];
            let parsed = crate::cli::options::parse(arguments.map(Into::into).into_iter());
            let Ok(crate::cli::options::Invocation::Run(config)) = parsed else {
                panic!("the options are a run's");
            };
            let list = List::open(&config.input).expect("a list");
            UserFiles::named(&config, &list).expect("a list alone")
        };
        assert_eq!(named("10".to_owned()).shards_max, Some(4));
        assert_eq!(named("1000".to_owned()).shards_max, Some(1));
        assert_eq!(shards_max(25, 2, 10), Some(4));
        assert_eq!(shards_max(u64::MAX, 1, 1), None);
    }
}
