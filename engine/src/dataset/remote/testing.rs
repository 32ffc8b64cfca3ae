//! Places in this process' memory, for tests.

use std::future::Future;

use super::place::Place;
use crate::config::{Location, StorageConfig};
use crate::net::storage;

/// The place of a `memory://` URL.
pub(super) fn place(url: &str) -> Place {
    let Ok(Location::Remote(url)) = Location::of(url) else {
        panic!("{url} is a store");
    };
    let objects = storage::open(&url, &StorageConfig::default()).expect("memory is always there");
    Place::new(objects)
}

/// Runs a future on the store thread.
pub(super) fn run<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    place("memory://run").objects.wait(|_| future)
}
