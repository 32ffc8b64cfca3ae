//! Owns a small disk for one test: a tmpfs that another process holds in a mount namespace. It can fill
//! up or become read-only. Never affects the disks of the machine.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tempfile::TempDir;

/// A disk that goes with this value.
pub struct Disk {
    holder: Child,
    say: ChildStdin,
    hear: BufReader<ChildStdout>,
    place: TempDir,
}

impl Disk {
    /// A tmpfs with these mount options, held by the program `small_disk`; the reason where this
    /// machine allows none.
    ///
    /// # Errors
    /// What the holder answered.
    pub fn new(small_disk: &str, options: &str) -> Result<Self, String> {
        let place = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut holder = Command::new(small_disk)
            .arg(options)
            .arg(place.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{small_disk} does not start: {error}"))?;
        let say = holder.stdin.take().ok_or("no pipe")?;
        let hear = BufReader::new(holder.stdout.take().ok_or("no pipe")?);
        let mut disk = Self {
            holder,
            say,
            hear,
            place,
        };
        match disk.answer().as_str() {
            "ok" => Ok(disk),
            other => Err(other.to_owned()),
        }
    }

    /// The disk's folder, as this namespace reaches it.
    pub fn path(&self) -> PathBuf {
        let place = self.place.path();
        let below_root = place
            .strip_prefix("/")
            .expect("temporary folders are absolute");
        Path::new("/proc")
            .join(self.holder.id().to_string())
            .join("root")
            .join(below_root)
    }

    /// Remounts with `size=…`, `ro` or `rw`; false where the kernel refused, as it does for `ro` while
    /// a file is open for writing.
    pub fn remount(&mut self, change: &str) -> bool {
        writeln!(self.say, "{change}").expect("the holder listens");
        self.answer() == "ok"
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.hear.read_line(&mut line).expect("the holder answers");
        line.trim().to_owned()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The disk goes with the holder's namespace.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
