//! Owns reading a dataset in a store from Python: a look at its names, marks and record, and the bytes of its
//! files. Never interprets them.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use turbo2ds::config::{Location, LocationError};
use turbo2ds::dataset::{StoreReader, StoredFile};
use turbo2ds::error::Error;

use crate::{config, raise};

/// How often a wait looks for Ctrl-C.
const SIGNALS_EVERY: Duration = Duration::from_millis(100);

/// A dataset in a store.
#[pyclass(frozen, module = "turbo2ds._engine")]
pub(crate) struct Store {
    reader: StoreReader,
    /// The process that opened it: the thread that asks the store is not there in one that was forked from it.
    process: u32,
}

#[pymethods]
impl Store {
    /// Opens the output of a run with these arguments.
    #[new]
    fn new(py: Python<'_>, arguments: Vec<String>) -> PyResult<Self> {
        let reader = waiting(py, move || StoreReader::open(&config(arguments)?))?;
        Ok(Self {
            reader,
            process: std::process::id(),
        })
    }

    /// Looks, and gives the names of what is there.
    fn look(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let reader = self.reader()?.clone();
        waiting(py, move || reader.look())
    }

    /// The content of a mark, or of the record, as of the last look.
    fn content<'py>(&self, py: Python<'py>, name: &str) -> Option<Bound<'py, PyBytes>> {
        let content = self.reader.content(name)?;
        Some(PyBytes::new(py, &content))
    }

    /// Opens a file.
    fn file(&self, py: Python<'_>, name: String) -> PyResult<File> {
        let reader = self.reader()?.clone();
        waiting(py, move || reader.file(&name)).map(File)
    }
}

impl Store {
    fn reader(&self) -> PyResult<&StoreReader> {
        if self.process == std::process::id() {
            return Ok(&self.reader);
        }
        Err(PyRuntimeError::new_err(
            "this dataset was opened before the process was forked: open it again",
        ))
    }
}

/// A file of a dataset in a store.
#[pyclass(frozen, module = "turbo2ds._engine")]
pub(crate) struct File(StoredFile);

#[pymethods]
impl File {
    /// Bytes.
    #[getter]
    fn length(&self) -> u64 {
        self.0.length()
    }

    /// So many bytes from there on.
    fn read_at<'py>(
        &self,
        py: Python<'py>,
        at: u64,
        length: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let file = self.0.clone();
        let read = waiting(py, move || file.read_at(at, length))?;
        Ok(PyBytes::new(py, &read))
    }
}

/// Whether a text names a place in a store, and the place without what may be a secret.
#[pyfunction]
pub(crate) fn place(py: Python<'_>, text: &str) -> PyResult<(bool, String)> {
    let error = |error: LocationError| {
        let hint = "give a path, or a URL such as s3://bucket/folder";
        raise(py, &Error::usage(error.to_string(), hint))
    };
    Ok(match Location::of(text).map_err(error)? {
        Location::Local(path) => (false, path.to_string_lossy().into_owned()),
        Location::Remote(url) => (true, url.to_string()),
    })
}

/// Does what waits for a store on a thread of its own, the GIL released, so that Ctrl-C ends the wait.
fn waiting<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> PyResult<T> {
    let (sender, mut receiver) = mpsc::sync_channel(1);
    thread::Builder::new().spawn(move || drop(sender.send(work())))?;
    loop {
        let answer;
        (receiver, answer) = py.detach(move || {
            let answer = receiver.recv_timeout(SIGNALS_EVERY);
            (receiver, answer)
        });
        match answer {
            Ok(answer) => return answer.map_err(|error| raise(py, &error)),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(PyRuntimeError::new_err(
                    "the engine failed; its panic is on stderr",
                ));
            }
        }
    }
}
