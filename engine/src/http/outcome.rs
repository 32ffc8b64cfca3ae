//! Owns what each status code means for one URL (RFC 9110, 15).
//! Never looks at a field or a body.

use crate::failure::Failure;

/// What to do after a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Read the body: it is the image.
    Body,
    /// Read the body where the head says that it is the whole, else it is incomplete.
    Part,
    /// Ask again where `Location` says.
    Redirect,
    /// Not the answer yet: read the next head from the same connection.
    Interim,
    /// The answer is final and holds no image. Its body is never read.
    Failed(Failure),
}

/// Sorts a status code, 100..=999.
pub const fn classify(status: u16) -> Answer {
    match status {
        // We never ask for another protocol.
        101 => Answer::Failed(Failure::MalformedResponse),
        100..=199 => Answer::Interim,
        204 | 205 => Answer::Failed(Failure::EmptyBody),
        // We never ask for a range.
        206 => Answer::Part,
        200..=299 => Answer::Body,
        301 | 302 | 303 | 307 | 308 => Answer::Redirect,
        _ => Answer::Failed(Failure::HttpStatus(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_meaning() {
        for (status, answer) in [
            (100, Answer::Interim),
            (101, Answer::Failed(Failure::MalformedResponse)),
            (103, Answer::Interim),
            (200, Answer::Body),
            (203, Answer::Body),
            (204, Answer::Failed(Failure::EmptyBody)),
            (205, Answer::Failed(Failure::EmptyBody)),
            (206, Answer::Part),
            (226, Answer::Body),
            (300, Answer::Failed(Failure::HttpStatus(300))),
            (304, Answer::Failed(Failure::HttpStatus(304))),
            (305, Answer::Failed(Failure::HttpStatus(305))),
            (404, Answer::Failed(Failure::HttpStatus(404))),
            (503, Answer::Failed(Failure::HttpStatus(503))),
            (999, Answer::Failed(Failure::HttpStatus(999))),
        ] {
            assert_eq!(classify(status), answer, "{status}");
        }
        for status in [301, 302, 303, 307, 308] {
            assert_eq!(classify(status), Answer::Redirect, "{status}");
        }
    }
}
