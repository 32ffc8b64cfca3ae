//! Runs a command as an ordinary user with a limit on locked memory, whoever runs the tests.
//! usage: as_user USER_ID MEMLOCK_BYTES COMMAND...
//!
//! Root becomes the user of that number, who needs no entry in any list, and loses all capabilities;
//! anybody else stays who they are. The program is run from a folder that every user may enter. The
//! limit on descriptors is as high as it may be.

use std::error::Error;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use rustix::process::{Resource, Rlimit, getrlimit, getuid, setrlimit};

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("as_user: {error}");
            ExitCode::from(125)
        }
    }
}

fn run() -> Result<u8, Box<dyn Error>> {
    let usage = "usage: as_user USER_ID MEMLOCK_BYTES COMMAND...";
    let mut arguments = std::env::args_os().skip(1);
    let mut number = || -> Option<u64> { arguments.next()?.to_str()?.parse().ok() };
    let (user, memlock) = (number().ok_or(usage)?, number().ok_or(usage)?);
    let program = arguments.next().ok_or(usage)?;
    let limit = Rlimit {
        current: Some(memlock),
        maximum: Some(memlock),
    };
    setrlimit(Resource::Memlock, limit)?;
    let mut descriptors = getrlimit(Resource::Nofile);
    descriptors.current = descriptors.maximum;
    setrlimit(Resource::Nofile, descriptors)?;
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
    let program = Path::new(&program);
    let copy = folder.path().join("program");
    if fs::hard_link(program, &copy).is_err() {
        fs::copy(program, &copy)?;
    }
    let mut command = Command::new(copy);
    command.args(arguments);
    if getuid().is_root() {
        let user = u32::try_from(user)?;
        // The capabilities go with the change of the user, and with them the exemption from limits.
        command.uid(user).gid(user);
    }
    let status = command.status()?;
    let code = status.code().ok_or("a signal ended the program")?;
    Ok(u8::try_from(code)?)
}
