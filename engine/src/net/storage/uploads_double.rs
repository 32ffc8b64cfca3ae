//! A web server for tests of stores: it hands each request to the test and sends what the test answers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use url::Url;

/// A request.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    /// Where it went, with the host of its header.
    pub(super) url: Url,
    pub(super) headers: Vec<(String, String)>,
    pub(super) content: Vec<u8>,
}

impl Asked {
    /// A parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.url.query_pairs();
        let found = pairs.find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    }

    /// A header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// An answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Where a redirect leads.
    pub(super) location: Option<String>,
    pub(super) content: Vec<u8>,
}

impl Answer {
    pub(super) fn of(status: u16, content: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            location: None,
            content: content.into(),
        }
    }
}

/// Serves on a free port until the test's process ends.
pub(super) fn serve(answer: impl Fn(Asked) -> Answer + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || while exchange(&connection, &*answer).is_some() {});
        }
    });
    address
}

/// One request and its answer; `None` at the connection's end.
fn exchange(mut connection: &TcpStream, answer: &dyn Fn(Asked) -> Answer) -> Option<()> {
    let mut reader = BufReader::new(connection);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut words = lines[0].split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: Vec<(String, String)> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut asked = Asked {
        method,
        url: Url::parse("http://none").ok()?,
        headers,
        content: Vec::new(),
    };
    asked.url = Url::parse(&format!("http://{}{target}", asked.header("host")?)).ok()?;
    let length = asked
        .header("content-length")
        .and_then(|bytes| bytes.parse().ok());
    asked.content = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut asked.content).ok()?;
    let said = answer(asked);
    let location = said
        .location
        .map_or_else(String::new, |place| format!("location: {place}\r\n"));
    let head = format!(
        "HTTP/1.1 {} x\r\ncontent-length: {}\r\n{location}\r\n",
        said.status,
        said.content.len()
    );
    connection.write_all(head.as_bytes()).ok()?;
    connection.write_all(&said.content).ok()
}
