//! Owns waiting for what a run does: a file that appears (inotify), or a process that exits (pidfd).
//! Never polls by sleeping; every wait has a timeout.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// Waits until `folder` holds `count` files whose names pass; `false` after `limit`.
/// The folder need not exist yet, its parent must.
pub fn until_files(
    folder: &Path,
    passes: impl Fn(&str) -> bool,
    count: usize,
    limit: Duration,
) -> bool {
    let end = Instant::now() + limit;
    let events = inotify::init(inotify::CreateFlags::CLOEXEC).expect("inotify is there");
    let parent = folder.parent().expect("a dataset has a parent folder");
    let flags = inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO;
    inotify::add_watch(&events, parent, flags).expect("the parent folder is there");
    loop {
        // Watch before looking: what appears in between is an event then.
        let _ = inotify::add_watch(&events, folder, flags);
        if names(folder).filter(|name| passes(name)).count() >= count {
            return true;
        }
        if !event_before(&events, end) {
            return false;
        }
    }
}

/// Waits until a file, which is there, holds this text; `false` after `limit`.
pub fn until_text(file: &Path, text: &str, limit: Duration) -> bool {
    let end = Instant::now() + limit;
    let events = inotify::init(inotify::CreateFlags::CLOEXEC).expect("inotify is there");
    inotify::add_watch(&events, file, inotify::WatchFlags::MODIFY).expect("the file is there");
    loop {
        let content = std::fs::read(file).expect("the file can be read");
        if String::from_utf8_lossy(&content).contains(text) {
            return true;
        }
        if !event_before(&events, end) {
            return false;
        }
    }
}

/// Waits for an event and takes it; `false` where none comes.
fn event_before(events: &OwnedFd, end: Instant) -> bool {
    let came = readable_before(events, end);
    if came {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        inotify::Reader::new(events, &mut buffer)
            .next()
            .expect("events can be read");
    }
    came
}

/// Waits until the process has ended, without reaping it; `false` after `limit`.
pub fn until_exit(child: &Child, limit: Duration) -> bool {
    let process = pidfd_open(Pid::from_child(child), PidfdFlags::empty())
        .expect("a child that was not waited for has a pidfd");
    readable_before(&process, Instant::now() + limit)
}

/// Waits until any process has ended; `false` after `limit`.
pub fn until_gone(process: Pid, limit: Duration) -> bool {
    match pidfd_open(process, PidfdFlags::empty()) {
        Ok(process) => readable_before(&process, Instant::now() + limit),
        Err(_) => true,
    }
}

/// The names in a folder; none where it is missing.
pub fn names(folder: &Path) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok())
}

fn readable_before(descriptor: &OwnedFd, end: Instant) -> bool {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).expect("minutes fit");
        let mut descriptors = [PollFd::from_borrowed_fd(descriptor.as_fd(), PollFlags::IN)];
        match poll(&mut descriptors, Some(&timeout)) {
            Ok(ready) => return ready > 0,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("poll: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_a_folder_made_later_is_seen() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("dataset");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                until_files(
                    &folder,
                    |name| name.ends_with(".json"),
                    2,
                    Duration::from_secs(20),
                )
            });
            std::fs::create_dir(&folder).unwrap();
            for name in ["a.json", "b.txt", "c.json"] {
                std::fs::write(folder.join(name), "").unwrap();
            }
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn a_wait_for_nothing_ends() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!until_files(
            folder.path(),
            |_| true,
            1,
            Duration::from_millis(20)
        ));
    }
}
