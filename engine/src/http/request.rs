//! Owns the bytes of a request. Every part comes from the `url` crate, which leaves no line break
//! in it, or from the user's own configuration.

use super::target::Target;

/// How the target is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestForm {
    /// Path and query, to the host itself.
    Origin,
    /// The whole URL, to a plain-HTTP proxy.
    Absolute,
}

/// Appends a GET for `target`. Images are compressed already, so no coding is asked for.
pub fn write_request(
    out: &mut Vec<u8>,
    target: &Target,
    form: RequestForm,
    user_agent: &str,
    proxy_authorization: Option<&str>,
) {
    let absolute;
    let asked = match form {
        RequestForm::Origin => target.path_and_query(),
        RequestForm::Absolute => {
            absolute = target.absolute();
            &absolute
        }
    };
    let authority = target.authority();
    for part in ["GET ", asked, " HTTP/1.1\r\nHost: ", &authority, "\r\nUser-Agent: ", user_agent] {
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(
        b"\r\nAccept: image/*,*/*;q=0.8\r\nAccept-Encoding: identity\r\nConnection: keep-alive\r\n",
    );
    end_headers(out, proxy_authorization);
}

/// Appends a CONNECT for `authority` (host and port).
pub fn write_connect(
    out: &mut Vec<u8>,
    authority: &str,
    user_agent: &str,
    proxy_authorization: Option<&str>,
) {
    let parts =
        ["CONNECT ", authority, " HTTP/1.1\r\nHost: ", authority, "\r\nUser-Agent: ", user_agent];
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    end_headers(out, proxy_authorization);
}

fn end_headers(out: &mut Vec<u8>, proxy_authorization: Option<&str>) {
    if let Some(value) = proxy_authorization {
        for part in ["Proxy-Authorization: ", value, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(form: RequestForm) -> String {
        let target = Target::parse("http://a.test:81/x?y#z").expect("a URL");
        let mut out = Vec::new();
        write_request(&mut out, &target, form, "agent/1", None);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn a_request_names_path_host_and_agent() {
        let text = written(RequestForm::Origin);
        assert!(text.starts_with("GET /x?y HTTP/1.1\r\nHost: a.test:81\r\nUser-Agent: agent/1\r\n"));
        assert!(text.ends_with("\r\n\r\n"));
    }

    #[test]
    fn a_proxy_is_asked_for_the_whole_url() {
        assert!(written(RequestForm::Absolute).starts_with("GET http://a.test:81/x?y HTTP/1.1\r\n"));
    }

    #[test]
    fn a_line_break_in_a_url_never_reaches_the_wire() {
        let target = Target::parse("http://a.test/x\r\nEvil: 1").expect("the url crate drops it");
        let mut out = Vec::new();
        write_request(&mut out, &target, RequestForm::Origin, "agent/1", None);
        assert!(!String::from_utf8_lossy(&out).contains("\nEvil"));
    }
}
