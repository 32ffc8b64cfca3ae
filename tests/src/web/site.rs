//! Owns what each path of the fake web serves.
//!
//! | path | answer |
//! |---|---|
//! | `/img/SEED.EXT?w=W&h=H` | a picture; EXT is jpg, pjpg, png, webp, gif or bmp |
//! | `/slow/MS/SEED.EXT?...` | the same after MS milliseconds |
//! | `/fresh/MS/SEED.EXT?...` | the same, another picture for each request of the path |
//! | `/flaky/N/SEED.EXT?...` | 503 for the first N requests of the path, then the picture |
//! | `/hop/N/SEED.EXT?...` | N redirects, each to another host, then the picture |
//! | `/together/N/SEED.EXT?...` | the same once N of them have been asked for |
//! | `/held/SEED.EXT?...` | the same once [`super::Web::release_held`] was called |
//! | `/limited/N/SEED.EXT?...` | the same, N a second; 429 with `Retry-After: 1` to more |
//! | `/rest/S/SEED.EXT?...` | 503 with `Retry-After: S` for the first request of the path, then the picture |
//! | `/via/PORT/HOST/PATH?...` | a redirect to that path on another host, over TLS where the port is TLS's |
//! | `/to/HOST` | a redirect to a picture on another host, whose bytes are in hexadecimal |
//! | `/fault/NAME` | what a row of [`super::faults`] answers |
//!
//! Never keeps more than a count per path, and the latest request where its query has `said=1`.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Ports;
use super::connections::{Connections, Gathering};
use super::faults;
use super::reply::Reply;
use super::request::Request;
use crate::pictures::{Format, Gallery, Picture};

/// Paths whose requests are counted; past it the counts start anew.
const PATHS_COUNTED_MAX: usize = 200_000;
/// Between the seeds of a path's pictures that change with each request.
const FRESH_STEP: u64 = 1_000_000;
/// Longest pause a path may ask for, milliseconds.
const PAUSE_MS_MAX: u64 = 60_000;

/// The pictures and the request counts behind all listeners.
pub(crate) struct Site {
    ports: Ports,
    /// Addresses beyond loopback.
    also: Vec<IpAddr>,
    connections: Arc<Connections>,
    gathering: Gathering,
    gallery: Gallery,
    hits: Mutex<Hits>,
    counted: Condvar,
}

#[derive(Default)]
struct Hits {
    by_path: HashMap<String, u32>,
    total: u64,
    said: HashMap<String, Said>,
    /// The pictures of limited paths within the last second.
    limited: VecDeque<Instant>,
    user_agent: String,
}

/// What is kept of a request.
#[derive(Clone, Debug)]
pub struct Said {
    /// When it came.
    pub at: Instant,
    /// Its fields, their names in lower case.
    pub fields: Vec<(String, String)>,
    /// The length of its path and query, bytes.
    pub target_bytes: usize,
}

impl Said {
    /// The first value of a field, whose name is given in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let (_, value) = fields.find(|(known, _)| known == name)?;
        Some(value)
    }
}

/// A request together with the site it is made of.
pub(crate) struct Ask<'a> {
    pub(crate) site: &'a Site,
    pub(crate) request: &'a Request,
    /// This request's number among those of its path, from 1.
    pub(crate) nth: u32,
}

impl Ask<'_> {
    /// The picture that faults use where a good image is wanted.
    pub(crate) fn sample(&self, format: Format) -> Bytes {
        self.site.gallery.get(Picture::new(7, 160, 120, format))
    }

    /// Where plain HTTP is spoken.
    pub(crate) const fn http_port(&self) -> u16 {
        self.site.ports.http
    }

    /// Where TLS is spoken.
    pub(crate) const fn tls_port(&self) -> u16 {
        self.site.ports.tls
    }

    /// An absolute URL on another host of the fake web, at the port that was asked.
    pub(crate) fn elsewhere(&self, host: &str, path: &str) -> String {
        format!("http://{host}.ok.test{}{path}", self.request.port_suffix())
    }
}

impl Site {
    /// A site that is served at these ports, of loopback and of these addresses.
    pub(crate) fn new(ports: Ports, also: &[IpAddr]) -> Self {
        Self {
            ports,
            also: also.to_vec(),
            connections: Arc::default(),
            gathering: Gathering::default(),
            gallery: Gallery::default(),
            hits: Mutex::default(),
            counted: Condvar::new(),
        }
    }

    /// The answer to a request.
    pub(crate) fn answer(&self, request: &Request) -> Reply {
        let nth = self.count(request);
        let ask = Ask {
            site: self,
            request,
            nth,
        };
        self.route(&ask)
            .unwrap_or_else(|| Reply::bare("404 Not Found", &[]))
    }

    /// The connections to all listeners.
    pub(crate) const fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    /// Where answers wait for each other.
    pub(crate) const fn gathering(&self) -> &Gathering {
        &self.gathering
    }

    /// Whether the site may be served at this address.
    pub(crate) fn may_serve(&self, local: IpAddr) -> bool {
        local.is_loopback() || self.also.contains(&local)
    }

    /// Requests for a path so far.
    pub(crate) fn hits(&self, path: &str) -> u32 {
        self.lock().by_path.get(path).copied().unwrap_or(0)
    }

    /// Requests for all paths so far.
    pub(crate) fn total(&self) -> u64 {
        self.lock().total
    }

    /// Waits until so many requests have come in all; `false` where `limit` passes first.
    pub(crate) fn wait_for_total(&self, requests: u64, limit: Duration) -> bool {
        let missing = |hits: &mut Hits| hits.total < requests;
        let waited = self.counted.wait_timeout_while(self.lock(), limit, missing);
        !waited
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .1
            .timed_out()
    }

    /// The User-Agent of the latest request.
    pub(crate) fn user_agent(&self) -> String {
        self.lock().user_agent.clone()
    }

    /// The latest request for a path that was to be kept.
    pub(crate) fn said(&self, path: &str) -> Option<Said> {
        self.lock().said.get(path).cloned()
    }

    fn count(&self, request: &Request) -> u32 {
        let mut hits = self.lock();
        hits.total += 1;
        self.counted.notify_all();
        request.field("user-agent").clone_into(&mut hits.user_agent);
        if hits.by_path.len() >= PATHS_COUNTED_MAX {
            hits.by_path.clear();
        }
        if request.number("said").is_some() {
            let said = Said {
                at: Instant::now(),
                fields: request.fields.clone(),
                target_bytes: request.target_bytes,
            };
            hits.said.insert(request.path.clone(), said);
        }
        let nth = hits.by_path.entry(request.path.clone()).or_default();
        *nth += 1;
        *nth
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Hits> {
        // Counts are whole after every statement, so a panic elsewhere spoils nothing.
        self.hits
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn route(&self, ask: &Ask<'_>) -> Option<Reply> {
        let mut parts = ask.request.path.trim_start_matches('/').splitn(3, '/');
        match (parts.next()?, parts.next()?, parts.next()) {
            ("img", file, None) => self.picture(ask, file),
            ("slow", pause, Some(file)) => Some(self.picture(ask, file)?.after(pause_of(pause)?)),
            ("fresh", pause, Some(file)) => {
                let (seed, extension) = file.split_once('.')?;
                let seed = seed.parse::<u64>().ok()? + u64::from(ask.nth) * FRESH_STEP;
                let picture = self.picture(ask, &format!("{seed}.{extension}"))?;
                Some(picture.after(pause_of(pause)?))
            }
            ("flaky", failures, Some(_)) if ask.nth <= failures.parse().ok()? => {
                Some(Reply::bare("503 Service Unavailable", &[]))
            }
            ("flaky", _, Some(file)) => self.picture(ask, file),
            ("hop", "0", Some(file)) => self.picture(ask, file),
            ("hop", hops, Some(file)) => {
                let left = hops.parse::<u32>().ok()?.checked_sub(1)?;
                let to = ask.elsewhere(&format!("hop{left}"), &format!("/hop/{left}/{file}"));
                Some(Reply::bare("302 Found", &[("Location", &to)]))
            }
            ("together", answers, Some(file)) => {
                Some(self.picture(ask, file)?.together(answers.parse().ok()?))
            }
            ("held", file, None) => Some(self.picture(ask, file)?.together(u64::MAX)),
            ("limited", most, Some(file)) if self.is_within(most.parse().ok()?) => {
                self.picture(ask, file)
            }
            ("limited", ..) => Some(Reply::bare(
                "429 Too Many Requests",
                &[("Retry-After", "1")],
            )),
            ("rest", seconds, Some(_)) if ask.nth == 1 => Some(Reply::bare(
                "503 Service Unavailable",
                &[("Retry-After", seconds)],
            )),
            ("rest", _, Some(file)) => self.picture(ask, file),
            ("via", port, Some(rest)) => {
                let (host, path) = rest.split_once('/')?;
                let tls = port.parse() == Ok(self.ports.tls);
                let scheme = if tls { "https" } else { "http" };
                let to = format!("{scheme}://{host}:{port}/{path}?said=1");
                Some(Reply::bare("302 Found", &[("Location", &to)]))
            }
            ("to", host, None) => {
                let port = ask.request.port_suffix();
                let to = format!("http://{}{port}/img/7.jpg", of_hex(host)?);
                Some(Reply::bare("302 Found", &[("Location", &to)]))
            }
            ("fault", name, _) => faults::find(name)?.reply(ask),
            _ => None,
        }
    }

    /// Whether one more picture of the limited paths comes to no more than so many in a second.
    fn is_within(&self, most: usize) -> bool {
        let mut hits = self.lock();
        let now = Instant::now();
        hits.limited
            .retain(|at| now.duration_since(*at) < Duration::from_secs(1));
        let within = hits.limited.len() < most;
        if within {
            hits.limited.push_back(now);
        }
        within
    }

    /// `SEED.EXT` with the sides of the query.
    fn picture(&self, ask: &Ask<'_>, file: &str) -> Option<Reply> {
        let (seed, extension) = file.split_once('.')?;
        let format = Format::of_extension(extension)?;
        let (width, height) = (ask.request.number("w"), ask.request.number("h"));
        let picture = Picture::new(
            seed.parse().ok()?,
            width.unwrap_or(96),
            height.unwrap_or(64),
            format,
        );
        let fields = [("Content-Type", format.media_type())];
        Some(Reply::complete(
            "200 OK",
            &fields,
            self.gallery.get(picture),
        ))
    }
}

/// A path's milliseconds.
fn pause_of(text: &str) -> Option<Duration> {
    let ms = text.parse::<u64>().ok()?;
    Some(Duration::from_millis(ms.min(PAUSE_MS_MAX)))
}

/// The text whose bytes these are.
fn of_hex(digits: &str) -> Option<String> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(byte).collect();
    String::from_utf8(bytes?).ok()
}
