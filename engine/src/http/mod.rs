//! Owns the HTTP/1.1 client protocol without its sockets: targets, requests, heads, framing,
//! content codings, redirects' targets, robots, backoff, proxies (RFC 9110, RFC 9112). Never does
//! I/O and never reads a clock: bytes and times are arguments.

pub mod chunked;
pub mod content;
pub mod head;
pub mod outcome;
pub mod proxy;
pub mod request;
pub mod retry;
pub mod robots;
pub mod target;

pub use target::Scheme;
