//! Owns following the redirects of a row. A redirect from https to http is allowed, as in browsers for
//! images: the bytes are checked, not trusted. Never connects: the new target passes the address filter
//! like any other.

use std::time::SystemTime;

use crate::failure::Failure;

use super::cookies::CookieJar;
use super::head::Head;
use super::request::Hop;
use super::target::Target;

/// The URL of a row, where redirects have led from it, and the cookies they set.
#[derive(Debug)]
pub struct RedirectChain<'a> {
    first: &'a Target,
    moved: Option<Target>,
    /// Whether every redirect stayed at the row's own origin. Never true again after a redirect to
    /// another origin, which may have chosen the way back.
    at_first_origin: bool,
    cookies: CookieJar,
    followed: u32,
}

impl<'a> RedirectChain<'a> {
    /// A chain that starts at the row's own URL.
    pub fn new(first: &'a Target) -> Self {
        Self {
            first,
            moved: None,
            at_first_origin: true,
            cookies: CookieJar::default(),
            followed: 0,
        }
    }

    /// The next request.
    pub fn hop(&self) -> Hop<'_> {
        Hop {
            target: self.target(),
            first: self.first,
            at_first_origin: self.at_first_origin,
            cookies: &self.cookies,
        }
    }

    /// The target of the next request.
    pub fn target(&self) -> &Target {
        self.moved.as_ref().unwrap_or(self.first)
    }

    /// Follows a redirect and stores its cookies.
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
        self.cookies.store(from, &head.cookies, now);
        self.at_first_origin &= self.first.same_origin(&next);
        self.followed += 1;
        self.moved = Some(next);
        Ok(())
    }
}

/// The next target after a response that [`super::classify`] calls a redirect. `followed` counts the
/// earlier redirects of this URL.
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
    fn a_redirect_follows_its_location() {
        let from = Target::parse("http://a/x").unwrap();
        let to = follow(&from, &head("location: /y\r\n"), 0, 10).unwrap();
        assert_eq!(to.path_and_query(), "/y");
    }

    #[test]
    fn an_origin_once_left_is_never_the_first_again() {
        let first = Target::parse("http://a/x").unwrap();
        let mut chain = RedirectChain::new(&first);
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
        let mut chain = RedirectChain::new(&first);
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
            RedirectChain::new(&first).hop().target,
            &first,
            "the next attempt begins anew"
        );
    }

    #[test]
    fn a_redirect_without_a_usable_location_is_bad() {
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
