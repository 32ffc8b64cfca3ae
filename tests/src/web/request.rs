//! Owns parsing a request head, as far as the fake web needs it: target and fields.
//! Never reads a request body, since turbo2ds sends none.

/// Largest request head that is accepted, bytes.
pub(crate) const HEAD_BYTES_MAX: usize = 128 * 1024;

/// A request for one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// Path without the query, beginning with a slash.
    pub(crate) path: String,
    /// `name=value` pairs of the query, in order.
    pub(crate) query: Vec<(String, String)>,
    /// The Host field, with the port where one was given.
    pub(crate) host: String,
    /// The length of path and query as they were asked for, bytes.
    pub(crate) target_bytes: usize,
    /// Every field, its name in lower case, in order.
    pub(crate) fields: Vec<(String, String)>,
}

impl Request {
    /// Reads a head without its closing empty line; `None` where it is no HTTP/1.x GET.
    pub(crate) fn parse(head: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(head).ok()?;
        let mut lines = text.split("\r\n");
        let target = lines
            .next()?
            .strip_prefix("GET ")?
            .split_once(" HTTP/1.")?
            .0;
        // A client that takes this web for its proxy asks in absolute form (RFC 9112, 3.2.2).
        let target = match target.strip_prefix("http://") {
            Some(rest) => &rest[rest.find('/')?..],
            None => target,
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Self {
            path: path.to_owned(),
            target_bytes: target.len(),
            ..Self::default()
        };
        request.query = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let field = (name.to_ascii_lowercase(), value.trim().to_owned());
            request.fields.push(field);
        }
        request.host = request.field("host").to_owned();
        Some(request)
    }

    /// The first value of a field, whose name is given in lower case; nothing where there is none.
    pub(crate) fn field(&self, name: &str) -> &str {
        let mut fields = self.fields.iter();
        fields
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }

    /// Whether the request has a cookie of this name and value.
    pub(crate) fn has_cookie(&self, pair: &str) -> bool {
        self.field("cookie").split("; ").any(|own| own == pair)
    }

    /// The number behind a name in the query.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        self.query
            .iter()
            .find(|(key, _)| key == name)?
            .1
            .parse()
            .ok()
    }

    /// The port the client asked, as it appears in a redirect's authority: `:8080` or nothing.
    pub(crate) fn port_suffix(&self) -> &str {
        match self.host.rfind(':') {
            Some(colon) if !self.host.ends_with(']') => &self.host[colon..],
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_gives_its_path_query_and_host() {
        let head = b"GET /img/1.jpg?w=20&h=30 HTTP/1.1\r\nhost: a.ok.test:81\r\nCookie: a=1; b=2";
        let request = Request::parse(head).unwrap();
        assert_eq!(request.path, "/img/1.jpg");
        assert_eq!(request.number("h"), Some(30));
        assert_eq!(request.port_suffix(), ":81");
        assert_eq!(
            (request.field("cookie"), request.field("te")),
            ("a=1; b=2", "")
        );
        assert!(request.has_cookie("b=2") && !request.has_cookie("b"));
    }

    #[test]
    fn a_request_in_absolute_form_is_one_for_its_path() {
        let head = b"GET http://a.test/img/1.jpg?w=20 HTTP/1.1\r\nHost: a.test";
        let request = Request::parse(head).unwrap();
        assert_eq!(
            (request.path.as_str(), request.number("w")),
            ("/img/1.jpg", Some(20))
        );
    }

    #[test]
    fn what_is_no_get_is_refused() {
        assert_eq!(Request::parse(b"POST / HTTP/1.1"), None);
        assert_eq!(Request::parse(b"\x16\x03\x01"), None);
    }
}
