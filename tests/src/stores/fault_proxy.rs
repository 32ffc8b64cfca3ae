//! Owns a proxy that stands before a store and fails by rules: with the store's own errors, with answers that
//! are lost, late, cut or never come. It keeps every request line, so that a test can count requests and fail
//! each in its turn. Never changes a request or an answer that no rule names.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::http1::Head;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// 503; not forwarded.
    SlowDown,
    /// 400: the session's token is too old; not forwarded.
    ExpiredToken,
    /// 403; not forwarded.
    AccessDenied,
    /// 403: the client's clock is wrong; not forwarded.
    RequestTimeTooSkewed,
    /// 301: another region; not forwarded.
    PermanentRedirect,
    /// 500; not forwarded.
    InternalError,
    /// 400: the body came too slowly; not forwarded.
    RequestTimeout,
    /// 409: two conditional requests met; not forwarded.
    ConditionalRequestConflict,
    /// The connection ends without an answer; not forwarded.
    Drop,
    /// Forwarded and done, and the connection ends without an answer.
    DropAfter,
    /// Forwarded and done, and answered with 503.
    SlowDownAfter,
    /// Never answered, and not forwarded.
    Stall,
    /// Half of the answer's body, then the connection ends.
    Cut,
    /// Not forwarded, and answered with 200 whose body is an error, as S3 may complete an upload.
    OkError,
    /// Forwarded after this time.
    Late(Duration),
}

/// Every action, the late one with so short a time that nobody may mind.
pub const ACTIONS: [Action; 15] = [
    Action::SlowDown,
    Action::ExpiredToken,
    Action::AccessDenied,
    Action::RequestTimeTooSkewed,
    Action::PermanentRedirect,
    Action::InternalError,
    Action::RequestTimeout,
    Action::ConditionalRequestConflict,
    Action::Drop,
    Action::DropAfter,
    Action::SlowDownAfter,
    Action::Stall,
    Action::Cut,
    Action::OkError,
    Action::Late(Duration::from_millis(300)),
];

impl Action {
    /// The status and the store's code, where the answer is the proxy's own.
    const fn said(self) -> Option<(u16, &'static str, &'static str)> {
        Some(match self {
            Self::SlowDown => (503, "Slow Down", "SlowDown"),
            Self::ExpiredToken => (400, "Bad Request", "ExpiredToken"),
            Self::AccessDenied => (403, "Forbidden", "AccessDenied"),
            Self::RequestTimeTooSkewed => (403, "Forbidden", "RequestTimeTooSkewed"),
            Self::PermanentRedirect => (301, "Moved Permanently", "PermanentRedirect"),
            Self::InternalError => (500, "Internal Server Error", "InternalError"),
            Self::RequestTimeout => (400, "Bad Request", "RequestTimeout"),
            Self::ConditionalRequestConflict => (409, "Conflict", "ConditionalRequestConflict"),
            Self::OkError => (200, "OK", "InternalError"),
            _ => return None,
        })
    }
}

/// Which requests an action meets.
pub struct Rule {
    action: Action,
    when: Box<dyn Fn(&str) -> bool + Send>,
    skip: usize,
    left: usize,
}

impl Rule {
    /// Meets every request from now on.
    pub fn new(action: Action) -> Self {
        Self {
            action,
            when: Box::new(|_| true),
            skip: 0,
            left: usize::MAX,
        }
    }

    /// Only requests whose `METHOD /path?query` passes.
    #[must_use]
    pub fn on(mut self, when: impl Fn(&str) -> bool + Send + 'static) -> Self {
        self.when = Box::new(when);
        self
    }

    /// Not the first so many of them.
    #[must_use]
    pub fn after(mut self, skip: usize) -> Self {
        self.skip = skip;
        self
    }

    /// So many of them at most.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.left = times;
        self
    }

    /// Whether it meets this request, which then counts.
    fn meets(&mut self, line: &str) -> bool {
        if self.left == 0 || !(self.when)(line) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.left -= 1;
        true
    }
}

/// A request that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// `METHOD /path?query`.
    pub line: String,
    /// The rule's action that met it.
    pub action: Option<Action>,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    latency: Duration,
    seen: Vec<Seen>,
    clients: Vec<TcpStream>,
    is_over: bool,
}

/// A proxy that runs; it ends with this value, and so do its connections.
pub struct FaultProxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl FaultProxy {
    /// Starts one on a free port before the store at this port of 127.0.0.1.
    ///
    /// # Errors
    /// What the kernel answered to bind or listen.
    pub fn before(store: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                {
                    let mut state = lock(&shared);
                    if state.is_over {
                        return;
                    }
                    state.clients.extend(client.try_clone());
                }
                let shared = Arc::clone(&shared);
                // A connection that breaks is the client's to report.
                thread::spawn(move || {
                    let _ = serve(&client, store, &shared);
                    // The list of clients holds a descriptor of it too.
                    let _ = client.shutdown(Shutdown::Both);
                });
            }
        });
        Ok(Self { address, state })
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Adds a rule; of several that meet a request the first is taken.
    pub fn add(&self, rule: Rule) {
        lock(&self.state).rules.push(rule);
    }

    /// Drops all rules.
    pub fn clear(&self) {
        lock(&self.state).rules.clear();
    }

    /// Keeps every request waiting for this long before it is forwarded.
    pub fn set_latency(&self, latency: Duration) {
        lock(&self.state).latency = latency;
    }

    /// All requests since the start or the last call of [`FaultProxy::forget`].
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.state).seen.clone()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        lock(&self.state).seen.clear();
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        let clients = {
            let mut state = lock(&self.state);
            state.is_over = true;
            std::mem::take(&mut state.clients)
        };
        for client in clients {
            let _ = client.shutdown(Shutdown::Both);
        }
        // The listener looks whether it is over.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The rule for a request, which is kept, and how long it waits.
fn judge(state: &Mutex<State>, line: &str) -> (Option<Action>, Duration) {
    let mut state = lock(state);
    let mut rules = state.rules.iter_mut();
    let action = rules.find_map(|rule| rule.meets(line).then_some(rule.action));
    let line = line.to_owned();
    state.seen.push(Seen { line, action });
    let late = match action {
        Some(Action::Late(time)) => time,
        _ => Duration::ZERO,
    };
    (action, late + state.latency)
}

/// A connection to the store, kept from request to request.
struct Upstream {
    stream: BufReader<TcpStream>,
}

impl Upstream {
    fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    fn ask(&mut self, head: &Head, body: &[u8]) -> io::Result<(Head, Vec<u8>)> {
        head.write(self.stream.get_mut())?;
        self.stream.get_mut().write_all(body)?;
        let answer = loop {
            let answer = Head::read(&mut self.stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if answer.status() >= 200 {
                break answer;
            }
        };
        let body = answer.answer_body(&mut self.stream, head.word(0))?;
        Ok((answer, body))
    }
}

fn serve(client: &TcpStream, store: u16, state: &Mutex<State>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut from_client = BufReader::new(client);
    let mut to_client = client;
    let mut upstream: Option<Upstream> = None;
    while let Some(mut head) = Head::read(&mut from_client)? {
        if head.field("expect").is_some() {
            to_client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            head.set("Expect", None);
        }
        let body = head.request_body(&mut from_client)?;
        if head.field("transfer-encoding").is_some() {
            head.set("Transfer-Encoding", None);
            head.set("Content-Length", Some(body.len().to_string()));
        }
        let method = head.word(0).to_owned();
        let (action, wait) = judge(state, &format!("{method} {}", head.word(1)));
        // Latency is what is simulated, not a wait for something.
        thread::sleep(wait);
        match action {
            Some(Action::Drop) => return Ok(()),
            Some(Action::Stall) => {
                // Until the client gives up, or the proxy ends.
                let _ = from_client.read(&mut [0]);
                return Ok(());
            }
            _ => {}
        }
        if let Some((status, reason, code)) = action.and_then(Action::said) {
            let (head, body) = refusal(status, reason, code);
            say(&mut to_client, &head, &body, &method)?;
            continue;
        }
        let (mut answer, body) = forward(&mut upstream, store, &head, &body)?;
        let closes = answer.closes();
        if closes {
            upstream = None;
        }
        if method != "HEAD" && !matches!(answer.status(), 204 | 304) {
            answer.set("Transfer-Encoding", None);
            answer.set("Content-Length", Some(body.len().to_string()));
        }
        match action {
            Some(Action::DropAfter) => return Ok(()),
            Some(Action::SlowDownAfter) => {
                let (head, body) = refusal(503, "Slow Down", "SlowDown");
                say(&mut to_client, &head, &body, &method)?;
            }
            Some(Action::Cut) => {
                answer.write(&mut to_client)?;
                return to_client.write_all(&body[..body.len() / 2]);
            }
            _ => say(&mut to_client, &answer, &body, &method)?,
        }
        if closes {
            return Ok(());
        }
    }
    Ok(())
}

/// Asks the store, over a new connection where the kept one has ended meanwhile.
fn forward(
    upstream: &mut Option<Upstream>,
    store: u16,
    head: &Head,
    body: &[u8],
) -> io::Result<(Head, Vec<u8>)> {
    if let Some(kept) = upstream {
        // A store may end a connection that was idle; what it has begun to answer is not asked again.
        if !has_ended(kept.stream.get_ref()) {
            return kept.ask(head, body);
        }
    }
    upstream.insert(Upstream::connect(store)?).ask(head, body)
}

/// Whether the other end of an idle connection has ended it.
fn has_ended(stream: &TcpStream) -> bool {
    let looked = stream
        .set_nonblocking(true)
        .and_then(|()| stream.peek(&mut [0]));
    let is_open = matches!(&looked, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
    !is_open || stream.set_nonblocking(false).is_err()
}

fn refusal(status: u16, reason: &str, code: &str) -> (Head, Vec<u8>) {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{reason}</Message></Error>"
    );
    let mut head = Head::answer(status, reason);
    head.set("Content-Type", Some("application/xml".to_owned()));
    head.set("Content-Length", Some(body.len().to_string()));
    (head, body.into_bytes())
}

fn say(to: &mut impl Write, head: &Head, body: &[u8], method: &str) -> io::Result<()> {
    head.write(to)?;
    if method == "HEAD" {
        return Ok(());
    }
    to.write_all(body)
}

#[cfg(test)]
#[path = "fault_proxy_tests.rs"]
mod tests;
