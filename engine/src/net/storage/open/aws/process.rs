//! Owns `credential_process`: a command of an AWS profile whose output is an access key. Never shows the command
//! or what it writes, and gives it nothing but the run's environment.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use object_store::Result;
use serde_json::Value;

use super::{none, time_of};
use crate::net::storage::settings::{Keys, Secret};

/// How long the command may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest output that is read, bytes.
const OUTPUT_MAX: u64 = 1 << 20;

/// Runs the command and returns the key that it writes, with its end.
pub(super) async fn credentials(command: &Secret) -> Result<(Keys, Option<SystemTime>)> {
    let words = words(command.expose());
    let run = tokio::task::spawn_blocking(move || output(&words));
    let output = run.await.map_err(|_| failed("was lost"))??;
    read(&output).ok_or_else(|| failed("wrote no credentials of version 1"))
}

fn failed(why: &str) -> object_store::Error {
    none(format!("the profile's credential_process {why}"))
}

fn output(words: &[String]) -> Result<Vec<u8>> {
    let [program, arguments @ ..] = words else {
        return Err(failed("is empty"));
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(&format!("cannot be started: {error}")))?;
    let stdout = child.stdout.take();
    let (sender, receiver) = mpsc::sync_channel(1);
    let reader = thread::Builder::new().name("credentials".to_owned());
    let reading = reader.spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.map(|stdout| stdout.take(OUTPUT_MAX).read_to_end(&mut bytes));
        // Nobody waits any more if it took too long.
        let _ = sender.send(matches!(read, Some(Ok(_))).then_some(bytes));
    });
    let read = match reading {
        Ok(_) => receiver.recv_timeout(PATIENCE).ok().flatten(),
        Err(_) => None,
    };
    if read.is_none() {
        // It may have ended by itself.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|_| failed("was lost"))?;
    match read {
        None => Err(failed(&format!(
            "did not end within {} s",
            PATIENCE.as_secs()
        ))),
        Some(_) if !status.success() => Err(failed(&format!("failed: {status}"))),
        Some(bytes) => Ok(bytes),
    }
}

fn read(output: &[u8]) -> Option<(Keys, Option<SystemTime>)> {
    let output: Value = serde_json::from_slice(output).ok()?;
    let text = |name: &str| output.get(name)?.as_str().filter(|text| !text.is_empty());
    if output.get("Version")?.as_u64()? != 1 {
        return None;
    }
    let keys = Keys {
        id: text("AccessKeyId")?.to_owned(),
        secret: Secret::new(text("SecretAccessKey")?),
        token: text("SessionToken").map(Secret::new),
    };
    let end = match text("Expiration") {
        Some(end) => Some(time_of(end)?),
        None => None,
    };
    Some((keys, end))
}

/// The words of a command, as a shell splits them: by spaces, with quotes of both kinds and backslashes. No shell
/// runs it.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = command.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\'', None) | ('"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            ('\\', None) => word.get_or_insert_default().extend(chars.next()),
            ('\\', Some('"')) if matches!(chars.peek(), Some('"' | '\\')) => {
                word.get_or_insert_default().extend(chars.next());
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_by_a_shell() {
        assert_eq!(
            words("a  'b c' \"d \\\" e\"\\ f ''"),
            ["a", "b c", "d \" e f", ""]
        );
        assert_eq!(words("C:\\\\x $HOME;y"), ["C:\\x", "$HOME;y"]);
        assert!(words(" ").is_empty());
    }

    #[test]
    fn only_credentials_of_version_1_are_read() {
        let output = |version: u32, end: &str| {
            format!(
                r#"{{"Version":{version},"AccessKeyId":"id","SecretAccessKey":"s","Expiration":"{end}"}}"#
            )
        };
        let (keys, end) = read(output(1, "2030-01-01T00:00:00+01:00").as_bytes()).expect("a key");
        assert_eq!((keys.id.as_str(), keys.secret.expose()), ("id", "s"));
        let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_452_400);
        assert_eq!(end, Some(expected));
        assert!(read(output(2, "2030-01-01T00:00:00Z").as_bytes()).is_none());
        assert!(read(output(1, "soon").as_bytes()).is_none());
        assert!(read(b"{}").is_none());
    }
}
