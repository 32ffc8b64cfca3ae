//! Owns one step along a chain of redirects. From https to http is allowed, as browsers allow it
//! for images: the bytes are checked, not trusted.
//! Never connects: the new target passes the address filter like any other.

use crate::failure::Failure;

use super::head::Head;
use super::target::Target;

/// The next target after an answer that [`super::classify`] calls a redirect. `followed` counts the
/// redirects of this URL before it.
///
/// # Errors
/// [`Failure::TooManyRedirects`], [`Failure::BadRedirect`], [`Failure::SchemeNotAllowed`].
pub fn follow(
    from: &Target,
    head: &Head,
    followed: u32,
    redirects_max: u32,
) -> Result<Target, Failure> {
    if followed >= redirects_max {
        return Err(Failure::TooManyRedirects);
    }
    let location = head.location.as_deref().ok_or(Failure::BadRedirect)?;
    from.join(location)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{HeadParse, parse_head};

    fn head(fields: &str) -> Head {
        match parse_head(format!("HTTP/1.1 302 Found\r\n{fields}\r\n").as_bytes()) {
            Ok(HeadParse::Complete { head, .. }) => head,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_location_leads_on() {
        let from = Target::parse("http://a/x").unwrap();
        let to = follow(&from, &head("location: /y\r\n"), 0, 10).unwrap();
        assert_eq!(to.path_and_query(), "/y");
    }

    #[test]
    fn a_redirect_to_nowhere_is_bad() {
        let from = Target::parse("http://a/x").unwrap();
        assert_eq!(follow(&from, &head(""), 0, 10), Err(Failure::BadRedirect));
        assert_eq!(
            follow(&from, &head("Location:\r\n"), 0, 10),
            Err(Failure::BadRedirect)
        );
    }

    #[test]
    fn a_loop_ends_at_the_limit() {
        let mut at = Target::parse("http://a/x").unwrap();
        let head = head("Location: /x\r\n");
        for followed in 0..10 {
            at = follow(&at, &head, followed, 10).unwrap();
        }
        assert_eq!(follow(&at, &head, 10, 10), Err(Failure::TooManyRedirects));
        assert_eq!(follow(&at, &head, 0, 0), Err(Failure::TooManyRedirects));
    }
}
