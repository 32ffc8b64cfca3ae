//! Owns the reply to a request as data: a script of steps that the connection plays.
//! Never touches a socket; the same script is played over plain TCP and over TLS.

use std::time::Duration;

use bytes::Bytes;

/// One thing the server does to the connection.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Write the bytes.
    Send(Bytes),
    /// Write the bytes one at a time, so far apart.
    Drip(Bytes, Duration),
    /// Write the bytes again and again until the peer leaves or the server's bound is reached.
    Endless(Bytes),
    /// Do nothing for a while.
    Pause(Duration),
    /// Do nothing until so many of these steps have been reached on all connections together.
    Gather(u64),
    /// Do nothing until the peer leaves or the server's bound is reached.
    Stall,
    /// Close with a TCP reset.
    Reset,
    /// Say that no more comes, and go on listening until the peer leaves.
    HalfClose,
    /// Close the TCP connection; where there is TLS, without a word in it.
    Cut,
    /// Write the bytes to the TCP connection below TLS.
    Beneath(Bytes),
}

/// An answer: steps, then either the next request or the connection's end.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) steps: Vec<Step>,
    pub(crate) keep_alive: bool,
}

impl Reply {
    /// Plays the steps, then closes.
    pub(crate) fn closing(steps: impl Into<Vec<Step>>) -> Self {
        Self {
            steps: steps.into(),
            keep_alive: false,
        }
    }

    /// Writes raw bytes, then closes.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::closing([Step::Send(Bytes::from(bytes.into()))])
    }

    /// A complete, well-formed answer with its length, on a connection that stays open.
    pub(crate) fn complete(status: &str, fields: &[(&str, &str)], body: Bytes) -> Self {
        let length = body.len().to_string();
        let mut all = vec![("Content-Length", length.as_str())];
        all.extend_from_slice(fields);
        let head = Step::Send(head(status, &all).into());
        Self {
            steps: vec![head, Step::Send(body)],
            keep_alive: true,
        }
    }

    /// A complete answer without a body.
    pub(crate) fn bare(status: &str, fields: &[(&str, &str)]) -> Self {
        Self::complete(status, fields, Bytes::new())
    }

    /// The same answer once so many are to be given.
    pub(crate) fn together(mut self, answers: u64) -> Self {
        self.steps.insert(0, Step::Gather(answers));
        self
    }

    /// The same answer after a pause.
    pub(crate) fn after(mut self, pause: Duration) -> Self {
        self.steps.insert(0, Step::Pause(pause));
        self
    }
}

/// A header block with its closing empty line.
pub(crate) fn head(status: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\n");
    for (name, value) in fields {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// The chunked form of a body, in chunks of `size` bytes, with its last chunk and no trailer.
pub(crate) fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut coded = Vec::with_capacity(body.len() + body.len() / size * 8 + 16);
    for chunk in body.chunks(size) {
        coded.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        coded.extend_from_slice(chunk);
        coded.extend_from_slice(b"\r\n");
    }
    coded.extend_from_slice(b"0\r\n\r\n");
    coded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_carry_their_length_in_hex() {
        assert_eq!(
            chunked(b"0123456789abcdefg", 16),
            b"10\r\n0123456789abcdef\r\n1\r\ng\r\n0\r\n\r\n"
        );
    }

    #[test]
    fn a_head_ends_with_an_empty_line() {
        assert_eq!(
            head("200 OK", &[("A", "b")]),
            b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"
        );
    }
}
