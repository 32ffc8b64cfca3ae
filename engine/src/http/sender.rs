//! Owns the fields that identify the sender of a request: the user agent, the fields that the user
//! added, and the referrer. Lines that never change are built once per run. Never shows a value of the
//! user's fields: their `Debug` output has only names.

use std::fmt;

use super::request::{Hop, write_field};
use super::target::{Scheme, Target};

/// The value of the `Referer` field (RFC 9110, 10.1.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Referer {
    /// No field.
    #[default]
    None,
    /// The root of the row's own URL, as for an image on a page of the same site.
    Auto,
    /// This URL: printable ASCII, without userinfo and fragment.
    Url {
        /// Its text.
        text: String,
        /// Its scheme.
        scheme: Scheme,
    },
}

impl Referer {
    /// Parses a URL; `None` if it is invalid, or neither http nor https.
    pub fn url(text: &str) -> Option<Self> {
        let target = Target::parse(text).ok()?;
        Some(Self::Url {
            text: target.absolute().to_owned(),
            scheme: target.scheme,
        })
    }
}

/// A field that the user added.
#[derive(Clone, PartialEq, Eq)]
pub struct ExtraField {
    /// A token (RFC 9110, 5.6.2).
    pub name: String,
    /// Printable ASCII.
    pub value: String,
}

impl ExtraField {
    /// Whether the field may carry a credential, judging by its name. Credentials are sent only to the
    /// origin of the row's own URL. A false positive only withholds a field from other origins.
    pub fn is_credential(&self) -> bool {
        const PARTS: [&str; 9] = [
            "auth",
            "cookie",
            "token",
            "secret",
            "passw",
            "credential",
            "session",
            "signature",
            "key",
        ];
        let name = self.name.to_ascii_lowercase();
        PARTS.iter().any(|part| name.contains(part))
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

impl fmt::Debug for ExtraField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The sender's fields of every request.
#[derive(Clone)]
pub struct Sender {
    user_agent: String,
    extra: Vec<ExtraField>,
    referer: Referer,
    /// Lines of every request.
    lines: Vec<u8>,
    /// Lines of requests to the origin of the row's own URL.
    credential_lines: Vec<u8>,
    /// The user's own `Cookie`, also only for that origin.
    cookie: Vec<u8>,
}

impl Sender {
    /// A sender with this user agent and no other fields.
    pub fn new(user_agent: &str) -> Self {
        Self::with(user_agent, Vec::new(), Referer::None)
    }

    /// A sender with this user agent, the user's own fields and a referrer. A field named `Accept`
    /// replaces the default.
    pub fn with(user_agent: &str, extra: Vec<ExtraField>, referer: Referer) -> Self {
        let mut lines = Vec::new();
        write_field(&mut lines, "User-Agent", user_agent);
        if !extra.iter().any(|field| field.is("accept")) {
            write_field(&mut lines, "Accept", "image/*,*/*;q=0.8");
        }
        // Images are already compressed: another coding would only cost both sides time.
        write_field(&mut lines, "Accept-Encoding", "identity");
        write_field(&mut lines, "Connection", "keep-alive");
        let mut credential_lines = Vec::new();
        let mut cookies = Vec::new();
        for field in &extra {
            if field.is("cookie") {
                cookies.push(field.value.as_str());
            } else if field.is_credential() {
                write_field(&mut credential_lines, &field.name, &field.value);
            } else {
                write_field(&mut lines, &field.name, &field.value);
            }
        }
        Self {
            user_agent: user_agent.to_owned(),
            cookie: cookies.join("; ").into_bytes(),
            extra,
            referer,
            lines,
            credential_lines,
        }
    }

    /// The complete `User-Agent` value.
    pub fn user_agent(&self) -> &str {
        &self.user_agent
    }

    /// Appends the lines of one request.
    pub(super) fn write(&self, out: &mut Vec<u8>, hop: Hop<'_>) {
        out.extend_from_slice(&self.lines);
        if hop.at_first_origin {
            out.extend_from_slice(&self.credential_lines);
        }
        self.write_cookies(out, hop);
        self.write_referer(out, hop);
    }

    /// Writes the user's cookies and the row's own into one field.
    fn write_cookies(&self, out: &mut Vec<u8>, hop: Hop<'_>) {
        let has_users = hop.at_first_origin && !self.cookie.is_empty();
        let has_rows = hop.cookies.has_any_for(hop.target);
        if !has_users && !has_rows {
            return;
        }
        out.extend_from_slice(b"Cookie: ");
        if has_users {
            out.extend_from_slice(&self.cookie);
        }
        if has_users && has_rows {
            out.extend_from_slice(b"; ");
        }
        hop.cookies.write(out, hop.target);
        out.extend_from_slice(b"\r\n");
    }

    /// Never reveals an https referrer over plain HTTP, where anybody can listen.
    fn write_referer(&self, out: &mut Vec<u8>, hop: Hop<'_>) {
        let scheme = match &self.referer {
            Referer::None => return,
            Referer::Auto => hop.first.scheme,
            Referer::Url { scheme, .. } => *scheme,
        };
        if scheme == Scheme::Https && hop.target.scheme == Scheme::Http {
            return;
        }
        match &self.referer {
            Referer::Url { text, .. } => write_field(out, "Referer", text),
            _ => write_field(out, "Referer", hop.first.root()),
        }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("user_agent", &self.user_agent)
            .field("extra", &self.extra)
            .field("referer", &self.referer)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{CookieJar, RequestForm, write_request};

    fn fields(list: &[(&str, &str)]) -> Vec<ExtraField> {
        let field = |(name, value): &(&str, &str)| ExtraField {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        list.iter().map(field).collect()
    }

    /// The head that a row of `first` sends to `to`.
    fn head(sender: &Sender, first: &str, to: &str, at_first_origin: bool) -> String {
        let (first, target) = (Target::parse(first).unwrap(), Target::parse(to).unwrap());
        let mut cookies = CookieJar::default();
        cookies.store(
            &target,
            &[b"row=1".to_vec()],
            std::time::SystemTime::UNIX_EPOCH,
        );
        let hop = Hop {
            target: &target,
            first: &first,
            at_first_origin,
            cookies: &cookies,
        };
        let mut out = Vec::new();
        write_request(&mut out, hop, RequestForm::Origin, sender, None);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_users_fields_follow_the_defaults_and_accept_replaces_one() {
        let extra = fields(&[("X-One", "1, 2"), ("accept", "image/webp")]);
        let sender = Sender::with("me", extra, Referer::None);
        let text = head(&sender, "http://a.example/", "http://a.example/x", true);
        assert!(
            text.contains("\r\nX-One: 1, 2\r\naccept: image/webp\r\n"),
            "{text}"
        );
        assert_eq!(
            text.to_lowercase().matches("\naccept:").count(),
            1,
            "{text}"
        );
        assert!(text.contains("\r\nCookie: row=1\r\n") && text.ends_with("\r\n\r\n"));
    }

    #[test]
    fn credentials_are_sent_only_to_the_first_origin() {
        let extra = fields(&[
            ("Authorization", "Bearer s3cret"),
            ("Cookie", "mine=s3cret"),
            ("cookie", "more=s3cret"),
            ("X-Api-Key", "s3cret"),
            ("X-Auth-Token", "s3cret"),
            ("Private-Token", "s3cret"),
            ("X-Plain", "yes"),
        ]);
        let sender = Sender::with("me", extra, Referer::None);
        let text = head(&sender, "http://a.example/", "http://a.example/x", true);
        assert_eq!(text.matches("s3cret").count(), 6, "{text}");
        assert!(
            text.contains("\r\nCookie: mine=s3cret; more=s3cret; row=1\r\n"),
            "{text}"
        );
        let text = head(&sender, "http://a.example/", "http://b.example/x", false);
        assert!(!text.contains("s3cret"), "{text}");
        assert!(text.contains("\r\nX-Plain: yes\r\n") && text.contains("\r\nCookie: row=1\r\n"));
    }

    #[test]
    fn the_debug_output_of_a_sender_has_no_values() {
        let extra = fields(&[("X-Plain", "s3cret"), ("Cookie", "s3cret")]);
        let shown = format!("{:#?}", Sender::with("me", extra, Referer::Auto));
        assert!(
            !shown.contains("s3cret") && shown.contains("X-Plain"),
            "{shown}"
        );
    }

    #[test]
    fn a_referrer_is_the_rows_root_or_the_given_url() {
        let auto = Sender::with("me", Vec::new(), Referer::Auto);
        let given = Referer::url("https://u:p@page.example/a b#c").unwrap();
        let given = Sender::with("me", Vec::new(), given);
        for (sender, first, to, referer) in [
            (
                &auto,
                "http://A.example:81/x/y",
                "http://a.example:81/x/y",
                Some("http://a.example:81/"),
            ),
            (
                &auto,
                "http://a.example/x",
                "https://cdn.example/x",
                Some("http://a.example/"),
            ),
            (
                &auto,
                "https://a.example/x",
                "https://cdn.example/x",
                Some("https://a.example/"),
            ),
            (&auto, "https://a.example/x", "http://a.example/x", None),
            (
                &given,
                "http://a.example/",
                "https://a.example/",
                Some("https://page.example/a%20b"),
            ),
            (&given, "http://a.example/", "http://a.example/", None),
        ] {
            let text = head(sender, first, to, true);
            let line = referer.map(|referer| format!("\r\nReferer: {referer}\r\n"));
            match line {
                Some(line) => assert!(text.contains(&line), "{text}"),
                None => assert!(!text.contains("Referer"), "{text}"),
            }
        }
        for text in ["", "page.example", "ftp://page.example/", "javascript:1"] {
            assert_eq!(Referer::url(text), None, "{text}");
        }
    }
}
