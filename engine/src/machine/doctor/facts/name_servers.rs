//! Owns checking whether the configured name servers answer: one question over UDP (RFC 1035) to each,
//! all at once, sent twice, within one deadline. Never contacts any other host, and keeps nothing of an
//! answer but its response code.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use crate::machine::SystemFiles;

/// How long a run waits for one server's answer to one query.
const DEADLINE: Duration = Duration::from_millis(2500);
/// The question is sent again after this time, since a datagram may get lost.
const AGAIN_AFTER: Duration = Duration::from_millis(1000);
/// Most servers asked; resolv.conf(5) allows three.
const SERVERS_MAX: usize = 8;
/// Longest name, bytes (RFC 1035, 2.3.4).
const NAME_BYTES_MAX: usize = 253;
/// Longest label, bytes (RFC 1035, 2.3.4).
const LABEL_BYTES_MAX: usize = 63;

const TYPE_A: u16 = 1;
const TYPE_NS: u16 = 2;
const CLASS_IN: u16 = 1;
const PORT: u16 = 53;

/// The question to ask: the root's name servers, which every resolver knows, or the address of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Labels, without the root; empty asks for the root's name servers.
    labels: Vec<String>,
}

impl Question {
    /// Parses a name; `.` is the root.
    ///
    /// # Errors
    /// What was expected, if the name is invalid.
    pub fn of(name: &str) -> Result<Self, String> {
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.is_empty() {
            return Ok(Self::default());
        }
        let expected = || "a host name in ASCII, or . for the root's name servers".to_owned();
        let labels: Vec<String> = name.split('.').map(str::to_owned).collect();
        let fits = |label: &String| {
            (1..=LABEL_BYTES_MAX).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_graphic())
        };
        let good = name.len() <= NAME_BYTES_MAX && labels.iter().all(fits);
        good.then_some(Self { labels }).ok_or_else(expected)
    }

    /// The question as text.
    pub(in crate::machine::doctor) fn shown(&self) -> String {
        if self.labels.is_empty() {
            return "the root's NS".to_owned();
        }
        format!("the A of {}", self.labels.join("."))
    }

    fn datagram(&self, id: u16) -> Vec<u8> {
        let mut out = Vec::with_capacity(32);
        let recursion_desired = 0x0100_u16;
        for word in [id, recursion_desired, 1, 0, 0, 0] {
            out.extend(word.to_be_bytes());
        }
        for label in &self.labels {
            // `of` has checked that the length of a label fits one byte.
            out.push(u8::try_from(label.len()).unwrap_or(0));
            out.extend(label.as_bytes());
        }
        out.push(0);
        let kind = if self.labels.is_empty() {
            TYPE_NS
        } else {
            TYPE_A
        };
        out.extend(kind.to_be_bytes());
        out.extend(CLASS_IN.to_be_bytes());
        out
    }
}

/// The response of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::machine::doctor) enum Heard {
    /// It answered with this response code after this time.
    Answer { code: u8, after: Duration },
    /// No answer within the deadline.
    Silence,
    /// Sending failed, or the port is unreachable.
    Unreachable(io::ErrorKind),
}

/// The name servers and their responses.
#[derive(Clone, Debug)]
pub(in crate::machine::doctor) struct Names {
    /// Where the servers are configured: `--dns_servers`, or a file.
    pub(in crate::machine::doctor) from: &'static str,
    /// `Err` says why there is no server.
    pub(in crate::machine::doctor) servers: Result<Vec<(SocketAddr, Heard)>, String>,
    pub(in crate::machine::doctor) question: Question,
}

impl Names {
    /// Asks `given`, or the servers of resolv.conf below the tree's root.
    pub(in crate::machine::doctor) fn read(
        tree: &SystemFiles,
        given: &[SocketAddr],
        question: Question,
    ) -> Self {
        let (from, servers) = if given.is_empty() {
            ("/etc/resolv.conf", in_resolv_conf(tree))
        } else {
            ("--dns_servers", Ok(given.to_vec()))
        };
        let heard = servers.map(|mut servers| {
            servers.truncate(SERVERS_MAX);
            ask_all(&servers, &question)
        });
        Self {
            from,
            servers: heard,
            question,
        }
    }
}

fn in_resolv_conf(tree: &SystemFiles) -> Result<Vec<SocketAddr>, String> {
    let text = tree
        .read("etc/resolv.conf")
        .map_err(|error| error.kind().to_string())?;
    let servers: Vec<SocketAddr> = text.lines().filter_map(server_in).collect();
    if servers.is_empty() {
        return Err("it names no usable server".to_owned());
    }
    Ok(servers)
}

fn server_in(line: &str) -> Option<SocketAddr> {
    let mut words = line.split_whitespace();
    if words.next()? != "nameserver" {
        return None;
    }
    let address: IpAddr = words.next()?.parse().ok()?;
    Some((address, PORT).into())
}

fn ask_all(servers: &[SocketAddr], question: &Question) -> Vec<(SocketAddr, Heard)> {
    thread::scope(|scope| {
        let asked: Vec<_> = servers
            .iter()
            .map(|&server| (server, scope.spawn(move || ask(server, question, DEADLINE))))
            .collect();
        let heard = asked.into_iter().map(|(server, thread)| {
            let nobody = Heard::Unreachable(io::ErrorKind::Other);
            (server, thread.join().unwrap_or(nobody))
        });
        heard.collect()
    })
}

fn ask(server: SocketAddr, question: &Question, deadline: Duration) -> Heard {
    exchange(server, question, deadline).unwrap_or_else(|error| Heard::Unreachable(error.kind()))
}

/// Sends until an answer with the right id arrives. The socket is connected, so it comes from the
/// server's address.
fn exchange(server: SocketAddr, question: &Question, deadline: Duration) -> io::Result<Heard> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    // The id distinguishes late answers to other questions. It need not be unpredictable, since the
    // answer's content is not used.
    let id = socket.local_addr()?.port() ^ 0x5a5a;
    let begun = Instant::now();
    let end = begun + deadline;
    let mut send_at = Some(begun);
    let mut buffer = [0; 512];
    loop {
        let now = Instant::now();
        if now >= end {
            return Ok(Heard::Silence);
        }
        if send_at.is_some_and(|at| now >= at) {
            socket.send(&question.datagram(id))?;
            let first = send_at == Some(begun);
            send_at = first.then_some(begun + AGAIN_AFTER);
        }
        let wait = send_at
            .unwrap_or(end)
            .min(end)
            .saturating_duration_since(now);
        socket.set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
        match socket.recv(&mut buffer) {
            Ok(length) => {
                if let Some(code) = code_of(&buffer[..length], id) {
                    let after = begun.elapsed();
                    return Ok(Heard::Answer { code, after });
                }
            }
            Err(error) if is_pause(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_pause(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

/// The response code of an answer to the question with this id.
fn code_of(datagram: &[u8], id: u16) -> Option<u8> {
    let header: &[u8; 12] = datagram.first_chunk()?;
    let is_answer = header[2] & 0x80 != 0;
    (is_answer && header[..2] == id.to_be_bytes()).then_some(header[3] & 0x0f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::testing::tree;

    /// A server that answers each question with `reply` until the test ends.
    fn server(reply: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
                if let Some(answer) = reply(&buffer[..length]) {
                    let _ = socket.send_to(&answer, peer);
                }
            }
        });
        address
    }

    fn with_code(question: &[u8], code: u8) -> Vec<u8> {
        let mut answer = question.to_vec();
        answer[2] |= 0x80;
        answer[3] = code;
        answer
    }

    #[test]
    fn the_question_for_the_root_is_seventeen_bytes() {
        let datagram = Question::default().datagram(0x1234);
        assert_eq!(datagram, b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\0\0\x02\0\x01");
        let name = Question::of("a.bc.").unwrap().datagram(0);
        assert_eq!(&name[12..], b"\x01a\x02bc\0\0\x01\0\x01");
    }

    #[test]
    fn invalid_names_are_refused() {
        let long = "a".repeat(64);
        for name in ["a..b", "ä.de", "a b", &long, &"ab.".repeat(90)] {
            assert!(Question::of(name).is_err(), "{name}");
        }
        assert_eq!(Question::of("."), Ok(Question::default()));
    }

    #[test]
    fn an_answer_gives_its_code() {
        for code in [0, 2, 5] {
            let server = server(move |question| Some(with_code(question, code)));
            let heard = ask(server, &Question::default(), Duration::from_secs(5));
            assert!(
                matches!(heard, Heard::Answer { code: c, .. } if c == code),
                "{heard:?}"
            );
        }
    }

    #[test]
    fn a_lost_datagram_is_sent_again() {
        let seen = std::sync::atomic::AtomicUsize::new(0);
        let server = server(move |question| {
            let before = seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            (before > 0).then(|| with_code(question, 0))
        });
        let heard = ask(server, &Question::default(), Duration::from_secs(20));
        assert!(matches!(heard, Heard::Answer { code: 0, .. }), "{heard:?}");
    }

    #[test]
    fn silence_echoes_and_foreign_ids_end_at_the_deadline() {
        let silent = server(|_| None);
        let echo = server(|question| Some(question.to_vec()));
        let foreign = server(|question| {
            let mut answer = with_code(question, 0);
            answer[0] ^= 0xff;
            Some(answer)
        });
        let short = server(|_| Some(vec![0x80; 3]));
        for server in [silent, echo, foreign, short] {
            let heard = ask(server, &Question::default(), Duration::from_millis(50));
            assert_eq!(heard, Heard::Silence);
        }
    }

    #[test]
    fn a_closed_port_is_unreachable() {
        let closed = UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let heard = ask(closed, &Question::default(), Duration::from_secs(5));
        assert_eq!(heard, Heard::Unreachable(io::ErrorKind::ConnectionRefused));
    }

    #[test]
    fn servers_come_from_resolv_conf() {
        let text =
            "# one\nnameserver 192.0.2.1\nsearch x\nnameserver 2001:db8::1 \nnameserver odd\n";
        let (_folder, good) = tree(&[("etc/resolv.conf", text)]);
        let expected = ["192.0.2.1:53", "[2001:db8::1]:53"].map(|one| one.parse().unwrap());
        assert_eq!(in_resolv_conf(&good).unwrap(), expected);
        let (_folder, none) = tree(&[("etc/resolv.conf", "search x\n")]);
        assert!(
            in_resolv_conf(&none)
                .unwrap_err()
                .contains("no usable server")
        );
        let (_folder, missing) = tree(&[]);
        assert!(in_resolv_conf(&missing).unwrap_err().contains("not found"));
    }
}
