//! Owns running a test in its own network: it starts the test process again in new user, network and
//! mount namespaces, with `unshare`. Never touches the network of the machine.

use std::path::Path;
use std::process::{Command, Stdio};

/// Tells the second process that it is in the namespaces.
const INSIDE: &str = "TURBO2DS_TEST_NAMESPACE";
/// Namespaces for users without rights, their loopback up.
const UNSHARE: [&str; 5] = ["unshare", "--user", "--map-root-user", "--net", "--mount"];

/// Whether this process is in namespaces of its own. Where it is not, the test of this name is run
/// there, and must succeed; where there are none to be had, that is said and nothing is tested.
///
/// # Panics
/// Where the test fails inside.
pub fn is_inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let works = quietly(&[&UNSHARE[..], &["ip", "link", "set", "lo", "up"]].concat());
    if !works {
        eprintln!("SKIPPED: {test}: no user namespace, or no `ip`, on this machine");
        return false;
    }
    let this = std::env::current_exe().expect("the system knows the path of a running program");
    let status = Command::new(UNSHARE[0])
        .args(&UNSHARE[1..])
        .arg(this)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .expect("unshare starts");
    assert!(status.success(), "{test} fails in its namespace");
    false
}

/// Brings loopback up and makes these networks this machine's own.
///
/// # Panics
/// Where `ip` refuses.
pub fn own(networks: &[&str]) {
    assert!(quietly(&["ip", "link", "set", "lo", "up"]));
    for network in networks {
        let line = ["ip", "route", "add", "local", network, "dev", "lo"];
        assert!(quietly(&line), "{network} cannot be made our own");
    }
}

/// Takes the network of the namespace down, or up again.
///
/// # Panics
/// Where `ip` refuses.
pub fn set_network(up: bool) {
    let state = if up { "up" } else { "down" };
    assert!(quietly(&["ip", "link", "set", "lo", state]));
}

/// Lets a system file have this content, for this process and its children.
///
/// # Panics
/// Where it cannot be covered.
pub fn cover(system_file: &str, folder: &Path, content: &str) {
    let name = system_file.replace('/', "_");
    let file = folder.join(name);
    std::fs::write(&file, content).expect("a file can be written");
    let file = file.to_str().expect("a temporary path is text");
    assert!(
        quietly(&["mount", "--bind", file, system_file]),
        "{system_file} cannot be covered"
    );
}

fn quietly(line: &[&str]) -> bool {
    let mut command = Command::new(line[0]);
    command.args(&line[1..]).stdin(Stdio::null());
    let ended = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    ended.is_ok_and(|status| status.success())
}
