//! Servers with and without what the web has.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::super::http_files_double::{Answer, Request, Server};
use super::super::open::Backend;
use super::super::read_ahead_double::url;
use super::super::{Found, Kind, Objects, ReadAhead, StorageError, UNKNOWN_BYTES};
use super::*;

const BYTES: usize = 3_000_000;

fn content() -> Vec<u8> {
    (0..BYTES).map(|at| (at * 31 % 251) as u8).collect()
}

fn objects(server: &Server, path: &str) -> Objects {
    let url = url(&format!("http://{}/{path}", server.address));
    let backend = Backend::from(open(&url).expect("a client") as Arc<dyn ObjectStore>);
    Objects::new(url, backend, Duration::ZERO)
}

fn head(objects: &Objects) -> Result<Option<Found>, StorageError> {
    let key = objects.url().path().to_owned();
    objects.wait(|objects| async move { objects.head(&key).await })
}

/// The whole object, read ahead.
fn read(objects: &Objects) -> Result<Vec<u8>, StorageError> {
    let found = head(objects)?.expect("an object");
    let mut ahead = ReadAhead::whole(
        objects,
        objects.url().path(),
        &found.version,
        0,
        found.bytes,
    );
    let mut all = Vec::new();
    loop {
        let piece = ahead.bytes_at(all.len() as u64)?;
        if piece.is_empty() {
            return Ok(all);
        }
        all.extend_from_slice(&piece);
    }
}

#[test]
fn ranges_of_one_version_are_read() {
    let server = Server::start(|request| Answer::file(request, &content(), Some("\"v1\"")));
    let objects = objects(&server, "a//b.csv?key=value");
    let found = head(&objects).expect("a server").expect("a file");
    assert_eq!(
        (found.bytes, found.version.as_str()),
        (BYTES as u64, "\"v1\"")
    );
    assert!(read(&objects).expect("bytes") == content());
    let requests = server.requests();
    assert!(
        requests
            .iter()
            .all(|request| request.target == "/a//b.csv?key=value")
    );
    let gets: Vec<&Request> = requests
        .iter()
        .filter(|request| request.method == "GET")
        .collect();
    assert!(gets.len() > 2);
    assert!(
        gets.iter()
            .all(|get| get.header("if-match") == Some("\"v1\""))
    );
    assert!(gets.iter().all(|get| get.header("range").is_some()));
}

#[test]
fn a_file_that_changes_is_a_conflict_by_tag_or_by_date() {
    for (before, after) in [
        ("ETag: \"a\"", "ETag: \"b\""),
        ("ETag: W/\"a\"", "ETag: W/\"b\""),
        (
            "Last-Modified: Mon, 05 Jan 2026 10:00:00 GMT",
            "Last-Modified: Mon, 05 Jan 2026 10:00:01 GMT",
        ),
    ] {
        let asked = AtomicUsize::new(0);
        let server = Server::start(move |request| {
            let version = if asked.fetch_add(1, Ordering::Relaxed) < 1 {
                before
            } else {
                after
            };
            Answer::file(request, &content(), None).with(version)
        });
        let error = read(&objects(&server, "x")).expect_err(before);
        assert_eq!(error.kind, Kind::Conflict, "{before}: {error}");
    }
}

#[test]
fn a_server_without_ranges_or_length_is_read_as_a_stream() {
    for has_length in [true, false] {
        let server = Server::start(move |_| {
            let answer = Answer::new(200, &content()).with("ETag: \"v\"");
            if has_length {
                answer
            } else {
                answer.without_length()
            }
        });
        let objects = objects(&server, "list");
        let found = head(&objects).expect("a server").expect("a file");
        let known = if has_length {
            BYTES as u64
        } else {
            UNKNOWN_BYTES
        };
        assert_eq!(found.bytes, known);
        assert!(read(&objects).expect("bytes") == content(), "{has_length}");
    }
}

#[test]
fn a_stream_that_breaks_goes_on_where_it_was() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = sent.clone();
    let server = Server::start(move |request| {
        let whole = Answer::new(200, &content()).with("ETag: \"v\"");
        let is_stream = request.method == "GET" && request.header("range").is_none();
        if is_stream && counted.fetch_add(1, Ordering::Relaxed) == 0 {
            // It promises more than it sends.
            let cut = Answer::new(200, &content()[..BYTES / 2]).without_length();
            return cut
                .with("ETag: \"v\"")
                .with(&format!("Content-Length: {BYTES}"));
        }
        whole
    });
    assert!(read(&objects(&server, "list")).expect("bytes") == content());
    assert_eq!(sent.load(Ordering::Relaxed), 2);
}

#[test]
fn where_head_is_refused_the_first_byte_is_asked_for() {
    for status in [403, 405, 501] {
        let server = Server::start(move |request| match &*request.method {
            "HEAD" => Answer::new(status, b""),
            _ => Answer::file(request, &content(), Some("\"v\"")),
        });
        let found = head(&objects(&server, "x"))
            .expect("a server")
            .expect("a file");
        assert_eq!(
            (found.bytes, found.version.as_str()),
            (BYTES as u64, "\"v\"")
        );
    }
}

#[test]
fn refusals_are_told_apart() {
    let of = |status: u16| {
        let server = Server::start(move |_| Answer::new(status, b"no"));
        head(&objects(&server, "x?sig=secret"))
    };
    assert_eq!(of(404).expect("an answer"), None);
    for (status, kind) in [
        (401, Kind::Credentials),
        (403, Kind::Denied),
        (429, Kind::SlowDown),
        (502, Kind::Away),
    ] {
        let error = of(status).expect_err("a refusal");
        assert_eq!(error.kind, kind, "{status}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn redirects_are_followed_without_the_password() {
    let there = Server::start(|request| Answer::file(request, b"http://a/\n", Some("\"v\"")));
    let target = format!("Location: http://{}/there", there.address);
    let here = Server::start(move |_| Answer::new(302, b"").with(&target));
    let url = url(&format!("http://me:word@{}/here", here.address));
    let backend = Backend::from(open(&url).expect("a client") as Arc<dyn ObjectStore>);
    let objects = Objects::new(url, backend, Duration::ZERO);
    assert_eq!(read(&objects).expect("bytes"), b"http://a/\n");
    let authorized = |server: &Server| {
        let requests = server.requests();
        assert!(!requests.is_empty());
        requests
            .iter()
            .filter(|request| request.header("authorization").is_some())
            .count()
    };
    assert_eq!(authorized(&here), here.requests().len());
    assert_eq!(
        here.requests()[0].header("authorization"),
        Some("Basic bWU6d29yZA==")
    );
    assert_eq!(authorized(&there), 0);
}

#[test]
fn folders_are_not_listed() {
    let server = Server::start(|_| Answer::new(200, b""));
    let objects = objects(&server, "x/");
    let error = objects.wait(|objects| async move { objects.list("x").await });
    let error = error.expect_err("no listing");
    assert_eq!(error.kind, Kind::Unsupported);
    assert!(
        error.to_string().contains("web servers list no folders"),
        "{error}"
    );
}
