//! Owns the closed set of ways in which one URL can fail, and the text each is recorded under.
//! Never holds a URL, a byte count, an errno or any byte a server sent.

use std::fmt;

use turbo2ds_writers::Stage;

/// Why one URL gave no sample. The set is closed: statistics count each member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// A final status outside 2xx; the code is within 100..=999.
    HttpStatus(u16),
    /// The URL's total deadline passed.
    TimedOut,
    /// The body's hash differs from the list's.
    HashMismatch,
    /// The dataset's list of redactions has the URL or the body.
    Redacted,
    /// An X-Robots-Tag directive forbids the use.
    RobotsDisallowed,
    /// Empty, or not a URL by the WHATWG rules.
    InvalidUrl,
    /// The list's key for the row is not a valid sample key.
    InvalidKey,
    /// An earlier row of the shard has the same key.
    DuplicateKey,
    /// Neither http nor https.
    SchemeNotAllowed,
    /// Every address of the host is in a denied block.
    AddressNotAllowed,
    /// The name does not exist or has no address.
    DnsNotFound,
    /// No name server gave a usable answer.
    DnsFailure,
    /// No name server answered in time.
    DnsTimedOut,
    /// The host refused the connection.
    ConnectionRefused,
    /// The peer reset the connection.
    ConnectionReset,
    /// The peer closed the connection before its response began.
    ConnectionClosed,
    /// No route to the host.
    NetworkUnreachable,
    /// The certificate does not verify.
    TlsCertificate,
    /// The TLS handshake failed otherwise.
    TlsHandshake,
    /// Not an HTTP/1.x response, or its framing is ambiguous.
    MalformedResponse,
    /// The header block is over its limit.
    HeaderTooLarge,
    /// The body ended before its framing said so, or is partial (206).
    IncompleteBody,
    /// The body is over its limit, before or after decompression.
    ResponseTooLarge,
    /// A Content-Encoding that is unknown or does not decode.
    UnsupportedEncoding,
    /// A redirect without a usable Location.
    BadRedirect,
    /// More redirects than allowed.
    TooManyRedirects,
    /// The host asked us to slow down for longer than the deadline allows.
    HostRateLimited,
    /// 204, 205 or an empty body.
    EmptyBody,
    /// The bytes are not in a supported image format.
    UnsupportedImageFormat,
    /// The bytes do not decode.
    ImageDecoding,
    /// The list's bounding boxes for the image cannot be read.
    InvalidBoundingBox,
    /// The smallest side is under `min_image_size`.
    ImageTooSmall,
    /// The area is over `max_image_area`.
    ImageAreaTooLarge,
    /// The aspect ratio is over `max_aspect_ratio`.
    AspectRatioTooLarge,
    /// The header's dimensions are over the pixel limit.
    ImageDimensionsTooLarge,
    /// Too many scans or too much work for one image.
    ImageTooComplex,
    /// The decoder crashed on this image.
    DecoderCrashed,
}

impl Failure {
    /// How far a row with this failure came; its status is recorded by that.
    pub const fn stage(self) -> Stage {
        match self {
            Self::EmptyBody
            | Self::UnsupportedImageFormat
            | Self::ImageDecoding
            | Self::InvalidBoundingBox
            | Self::ImageTooSmall
            | Self::ImageAreaTooLarge
            | Self::AspectRatioTooLarge
            | Self::ImageDimensionsTooLarge
            | Self::ImageTooComplex
            | Self::DecoderCrashed => Stage::Resize,
            _ => Stage::Download,
        }
    }

    /// Whether another attempt may end differently: the failure depends on the state of the server or
    /// the network, not on the URL or the bytes.
    pub const fn may_change(self) -> bool {
        match self {
            Self::HttpStatus(code) => matches!(code, 408 | 425 | 429 | 500 | 502 | 503 | 504),
            Self::DnsFailure
            | Self::DnsTimedOut
            | Self::ConnectionRefused
            | Self::ConnectionReset
            | Self::ConnectionClosed
            | Self::NetworkUnreachable
            | Self::TlsHandshake
            | Self::IncompleteBody => true,
            _ => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match *self {
            Self::HttpStatus(code) => return write!(f, "HTTP Error {code}: {}", reason(code)),
            Self::TimedOut => "timed out",
            Self::HashMismatch => "hash mismatch",
            Self::Redacted => "redacted",
            Self::RobotsDisallowed => "Use of image disallowed by X-Robots-Tag directive",
            Self::InvalidUrl => "invalid url",
            Self::InvalidKey => "invalid key",
            Self::DuplicateKey => "duplicate key",
            Self::SchemeNotAllowed => "scheme not allowed",
            Self::AddressNotAllowed => "address not allowed",
            Self::DnsNotFound => "dns not found",
            Self::DnsFailure => "dns failure",
            Self::DnsTimedOut => "dns timed out",
            Self::ConnectionRefused => "connection refused",
            Self::ConnectionReset => "connection reset",
            Self::ConnectionClosed => "connection closed",
            Self::NetworkUnreachable => "network unreachable",
            Self::TlsCertificate => "tls certificate error",
            Self::TlsHandshake => "tls handshake error",
            Self::MalformedResponse => "malformed response",
            Self::HeaderTooLarge => "header too large",
            Self::IncompleteBody => "incomplete body",
            Self::ResponseTooLarge => "response too large",
            Self::UnsupportedEncoding => "unsupported encoding",
            Self::BadRedirect => "bad redirect",
            Self::TooManyRedirects => "too many redirects",
            Self::HostRateLimited => "host rate limited",
            Self::EmptyBody => "empty body",
            Self::UnsupportedImageFormat => "unsupported image format",
            Self::ImageDecoding => "Image decoding error",
            Self::InvalidBoundingBox => "invalid bounding box",
            Self::ImageTooSmall => "image too small",
            Self::ImageAreaTooLarge => "image area too large",
            Self::AspectRatioTooLarge => "aspect ratio too large",
            Self::ImageDimensionsTooLarge => "image dimensions too large",
            Self::ImageTooComplex => "image too complex",
            Self::DecoderCrashed => "decoder crashed",
        };
        f.write_str(text)
    }
}

/// The registered reason phrase of a status code (IANA HTTP Status Code Registry), never the server's
/// own.
const fn reason(code: u16) -> &'static str {
    match code {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "(Unused)",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        510 => "Not Extended",
        511 => "Network Authentication Required",
        _ => "Unassigned",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_http_failure_reads_as_img2dataset_writes_it() {
        assert_eq!(
            Failure::HttpStatus(404).to_string(),
            "HTTP Error 404: Not Found"
        );
        assert_eq!(Failure::HttpStatus(404).stage(), Stage::Download);
    }

    #[test]
    fn an_unregistered_code_never_shows_the_servers_reason() {
        assert_eq!(
            Failure::HttpStatus(799).to_string(),
            "HTTP Error 799: Unassigned"
        );
    }

    #[test]
    fn only_transient_failures_may_change() {
        assert!(!Failure::HttpStatus(404).may_change());
        assert!(!Failure::ImageDecoding.may_change());
        assert!(Failure::HttpStatus(503).may_change());
    }
}
