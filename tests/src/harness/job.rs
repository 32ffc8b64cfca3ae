//! Owns running the binary: finding it, its arguments, its environment and its exit.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use super::watch;
use crate::web::Web;

/// Shards that the two cores of a run may have open at most. A run that is to leave some unbegun has more.
pub const OPEN_SHARDS_MAX: usize = 2 * 128;
/// What no run of these tests exceeds, even on a busy machine of one core.
pub const RUN_MAX: Duration = Duration::from_secs(120);

/// Time between two looks at a run that is watched.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The binary under test: `TURBO2DS_BIN`, or `turbo2ds` in the directory this test was built into.
///
/// # Panics
/// Where it is missing, saying how to build it.
pub fn binary() -> PathBuf {
    let path = std::env::var_os("TURBO2DS_BIN").map_or_else(beside_this_test, PathBuf::from);
    assert!(
        path.is_file(),
        "no turbo2ds binary at {}; build it with `cargo build -p turbo2ds`, \
         or name one in TURBO2DS_BIN",
        path.display()
    );
    path
}

/// TARGET/PROFILE/turbo2ds, for a test at TARGET/PROFILE/deps/NAME.
fn beside_this_test() -> PathBuf {
    let test = std::env::current_exe().expect("the system knows the path of a running program");
    let profile = test
        .parent()
        .and_then(Path::parent)
        .expect("tests are built into deps/");
    profile.join("turbo2ds")
}

/// Runs one of the binary's tools (`verify`, `doctor`) to its end.
pub fn tool<T: Into<OsString>>(arguments: impl IntoIterator<Item = T>) -> Outcome {
    tool_in([], arguments)
}

/// The same with these variables in its environment.
pub fn tool_in<T: Into<OsString>>(
    environment: impl IntoIterator<Item = (String, String)>,
    arguments: impl IntoIterator<Item = T>,
) -> Outcome {
    let begun = Instant::now();
    let output = Command::new(binary())
        .args(arguments.into_iter().map(Into::into))
        .envs(environment)
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        took: begun.elapsed(),
    }
}

/// Starts one of the binary's tools, whose output is dropped.
pub fn tool_started<T: Into<OsString>>(arguments: impl IntoIterator<Item = T>) -> Child {
    Command::new(binary())
        .args(arguments.into_iter().map(Into::into))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts")
}

/// A command line in a temporary folder of its own; may be run again and again in it.
pub struct Job {
    folder: TempDir,
    list: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    wrapper: Vec<OsString>,
    output: PathBuf,
}

impl Job {
    /// A job over a list of this name and content, with what every run against a fake web needs:
    /// loopback allowed, names from the fake web's responder.
    pub fn new(web: &Web, list_name: &str, list: impl AsRef<[u8]>) -> Self {
        Self::strict(list_name, list)
            .option("--allow_net", "127.0.0.0/8,::1/128")
            .option("--dns_servers", web.dns_server())
    }

    /// A job with the binary's own defaults: loopback is out of bounds for it.
    pub fn strict(list_name: &str, list: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let list_path = folder.path().join(list_name);
        std::fs::write(&list_path, list).expect("the list can be written");
        let job = Self {
            output: folder.path().join("dataset"),
            folder,
            list: list_path,
            arguments: Vec::new(),
            environment: Vec::new(),
            wrapper: Vec::new(),
        };
        job.option("--processes_count", "2")
    }

    /// A job over URLs, one a line.
    pub fn of_urls<T: AsRef<str>>(web: &Web, urls: impl IntoIterator<Item = T>) -> Self {
        let lines: String = urls
            .into_iter()
            .map(|url| format!("{}\n", url.as_ref()))
            .collect();
        Self::new(web, "list.txt", lines)
    }

    /// Adds an option with its value; a later value of the same option takes its place.
    pub fn option(mut self, name: &str, value: impl Into<OsString>) -> Self {
        if let Some(at) = self.arguments.iter().position(|argument| argument == name) {
            self.arguments[at + 1] = value.into();
        } else {
            self.arguments.extend([name.into(), value.into()]);
        }
        self
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Sets several variables of the environment; a later value of one takes the place of an earlier.
    pub fn envs(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables = variables.into_iter();
        self.environment
            .extend(variables.map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Runs the binary through another program, which gets it and its arguments as arguments.
    pub fn through<T: Into<OsString>>(mut self, wrapper: impl IntoIterator<Item = T>) -> Self {
        self.wrapper = wrapper.into_iter().map(Into::into).collect();
        self
    }

    /// Takes this path or URL as the URL list instead of the one the job was made with.
    pub fn over(mut self, list: impl Into<PathBuf>) -> Self {
        self.list = list.into();
        self
    }

    /// Writes the dataset to this path or URL instead of into the job's own folder.
    pub fn into_folder(mut self, output: impl Into<PathBuf>) -> Self {
        self.output = output.into();
        self
    }

    /// Runs the binary itself again, after [`Job::through`].
    pub fn directly(mut self) -> Self {
        self.wrapper.clear();
        self
    }

    /// Replaces the list's content.
    pub fn rewrite_list(&self, content: impl AsRef<[u8]>) {
        std::fs::write(&self.list, content).expect("the list can be written");
    }

    /// Writes a further file into the job's folder; `name` may name a folder of its own.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        let parent = path.parent().expect("a file is in a folder");
        std::fs::create_dir_all(parent).expect("a folder can be made");
        std::fs::write(&path, content).expect("a file can be written");
        path
    }

    /// Where the dataset goes.
    pub fn output(&self) -> PathBuf {
        self.output.clone()
    }

    /// Runs to the end.
    pub fn run(&self) -> Outcome {
        self.start().finish()
    }

    /// Runs to the end, which must be a success.
    ///
    /// # Panics
    /// On another exit code than 0, with everything the binary said.
    pub fn succeed(&self) -> Outcome {
        let outcome = self.run();
        assert_eq!(outcome.code, Some(0), "{outcome}");
        outcome
    }

    /// Starts without waiting.
    pub fn start(&self) -> Running {
        let binary = binary();
        let mut line: Vec<OsString> = self.wrapper.clone();
        line.push(binary.into());
        line.push(self.list.clone().into());
        line.extend(["--output_folder".into(), self.output().into()]);
        line.extend(self.arguments.iter().cloned());
        let said = |name| self.folder.path().join(name);
        let capture = |name| std::fs::File::create(said(name)).expect("a file can be written");
        let child = Command::new(&line[0])
            .args(&line[1..])
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(capture("stdout"))
            .stderr(capture("stderr"))
            .spawn()
            .unwrap_or_else(|error| panic!("{:?} does not start: {error}", line[0]));
        Running {
            child,
            stdout: said("stdout"),
            stderr: said("stderr"),
            output: self.output(),
        }
    }
}

/// A run under way; dropped, it is killed.
pub struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    output: PathBuf,
}

impl Running {
    /// Waits until the dataset holds this many finished shards.
    ///
    /// # Panics
    /// Where that takes longer than [`RUN_MAX`].
    pub fn wait_for_shards(&self, count: usize) {
        let done = |name: &str| name.ends_with("_stats.json");
        let reached = watch::until_files(&self.output, done, count, RUN_MAX);
        assert!(reached, "no {count} finished shards: {}", self.said());
    }

    /// Waits until standard error holds this text.
    ///
    /// # Panics
    /// Where that takes longer than [`RUN_MAX`].
    pub fn wait_until_said(&self, text: &str) {
        let came = watch::until_text(&self.stderr, text, RUN_MAX);
        assert!(came, "`{text}` is not said: {}", self.said());
    }

    /// Waits for the end, at most this long; whether it came.
    pub fn ends_within(&self, limit: Duration) -> bool {
        watch::until_exit(&self.child, limit)
    }

    /// SIGKILL: nothing of the process's own runs any more.
    pub fn kill(mut self) {
        self.child
            .kill()
            .expect("a child that was not waited for can be signalled");
        self.child.wait().expect("a child can be waited for");
    }

    /// SIGINT, as by Ctrl-C.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Sends any signal.
    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal)
            .expect("a child that was not waited for can be signalled");
    }

    /// The memory the process and its children have now, bytes; `None` once it has ended. What they share
    /// is the process's: its children map the same files, and nothing else of which it has no part.
    pub fn memory_now(&self) -> Option<u64> {
        let own = kilobytes(Pid::from_child(&self.child), "VmRSS:")?;
        let children = self.children();
        let theirs = children
            .iter()
            .filter_map(|child| kilobytes(*child, "RssAnon:"));
        Some((own + theirs.sum::<u64>()) * 1024)
    }

    /// Descriptors the process has open; `None` once it has ended.
    pub fn descriptors(&self) -> Option<usize> {
        let folder = format!("/proc/{}/fd", self.child.id());
        let open = std::fs::read_dir(folder).ok()?.count();
        // A process that has ended and was not waited for has none.
        (open > 0).then_some(open)
    }

    /// Its children: the decoding processes.
    pub fn children(&self) -> Vec<Pid> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let children: String = threads
            .into_iter()
            .flatten()
            .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok())
            .collect();
        let numbers = children.split_whitespace();
        numbers
            .filter_map(|number| Pid::from_raw(number.parse().ok()?))
            .collect()
    }

    /// Waits for the end, and on the way looks at the process every so often.
    ///
    /// # Panics
    /// Where that takes longer than `limit`.
    pub fn finish_watched(self, limit: Duration, mut look: impl FnMut(&Self)) -> Outcome {
        let begun = Instant::now();
        while !self.ends_within(LOOK_EVERY) {
            look(&self);
            assert!(
                begun.elapsed() < limit,
                "the run does not end: {}",
                self.said()
            );
        }
        Outcome {
            took: begun.elapsed(),
            ..self.finish()
        }
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// Where that takes longer than [`RUN_MAX`].
    pub fn finish(mut self) -> Outcome {
        let begun = Instant::now();
        let ended = watch::until_exit(&self.child, RUN_MAX);
        assert!(ended, "the run does not end: {}", self.said());
        let status = self.child.wait().expect("a child can be waited for");
        Outcome {
            code: status.code(),
            stdout: text_of(&self.stdout),
            stderr: text_of(&self.stderr),
            took: begun.elapsed(),
        }
    }

    fn said(&self) -> String {
        format!(
            "stdout:\n{}\nstderr:\n{}",
            text_of(&self.stdout),
            text_of(&self.stderr)
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail where the child has been waited for, which is what they are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line of what the system tells everybody of a process's memory: a decoding process lets nobody but
/// root look further.
fn kilobytes(process: Pid, line: &str) -> Option<u64> {
    let number = process.as_raw_nonzero();
    let status = std::fs::read_to_string(format!("/proc/{number}/status")).ok()?;
    let value = status.lines().find_map(|text| text.strip_prefix(line))?;
    value.trim().strip_suffix(" kB")?.parse().ok()
}

fn text_of(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code; `None` after a signal.
    pub code: Option<i32>,
    /// All of standard output.
    pub stdout: String,
    /// All of standard error.
    pub stderr: String,
    /// Wall time of the wait.
    pub took: Duration,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "code {:?}\nstdout:\n{}\nstderr:\n{}",
            self.code, self.stdout, self.stderr
        )
    }
}
