//! Owns a row's way along its redirects. From https to http is allowed, as browsers allow it for images:
//! the bytes are checked, not trusted.
//! Never connects: the new target passes the address filter like any other.

use std::time::SystemTime;

use crate::failure::Failure;

use super::cookies::CookieJar;
use super::head::Head;
use super::request::Hop;
use super::target::Target;

/// A row's way: its own URL, and where redirects have led since.
#[derive(Debug)]
pub struct Chain<'a> {
    first: &'a Target,
    moved: Option<Target>,
    /// Once left, it stays so: what leads back may have been written by somebody else.
    at_first_origin: bool,
    cookies: CookieJar,
    followed: u32,
}

impl<'a> Chain<'a> {
    /// At the row's own URL.
    pub fn new(first: &'a Target) -> Self {
        Self {
            first,
            moved: None,
            at_first_origin: true,
            cookies: CookieJar::default(),
            followed: 0,
        }
    }

    /// The request that is next.
    pub fn hop(&self) -> Hop<'_> {
        Hop {
            target: self.target(),
            first: self.first,
            at_first_origin: self.at_first_origin,
            cookies: &self.cookies,
        }
    }

    /// What is asked for next.
    pub fn target(&self) -> &Target {
        self.moved.as_ref().unwrap_or(self.first)
    }

    /// Goes where a redirect leads, with the cookies it sets.
    ///
    /// # Errors
    /// As [`follow`].
    pub fn follow(
        &mut self,
        head: &Head,
        redirects_max: u32,
        now: SystemTime,
    ) -> Result<(), Failure> {
        let next = follow(self.target(), head, self.followed, redirects_max)?;
        let from = self.moved.as_ref().unwrap_or(self.first);
        self.cookies.take(from, &head.cookies, now);
        self.at_first_origin &= self.first.same_origin(&next);
        self.followed += 1;
        self.moved = Some(next);
        Ok(())
    }
}

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
    fn an_origin_that_was_left_stays_left() {
        let first = Target::parse("http://a/x").unwrap();
        let mut chain = Chain::new(&first);
        let mut step = |location: &str| {
            let head = head(&format!("Location: {location}\r\n"));
            chain.follow(&head, 10, SystemTime::UNIX_EPOCH).unwrap();
            (
                chain.target().authority().to_owned(),
                chain.hop().at_first_origin,
            )
        };
        assert_eq!(step("/y"), ("a".into(), true));
        assert_eq!(step("https://a/y"), ("a".into(), false));
        assert_eq!(step("http://a/x"), ("a".into(), false));
    }

    #[test]
    fn a_chain_carries_its_cookies_and_ends_at_the_limit() {
        let first = Target::parse("http://a/x").unwrap();
        let mut chain = Chain::new(&first);
        let head = head("Location: /x\r\nSet-Cookie: a=1\r\n");
        for _ in 0..3 {
            chain.follow(&head, 3, SystemTime::UNIX_EPOCH).unwrap();
        }
        let mut cookies = Vec::new();
        assert!(chain.hop().cookies.write(&mut cookies, chain.target()));
        assert_eq!(cookies, b"a=1");
        let ended = chain.follow(&head, 3, SystemTime::UNIX_EPOCH);
        assert_eq!(ended, Err(Failure::TooManyRedirects));
        assert_eq!(
            Chain::new(&first).hop().target,
            &first,
            "the next attempt begins anew"
        );
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
