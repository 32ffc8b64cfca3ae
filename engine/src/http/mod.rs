//! Owns the HTTP/1.1 client protocol as pure functions and state machines: what to connect to, what
//! to write, how an answer is framed, when to go on and when to stop (RFC 9110, RFC 9112, and the
//! WHATWG URL standard for addresses).
//!
//! Never touches a socket, a runtime, a clock or a source of randomness: the fetch module reads and
//! writes, and time and randomness are arguments. Nothing a server sends leaves here as text.
//!
//! One exchange: [`Target::parse`], [`write_request`], [`HeadScanner::scan`] until complete,
//! [`classify`], then the body by its [`Framing`] and [`decode_content`] once it is whole.

mod chunked;
mod content;
mod cookies;
mod date;
mod framing;
mod head;
mod outcome;
mod proxy;
mod range;
mod redirect;
mod request;
mod retry;
mod robots;
mod sender;
mod target;

pub use chunked::{ChunkedDecoder, Progress};
pub use content::{Coding, ContentEncoding, decode_content};
pub use cookies::CookieJar;
pub use framing::Framing;
pub use head::{Head, HeadParse, HeadScanner, parse_head};
pub use outcome::{Answer, classify};
pub use proxy::{Proxies, Proxy, ProxyError};
pub use redirect::{Chain, follow};
pub use request::{Hop, RequestForm, write_connect, write_request};
pub use retry::{Backoff, RetryAfter};
pub use robots::disallowed;
pub use sender::{ExtraField, Referer, Sender};
pub use target::{Host, Scheme, Target};
