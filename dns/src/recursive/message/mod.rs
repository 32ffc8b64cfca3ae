//! Owns DNS messages: encoding queries, parsing and classifying answers.
//! Never sends, waits or caches.

pub(super) mod query;
pub(super) mod read;
pub(super) mod reply;
#[cfg(test)]
mod tests;
