//! Owns a store's processes: free ports, a group that ends with its owner, and what it said. Never outlives the
//! test, even one that is killed.

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

/// Runs a command and tells its end; ends with all of its group once nothing holds the other end of standard
/// input any more.
const KEEPER: &str = r#"{ "$@"; echo "the server ended with $?"; } & cat >/dev/null; kill -KILL 0"#;

/// What [`KEEPER`] tells.
const ENDED: &str = "the server ended with ";

/// Ports of 127.0.0.1 that nothing listens at now.
///
/// # Errors
/// What the kernel answered to bind.
pub fn free_ports<const N: usize>() -> io::Result<[u16; N]> {
    let mut ports = [0; N];
    // All at once: none is given twice.
    let mut held = Vec::with_capacity(N);
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// A process and those that it starts; dropped, they are killed.
pub(super) struct Group {
    keeper: Child,
    log: PathBuf,
}

impl Group {
    /// Starts a command; what it says goes to `log` in `folder`, where it also runs.
    pub(super) fn start(command: &[String], folder: &Path) -> io::Result<Self> {
        let log = folder.join("log");
        let out = File::create(&log)?;
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "sh"])
            .args(command)
            .current_dir(folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()?;
        Ok(Self { keeper, log })
    }

    /// Whether the command has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.said().contains(ENDED)
    }

    /// All that the command has said.
    pub(super) fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.keeper), Signal::KILL);
        let _ = self.keeper.wait();
    }
}
