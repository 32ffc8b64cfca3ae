//! Owns what the servers need of a request head: the host's number and the row. Never reads a body.

use super::world::host_number;

/// Fields of a request that are read; a client that sends more gets 400.
const FIELDS_MAX: usize = 64;

/// A request for one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// The number of the host that is asked.
    pub(super) host: u64,
    /// The row of the list that the image belongs to.
    pub(super) row: u64,
    /// Whether a redirect led here.
    pub(super) moved: bool,
}

/// What the bytes received so far are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// More bytes are needed.
    Partial,
    /// A whole head of so many bytes.
    Whole(usize, Request),
    /// No request of this web.
    Broken,
}

impl Head {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut request = httparse::Request::new(&mut fields);
        match request.parse(bytes) {
            Ok(httparse::Status::Complete(len)) => {
                read(&request).map_or(Self::Broken, |request| Self::Whole(len, request))
            }
            Ok(httparse::Status::Partial) => Self::Partial,
            Err(_) => Self::Broken,
        }
    }
}

fn read(request: &httparse::Request<'_, '_>) -> Option<Request> {
    let path = request.path.filter(|_| request.method == Some("GET"))?;
    let host = request
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("host"))?;
    let name = path
        .strip_prefix("/photos/")
        .or_else(|| path.strip_prefix("/moved/"))?;
    Some(Request {
        host: host_number(std::str::from_utf8(host.value).ok()?)?,
        row: name.strip_suffix(".jpg")?.parse().ok()?,
        moved: path.starts_with("/moved/"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_names_its_host_and_row() {
        let head = b"GET /photos/12.jpg HTTP/1.1\r\nHost: h7.web.test:81\r\n\r\nrest";
        let request = Request {
            host: 7,
            row: 12,
            moved: false,
        };
        assert_eq!(Head::parse(head), Head::Whole(head.len() - 4, request));
        assert_eq!(Head::parse(&head[..30]), Head::Partial);
    }

    #[test]
    fn what_is_no_image_of_this_web_is_broken() {
        for head in [
            "POST /photos/1.jpg HTTP/1.1\r\nhost: h1.web.test\r\n\r\n",
            "GET /photos/1.jpg HTTP/1.1\r\n\r\n",
            "GET /photos/x.jpg HTTP/1.1\r\nhost: h1.web.test\r\n\r\n",
            "GET /photos/1.jpg HTTP/1.1\r\nhost: example.org\r\n\r\n",
        ] {
            assert_eq!(Head::parse(head.as_bytes()), Head::Broken, "{head}");
        }
    }
}
