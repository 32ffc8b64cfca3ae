//! Owns the HTTP/1.1 client protocol as pure functions and state machines: targets, requests, response
//! heads and framing, redirects and retries (RFC 9110, RFC 9112, and the WHATWG URL standard).
//!
//! Never touches a socket, a runtime, a clock or a source of randomness: the fetch module does the I/O,
//! and time and randomness are arguments. Never returns text that a server sent.
//!
//! One exchange: [`Target::parse`], [`write_request`], [`HeadScanner::scan`] until complete,
//! [`classify`], then the body by its [`Framing`] and [`decode_content`] once it is whole.

mod chunked;
mod content_coding;
mod content_range;
mod cookies;
mod date;
mod framing;
mod head;
mod proxy;
mod redirect;
mod request;
mod retry;
mod robots;
mod sender;
mod status;
mod target;

pub use chunked::{ChunkedDecoder, Progress};
pub use content_coding::{Coding, ContentEncoding, decode_content};
pub use cookies::CookieJar;
pub use framing::Framing;
pub use head::{Head, HeadParse, HeadScanner, parse_head};
pub use proxy::{Proxies, Proxy, ProxyError};
pub use redirect::{RedirectChain, follow};
pub use request::{Hop, RequestForm, write_connect, write_request};
pub use retry::{Backoff, RetryAfter};
pub use robots::disallowed;
pub use sender::{ExtraField, Referer, Sender};
pub use status::{StatusAction, classify};
pub use target::{Host, Scheme, Target};
