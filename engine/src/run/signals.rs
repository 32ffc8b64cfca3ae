//! Owns SIGINT and SIGTERM: the first asks for a drain, the second ends the process at once. The
//! handlers only count; the main thread looks. SIGXFSZ, whose default is to kill, is taken and
//! forgotten: a file past the limit is then the write's own error, with a message.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

/// How often the user asked to stop.
pub(super) struct Signals {
    count: Arc<AtomicUsize>,
}

impl Signals {
    /// Installs the handlers.
    ///
    /// # Errors
    /// What the kernel answered.
    pub(super) fn install() -> io::Result<Self> {
        let count = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM] {
            let count = count.clone();
            let action = move || {
                count.fetch_add(1, Ordering::Relaxed);
            };
            register(signal, action)?;
        }
        register(libc::SIGXFSZ, || {})?;
        Ok(Self { count })
    }

    /// Requests so far.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

#[allow(unsafe_code)]
fn register(signal: i32, action: impl Fn() + Send + Sync + 'static) -> io::Result<()> {
    // SAFETY: the action is one atomic addition or nothing, both async-signal-safe.
    unsafe { signal_hook::low_level::register(signal, action) }.map(|_| ())
}
