//! Owns the bytes of a request: `GET` to a server or proxy, `CONNECT` to a proxy (RFC 9112, 3). Never
//! lets a value break out of its line: anything but printable ASCII is replaced.

use super::cookies::CookieJar;
use super::sender::Sender;
use super::target::Target;

/// The form of the request target (RFC 9112, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestForm {
    /// Path and query: for the server itself, directly or through a tunnel.
    Origin,
    /// The whole URL: for a proxy.
    Absolute,
}

/// One request in a chain of redirects.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    /// The target of this request.
    pub target: &'a Target,
    /// The target of the row's own URL.
    pub first: &'a Target,
    /// Whether every redirect so far stayed at the origin of `first`.
    pub at_first_origin: bool,
    /// Cookies that the redirects set.
    pub cookies: &'a CookieJar,
}

/// Appends a `GET` to `out`. `proxy_auth` is a complete `Proxy-Authorization` value.
pub fn write_request(
    out: &mut Vec<u8>,
    hop: Hop<'_>,
    form: RequestForm,
    sender: &Sender,
    proxy_auth: Option<&str>,
) {
    let target = hop.target;
    out.extend_from_slice(b"GET ");
    // The URL parser leaves only printable ASCII without spaces in either form.
    out.extend_from_slice(match form {
        RequestForm::Origin => target.path_and_query().as_bytes(),
        RequestForm::Absolute => target.absolute().as_bytes(),
    });
    out.extend_from_slice(b" HTTP/1.1\r\n");
    write_field(out, "Host", target.authority());
    sender.write(out, hop);
    end_with_authorization(out, proxy_auth);
}

/// Appends a `CONNECT` for `authority` (host and port) to `out`. A 2xx response to it has no body,
/// whatever its fields say: the tunnel begins after the head.
pub fn write_connect(
    out: &mut Vec<u8>,
    authority: &str,
    user_agent: &str,
    proxy_auth: Option<&str>,
) {
    out.extend_from_slice(b"CONNECT ");
    write_printable(out, authority);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    write_field(out, "Host", authority);
    write_field(out, "User-Agent", user_agent);
    end_with_authorization(out, proxy_auth);
}

fn end_with_authorization(out: &mut Vec<u8>, proxy_auth: Option<&str>) {
    if let Some(value) = proxy_auth {
        write_field(out, "Proxy-Authorization", value);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends one header line.
pub(super) fn write_field(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    write_printable(out, value);
    out.extend_from_slice(b"\r\n");
}

fn write_printable(out: &mut Vec<u8>, value: &str) {
    out.extend(
        value
            .bytes()
            .map(|b| if matches!(b, b' '..=b'~') { b } else { b'?' }),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(url: &str, form: RequestForm, agent: &str, auth: Option<&str>) -> String {
        let mut out = Vec::new();
        let target = Target::parse(url).unwrap();
        let hop = Hop {
            target: &target,
            first: &target,
            at_first_origin: true,
            cookies: &CookieJar::default(),
        };
        write_request(&mut out, hop, form, &Sender::new(agent), auth);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_get_has_its_target_and_the_senders_fields() {
        assert_eq!(
            get(
                "http://u:p@Host:8080/a b?c#d",
                RequestForm::Origin,
                "turbo2ds/1",
                None
            ),
            "GET /a%20b?c HTTP/1.1\r\nHost: host:8080\r\nUser-Agent: turbo2ds/1\r\n\
             Accept: image/*,*/*;q=0.8\r\nAccept-Encoding: identity\r\nConnection: keep-alive\r\n\r\n"
        );
    }

    #[test]
    fn a_proxy_gets_the_whole_url_and_its_credentials() {
        let text = get(
            "http://u:p@host/a?c#d",
            RequestForm::Absolute,
            "x",
            Some("Basic dTpw"),
        );
        assert!(
            text.starts_with("GET http://host/a?c HTTP/1.1\r\nHost: host\r\n"),
            "{text}"
        );
        assert!(
            text.ends_with("\r\nProxy-Authorization: Basic dTpw\r\n\r\n"),
            "{text}"
        );
    }

    #[test]
    fn no_value_can_break_out_of_its_line() {
        let text = get(
            "http://h/\r\nX: 1",
            RequestForm::Origin,
            "a\r\nX: 1\0é",
            Some("b\nX: 1"),
        );
        assert!(!text.contains("\nX:"), "{text}");
        assert_eq!(text.matches("\r\n").count(), text.matches('\n').count());
        let mut out = Vec::new();
        write_connect(&mut out, "h:1\r\nX: 1", "a", None);
        assert!(!String::from_utf8(out).unwrap().contains("\nX:"));
    }

    #[test]
    fn a_connect_names_host_and_port() {
        let mut out = Vec::new();
        write_connect(&mut out, "h:443", "a", Some("Basic eA=="));
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nUser-Agent: a\r\n\
             Proxy-Authorization: Basic eA==\r\n\r\n"
        );
    }
}
