//! Owns the documents that runs leave for each other in a store: a run that lives, and a claim. They are
//! versioned and canonical: what is written today is read by every later version. Never sends a request.

use serde::{Deserialize, Serialize};

/// The version that is written.
const VERSION: u32 = 1;

/// A run that lives, in `runs/WORD.json`. It is written again while the run lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RunNote {
    version: u32,
    /// The run's word.
    pub(super) run: String,
    /// Whether the dataset is this run's alone.
    pub(super) alone: bool,
    /// The run's process.
    pub(super) process: Process,
}

/// A process, so that another one on the same machine can tell whether it lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    /// The boot of the machine, and the namespace in which `id` is a process.
    machine: String,
    /// Its number.
    id: u32,
    /// When it started, in the kernel's ticks.
    started: u64,
}

/// A claim, in `claims/SHARD.GENERATION.json`: what the run of this word publishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClaimNote {
    version: u32,
    /// The run's word.
    pub(super) run: String,
}

impl RunNote {
    /// The note of a run of this process.
    pub(super) fn new(run: &str, alone: bool) -> Self {
        Self {
            version: VERSION,
            run: run.to_owned(),
            alone,
            process: Process::this(),
        }
    }

    /// Reads a note of any version; `None` if it is none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The note as it is written.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        document(self)
    }
}

impl ClaimNote {
    /// A claim of the run of this word.
    pub(super) fn new(run: &str) -> Self {
        Self {
            version: VERSION,
            run: run.to_owned(),
        }
    }

    /// Reads a note of any version; `None` if it is none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The note as it is written.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        document(self)
    }
}

fn document(note: &impl Serialize) -> Vec<u8> {
    // Texts and numbers alone always serialize.
    let mut bytes = serde_json::to_vec(note).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

impl Process {
    /// This process.
    fn this() -> Self {
        let id = std::process::id();
        Self {
            machine: machine(),
            id,
            started: started(id).unwrap_or_default(),
        }
    }

    /// Whether it is known to have ended: it ran on this machine, where this process could see it.
    pub(super) fn has_ended(&self) -> bool {
        let here = machine();
        !here.is_empty() && self.machine == here && started(self.id) != Some(self.started)
    }
}

/// This boot of this machine and the namespace of process numbers; empty if the kernel does not tell.
fn machine() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let (boot, space) = (boot.trim(), space.to_string_lossy());
    if boot.is_empty() || space.is_empty() {
        return String::new();
    }
    format!("{boot} {space}")
}

/// When a process started, in ticks since the boot; `None` if there is none of this number, or only what is
/// left of one.
fn started(id: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name may hold spaces and parentheses.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes that version 1 wrote. Every later version must read them.
    const RUN: &str = "{\"version\":1,\"run\":\"0123456789ab\",\"alone\":true,\"process\":{\"machine\":\"8a3c pid:[4026531836]\",\"id\":4711,\"started\":123456}}\n";
    const CLAIM: &str = "{\"version\":1,\"run\":\"0123456789ab\"}\n";

    #[test]
    fn notes_read_back_and_are_canonical() {
        let run = RunNote::parse(RUN.as_bytes()).expect("a note");
        assert_eq!(run.to_bytes(), RUN.as_bytes());
        assert!(run.alone && run.run == "0123456789ab");
        let claim = ClaimNote::parse(CLAIM.as_bytes()).expect("a note");
        assert_eq!(claim.to_bytes(), CLAIM.as_bytes());
        assert_eq!(claim, ClaimNote::new("0123456789ab"));
        assert_eq!(RunNote::parse(b"{}"), None);
    }

    #[test]
    fn a_process_of_this_machine_is_known_to_have_ended_and_others_are_not() {
        let this = Process::this();
        assert!(!this.has_ended());
        let child = std::process::Command::new("true").spawn();
        let mut child = child.expect("a process");
        let ended = Process {
            id: child.id(),
            ..this.clone()
        };
        child.wait().expect("it ends");
        assert!(ended.has_ended());
        let again = Process {
            started: this.started + 1,
            ..this.clone()
        };
        assert!(again.has_ended(), "the number was given again");
        let elsewhere = Process {
            machine: "elsewhere".into(),
            ..ended
        };
        assert!(!elsewhere.has_ended());
    }
}
