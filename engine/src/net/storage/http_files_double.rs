//! A web server on the loopback address, for tests: each connection is one request.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Names are in lower case.
    pub(crate) headers: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(known, _)| known == name);
        header.map(|(_, value)| value.as_str())
    }

    /// The range that is asked for, as offsets into `bytes`.
    fn range(&self, bytes: usize) -> Option<(usize, usize)> {
        let (first, last) = self
            .header("range")?
            .strip_prefix("bytes=")?
            .split_once('-')?;
        let last = last.parse::<usize>().ok()?.min(bytes.saturating_sub(1));
        Some((first.parse().ok()?, last + 1))
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<String>,
    body: Vec<u8>,
    has_length: bool,
}

impl Answer {
    pub(crate) fn new(status: u16, body: &[u8]) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.to_vec(),
            has_length: true,
        }
    }

    #[must_use]
    pub(crate) fn with(mut self, header: &str) -> Self {
        self.headers.push(header.to_owned());
        self
    }

    #[must_use]
    pub(crate) fn without_length(mut self) -> Self {
        self.has_length = false;
        self
    }

    /// A file as a server sends it that has ranges and tags.
    pub(crate) fn file(request: &Request, body: &[u8], tag: Option<&str>) -> Self {
        let tagged = |answer: Self| match tag {
            Some(tag) => answer.with(&format!("ETag: {tag}")),
            None => answer,
        };
        let wanted = request.header("if-match");
        if tag.is_some() && wanted.is_some() && wanted != tag {
            return Self::new(412, b"");
        }
        match request.range(body.len()) {
            Some((start, _)) if start >= body.len() => {
                Self::new(416, b"").with(&format!("Content-Range: bytes */{}", body.len()))
            }
            Some((start, end)) => tagged(Self::new(206, &body[start..end])).with(&format!(
                "Content-Range: bytes {start}-{}/{}",
                end - 1,
                body.len()
            )),
            None => tagged(Self::new(200, body)),
        }
    }
}

/// A server that runs as long as the test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (seen, answer) = (requests.clone(), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, answer) = (seen.clone(), answer.clone());
                // A client that goes early is none of the test's business.
                thread::spawn(move || serve(&stream, &seen, &*answer));
            }
        });
        Self { address, requests }
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic").clone()
    }
}

fn serve(
    stream: &TcpStream,
    seen: &Mutex<Vec<Request>>,
    answer: &dyn Fn(&Request) -> Answer,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut words = first.split(' ').map(str::to_owned);
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut headers = Vec::new();
    for line in lines {
        let line = line?;
        match line.split_once(':') {
            Some((name, value)) => {
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            None => break,
        }
    }
    let request = Request {
        method,
        target,
        headers,
    };
    seen.lock().expect("no panic").push(request.clone());
    let answer = answer(&request);
    let mut head = format!("HTTP/1.1 {} Told\r\nConnection: close\r\n", answer.status);
    if answer.has_length {
        head += &format!("Content-Length: {}\r\n", answer.body.len());
    }
    for header in &answer.headers {
        head += &format!("{header}\r\n");
    }
    let mut out = stream;
    out.write_all(format!("{head}\r\n").as_bytes())?;
    if request.method != "HEAD" {
        out.write_all(&answer.body)?;
    }
    out.flush()
}
