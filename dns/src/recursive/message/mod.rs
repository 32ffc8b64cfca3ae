//! Owns the bytes of questions and answers: writing the one, reading and classifying the other.
//! Never sends, never waits and never remembers.

pub(super) mod query;
pub(super) mod read;
pub(super) mod reply;
#[cfg(test)]
mod tests;
