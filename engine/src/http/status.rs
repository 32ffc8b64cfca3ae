//! Owns what each status code means for a URL (RFC 9110, 15).
//! Never looks at a field or a body.

use crate::failure::Failure;

/// What to do after a head, by its status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusAction {
    /// Read the body, which is the image.
    Body,
    /// Read the body if the head says that it is the whole; otherwise it is incomplete.
    Part,
    /// Follow `Location`.
    Redirect,
    /// Read the next head from the same connection.
    Interim,
    /// The response is final and holds no image. Its body is never read.
    Failed(Failure),
}

/// Classifies a status code, 100..=999.
pub const fn classify(status: u16) -> StatusAction {
    match status {
        // No request asks for another protocol.
        101 => StatusAction::Failed(Failure::MalformedResponse),
        100..=199 => StatusAction::Interim,
        204 | 205 => StatusAction::Failed(Failure::EmptyBody),
        // No request asks for a range.
        206 => StatusAction::Part,
        200..=299 => StatusAction::Body,
        301 | 302 | 303 | 307 | 308 => StatusAction::Redirect,
        _ => StatusAction::Failed(Failure::HttpStatus(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_meaning() {
        for (status, answer) in [
            (100, StatusAction::Interim),
            (101, StatusAction::Failed(Failure::MalformedResponse)),
            (103, StatusAction::Interim),
            (200, StatusAction::Body),
            (203, StatusAction::Body),
            (204, StatusAction::Failed(Failure::EmptyBody)),
            (205, StatusAction::Failed(Failure::EmptyBody)),
            (206, StatusAction::Part),
            (226, StatusAction::Body),
            (300, StatusAction::Failed(Failure::HttpStatus(300))),
            (304, StatusAction::Failed(Failure::HttpStatus(304))),
            (305, StatusAction::Failed(Failure::HttpStatus(305))),
            (404, StatusAction::Failed(Failure::HttpStatus(404))),
            (503, StatusAction::Failed(Failure::HttpStatus(503))),
            (999, StatusAction::Failed(Failure::HttpStatus(999))),
        ] {
            assert_eq!(classify(status), answer, "{status}");
        }
        for status in [301, 302, 303, 307, 308] {
            assert_eq!(classify(status), StatusAction::Redirect, "{status}");
        }
    }
}
