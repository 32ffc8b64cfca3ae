//! Owns what a final head's status means for the row.

use super::head::Head;
use crate::failure::Failure;

/// What to do with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Read the body.
    Body,
    /// Follow Location; the body is not read.
    Redirect,
    /// The row fails; the body is not read.
    Failed(Failure),
}

/// Reads a final (not 1xx) head's status.
pub fn classify(head: &Head) -> Disposition {
    match head.status {
        204 | 205 => Disposition::Failed(Failure::EmptyBody),
        206 => Disposition::Failed(Failure::IncompleteBody),
        200..=299 => Disposition::Body,
        301 | 302 | 303 | 307 | 308 if head.location.is_some() => Disposition::Redirect,
        301 | 302 | 303 | 307 | 308 => Disposition::Failed(Failure::BadRedirect),
        status => Disposition::Failed(Failure::HttpStatus(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::head::{HeadParse, parse_head};
    use super::*;

    fn of(status: u16, fields: &str) -> Disposition {
        let text = format!("HTTP/1.1 {status} X\r\n{fields}\r\n");
        match parse_head(text.as_bytes()) {
            Ok(HeadParse::Complete { head, .. }) => classify(&head),
            other => panic!("a whole head, not {other:?}"),
        }
    }

    #[test]
    fn every_class_of_status_has_its_end() {
        assert_eq!(of(200, ""), Disposition::Body);
        assert_eq!(of(203, ""), Disposition::Body);
        assert_eq!(of(204, ""), Disposition::Failed(Failure::EmptyBody));
        assert_eq!(of(206, ""), Disposition::Failed(Failure::IncompleteBody));
        assert_eq!(of(302, "Location: /x\r\n"), Disposition::Redirect);
        assert_eq!(of(302, ""), Disposition::Failed(Failure::BadRedirect));
        assert_eq!(of(304, ""), Disposition::Failed(Failure::HttpStatus(304)));
        assert_eq!(of(404, ""), Disposition::Failed(Failure::HttpStatus(404)));
        assert_eq!(of(999, ""), Disposition::Failed(Failure::HttpStatus(999)));
    }
}
