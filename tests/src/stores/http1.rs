//! Owns HTTP/1.1 as the doubles of stores and the fault proxy need it: heads and whole bodies over blocking
//! sockets. Never bounds what it reads: both ends belong to a test.

use std::io::{self, BufRead, Read, Write};

/// A request's or an answer's head.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// The request line or status line.
    pub(super) first: String,
    fields: Vec<(String, String)>,
}

impl Head {
    /// An answer's head.
    pub(super) fn answer(status: u16, reason: &str) -> Self {
        Self {
            first: format!("HTTP/1.1 {status} {reason}"),
            fields: Vec::new(),
        }
    }

    /// A request's head.
    pub(super) fn request(method: &str, target: &str) -> Self {
        Self {
            first: format!("{method} {target} HTTP/1.1"),
            fields: Vec::new(),
        }
    }

    /// Reads one; `None` where the other end has ended before its first byte.
    pub(super) fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some(first) = line(from)? else {
            return Ok(None);
        };
        let mut fields = Vec::new();
        loop {
            let line = line(from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if line.is_empty() {
                return Ok(Some(Self { first, fields }));
            }
            let (name, value) = line.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    /// A field's value, whatever the case of its name.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Sets a field, or takes it away.
    pub(super) fn set(&mut self, name: &str, value: Option<String>) {
        self.fields
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        if let Some(value) = value {
            self.fields.push((name.to_owned(), value));
        }
    }

    /// The first line's word at this place.
    pub(super) fn word(&self, at: usize) -> &str {
        self.first.split(' ').nth(at).unwrap_or_default()
    }

    /// An answer's status.
    pub(super) fn status(&self) -> u16 {
        self.word(1).parse().unwrap_or_default()
    }

    /// Whether the connection ends after this message.
    pub(super) fn closes(&self) -> bool {
        self.field("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
            || self.first.contains("HTTP/1.0")
    }

    /// Reads the body that follows a request.
    pub(super) fn request_body(&self, from: &mut impl BufRead) -> io::Result<Vec<u8>> {
        self.body(from, false)
    }

    /// Reads the body that follows an answer to a request of this method.
    pub(super) fn answer_body(&self, from: &mut impl BufRead, method: &str) -> io::Result<Vec<u8>> {
        if method == "HEAD" || matches!(self.status(), 100..=199 | 204 | 304) {
            return Ok(Vec::new());
        }
        self.body(from, true)
    }

    fn body(&self, from: &mut impl BufRead, until_end: bool) -> io::Result<Vec<u8>> {
        let is_chunked = self
            .field("transfer-encoding")
            .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
        if is_chunked {
            return chunks(from);
        }
        let mut body = Vec::new();
        match self.field("content-length") {
            Some(length) => {
                let length = length.parse().map_err(io::Error::other)?;
                if from.take(length).read_to_end(&mut body)? as u64 != length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            None if until_end => {
                from.read_to_end(&mut body)?;
            }
            None => {}
        }
        Ok(body)
    }

    /// Writes the head alone.
    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut text = format!("{}\r\n", self.first);
        for (name, value) in &self.fields {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        to.write_all(text.as_bytes())
    }
}

/// A line without its end; `None` where nothing is left.
fn line(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A chunked body's content; trailers are dropped.
fn chunks(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let digits = size.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(digits, 16).map_err(io::Error::other)?;
        if size == 0 {
            break;
        }
        from.take(size).read_to_end(&mut body)?;
        line(from)?;
    }
    while line(from)?.is_some_and(|line| !line.is_empty()) {}
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Head, Vec<u8>) {
        let mut from = text.as_bytes();
        let head = Head::read(&mut from).unwrap().unwrap();
        let body = head.request_body(&mut from).unwrap();
        (head, body)
    }

    #[test]
    fn bodies_of_a_length_and_of_chunks_are_read() {
        let (head, body) = read("PUT /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcd");
        assert_eq!(
            (head.word(0), head.word(1), &body[..]),
            ("PUT", "/a", &b"abc"[..])
        );
        let (_, body) = read(
            "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n",
        );
        assert_eq!(body, b"abcde");
        let (_, body) = read("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
        assert!(body.is_empty());
    }

    #[test]
    fn answers_without_a_body_have_none() {
        let mut rest: &[u8] = b"next";
        let mut head = Head::answer(200, "OK");
        head.set("Content-Length", Some("3".to_owned()));
        assert!(head.answer_body(&mut rest, "HEAD").unwrap().is_empty());
        assert_eq!(head.answer_body(&mut rest, "GET").unwrap(), b"nex");
        let head = Head::answer(204, "No Content");
        assert!(head.answer_body(&mut rest, "DELETE").unwrap().is_empty());
        assert_eq!(rest, b"t");
    }
}
