//! Owns the thread that all requests to stores run on, and how other threads hand it work. It is started by
//! the first request and lives as long as the process; one that is forked off has a thread of its own. Never runs
//! on a reactor.

use std::future::Future;
use std::process;
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;

/// The runtime, and the process that its thread is in.
static RUNTIME: Mutex<Option<(u32, &'static Handle)>> = Mutex::new(None);

/// The store thread's runtime.
///
/// # Panics
/// If the process can create no thread or no event queue: it could not have made a connection either.
pub(super) fn handle() -> &'static Handle {
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    match *runtime {
        Some((process, handle)) if process == process::id() => handle,
        _ => {
            // Kept for good: a process has one.
            let handle: &'static Handle = Box::leak(Box::new(start()));
            *runtime = Some((process::id(), handle));
            handle
        }
    }
}

fn start() -> Handle {
    // A second provider in the process is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("store".to_owned())
        .spawn(move || {
            let runtime = Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("an event queue for the store thread");
            let _ = sender.send(runtime.handle().clone());
            runtime.block_on(std::future::pending::<()>());
        })
        .expect("a thread for stores");
    receiver.recv().expect("the store thread has started")
}

/// Runs a future on the store thread and waits for it. Never call it on a reactor or on the store thread.
///
/// # Panics
/// If the future does.
pub(super) fn wait<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = mpsc::sync_channel(1);
    handle().spawn(async move {
        // Nobody waits any more if its thread is gone.
        let _ = sender.send(future.await);
    });
    receiver.recv().expect("work on the store thread ends")
}

/// Runs a future on the store thread.
pub(super) fn spawn<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    handle().spawn(future)
}
