//! `turbo2ds._engine`: the engine as Python functions of texts. Owns the border between the two (the
//! GIL, exceptions, signals) and nothing else: what is friendly about the package is Python.

#![deny(unreachable_pub)]

mod store;

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::{PyKeyboardInterrupt, PyValueError};
use pyo3::prelude::*;
use turbo2ds::cli::options::{Invocation, Split, TABLE, parse};
use turbo2ds::config::Config;
use turbo2ds::error::Error;
use turbo2ds::machine::allocator::Allocator;
use turbo2ds::run::{Host, Observer, RunReport, SignalUse};
use turbo2ds_codec::EncodeFormat;
use turbo2ds_writers::{Column, Part, Status, sample_parts};

/// This library's own: Python and other extensions keep theirs.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// What a Python observer raised, until the run has ended.
type Raised = Arc<Mutex<Option<PyErr>>>;

/// Runs a command line, without the program's name, as the binary does; gives its exit code.
#[pyfunction]
fn main(py: Python<'_>, arguments: Vec<String>) -> u8 {
    py.detach(|| turbo2ds::cli::command::main(arguments.into_iter().map(Into::into)))
}

/// Every option: name, what its value looks like, default as text, help, whether it may be repeated.
#[pyfunction]
fn options() -> Vec<(&'static str, &'static str, &'static str, &'static str, bool)> {
    TABLE
        .iter()
        .map(|o| {
            (
                o.name,
                o.kind.placeholder(),
                o.default,
                o.help,
                o.repeatable,
            )
        })
        .collect()
}

/// The options that a command line gives, with their texts and in their order; none where it asks for
/// something else than a run.
#[pyfunction]
fn split(py: Python<'_>, arguments: Vec<String>) -> PyResult<Option<Vec<(&'static str, String)>>> {
    match turbo2ds::cli::options::split(arguments.into_iter().map(Into::into)) {
        Ok(Split::Answer(_)) => Ok(None),
        Ok(Split::Options(given)) => {
            Ok(Some(given.into_iter().map(|(o, t)| (o.name, t)).collect()))
        }
        Err(error) => Err(raise(py, &error)),
    }
}

/// Runs to the end, the GIL released. `observer` takes each event as JSON text, and the run then shows
/// nothing itself; what it raises ends the run as the first Ctrl-C does and is raised again after it.
/// `handle_signals` is for the interpreter's first thread. Gives the summary as JSON text.
#[pyfunction]
#[pyo3(signature = (arguments, observer, handle_signals))]
fn run(
    py: Python<'_>,
    arguments: Vec<String>,
    observer: Option<Py<PyAny>>,
    handle_signals: bool,
) -> PyResult<String> {
    let config = config(arguments).map_err(|error| raise(py, &error))?;
    turbo2ds::cli::command::log_to_stderr(config.show.log_json);
    let raised = Raised::default();
    let host = Host {
        observer: observer.map(|observer| observing(observer, raised.clone())),
        signals: if handle_signals {
            SignalUse::Borrow
        } else {
            SignalUse::Leave
        },
    };
    let result = py.detach(|| turbo2ds::run::run(config, host));
    if let Some(error) = raised.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(error);
    }
    result
        .map(|report: RunReport| report.json().to_string())
        .map_err(|error| raise(py, &error))
}

/// A dataset's record, of any version, as the document that is written now.
#[pyfunction]
fn read_record(document: &[u8]) -> PyResult<String> {
    turbo2ds::dataset::read_record(document).map_err(PyValueError::new_err)
}

/// Refuses what a run with these arguments would refuse before it touches anything.
#[pyfunction]
fn check(py: Python<'_>, arguments: Vec<String>) -> PyResult<()> {
    config(arguments)
        .map(drop)
        .map_err(|error| raise(py, &error))
}

/// Makes the folder ready for workers and counts the list's shards; gives the first one's number, how
/// many there are, and the numbers of those that are done.
#[pyfunction]
fn prepare(py: Python<'_>, arguments: Vec<String>) -> PyResult<(u64, u64, Vec<u64>)> {
    let prepared = py.detach(|| turbo2ds::run::prepare(&config(arguments)?));
    prepared
        .map(|plan| (plan.first_shard_id, plan.shards, plan.done))
        .map_err(|error| raise(py, &error))
}

fn config(arguments: Vec<String>) -> Result<Config, Error> {
    match parse(arguments.into_iter().map(Into::into))? {
        Invocation::Run(config) => Ok(*config),
        _ => Err(Error::usage(
            "these arguments do not ask for a run",
            "call turbo2ds.main for the command's other uses",
        )),
    }
}

fn observing(observer: Py<PyAny>, raised: Raised) -> Observer {
    Box::new(move |event| {
        let text = event.to_string();
        // An interpreter that is going down takes no more calls: there is nobody to tell.
        match Python::try_attach(|py| observer.call1(py, (text,)).map(drop)) {
            Some(Ok(())) => ControlFlow::Continue(()),
            Some(Err(error)) => {
                *raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                ControlFlow::Break(())
            }
            None => ControlFlow::Break(()),
        }
    })
}

/// The exception for a run's error, with its hint.
fn raise(py: Python<'_>, error: &Error) -> PyErr {
    let class = match error {
        Error::Usage { .. } => "UsageError",
        Error::Input { .. } => "InputError",
        Error::Output { .. } => "OutputError",
        Error::ConfigMismatch { .. } => "ConfigMismatchError",
        Error::LocalResource { .. } => "LocalResourceError",
        Error::Interrupted => return PyKeyboardInterrupt::new_err(error.to_string()),
    };
    let made = py
        .import("turbo2ds.errors")
        .and_then(|errors| errors.getattr(class))
        .and_then(|class| class.call1((error.message(), error.hint())));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// The program of a decoding process (`decode_isolation="process"`): this package again, without its
/// interpreter's end, which the process is not allowed any more. It has this interpreter's path, so that
/// `site` has nothing to find (-S), and what `site` runs may not start threads; it writes no byte code (-B).
fn start_decoding_by(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let sys = module.py().import("sys")?;
    let Ok(executable) = sys.getattr("executable")?.extract::<String>() else {
        // An embedded interpreter has none; `decode_isolation` is then not to be had.
        return Ok(());
    };
    let path = sys.getattr("path")?.repr()?.to_string();
    let program = format!(
        "import os, sys; sys.path[:] = {path}; from turbo2ds import _engine; \
         os._exit(_engine.main(sys.argv[1:]))"
    );
    turbo2ds::pixels::isolate::start_by(
        [executable, "-SB".to_owned(), "-c".to_owned(), program]
            .map(Into::into)
            .into(),
    );
    Ok(())
}

/// The names by which a dataset is read, which the package has from nowhere else.
fn add_names(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let endings: Vec<&str> = sample_parts().into_iter().map(Part::ending).collect();
    let columns: Vec<_> = Column::ALL.iter().map(|column| column.names()).collect();
    module.add("RECORD_NAME", turbo2ds::dataset::RECORD_NAME)?;
    module.add("MARK_ENDING", Part::Mark.ending())?;
    module.add("METADATA_ENDING", Part::Parquet.ending())?;
    module.add("SAMPLE_ENDINGS", endings)?;
    module.add("COLUMNS", columns)?;
    module.add("IMAGE_COLUMNS", EncodeFormat::ALL.map(EncodeFormat::as_str))?;
    module.add("SUCCESS", Status::Success.as_str())
}

#[pymodule]
fn _engine(module: &Bound<'_, PyModule>) -> PyResult<()> {
    start_decoding_by(module)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    add_names(module)?;
    module.add_function(wrap_pyfunction!(main, module)?)?;
    module.add_function(wrap_pyfunction!(options, module)?)?;
    module.add_function(wrap_pyfunction!(split, module)?)?;
    module.add_function(wrap_pyfunction!(check, module)?)?;
    module.add_function(wrap_pyfunction!(run, module)?)?;
    module.add_function(wrap_pyfunction!(prepare, module)?)?;
    module.add_function(wrap_pyfunction!(read_record, module)?)?;
    module.add_function(wrap_pyfunction!(store::place, module)?)?;
    module.add_class::<store::Store>()?;
    module.add_class::<store::File>()?;
    Ok(())
}
