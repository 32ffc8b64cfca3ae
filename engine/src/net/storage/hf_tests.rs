//! A hub that keeps its files elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::super::http_files_double::{Answer, Request, Server};
use super::super::open::Backend;
use super::super::read_ahead_double::url;
use super::super::{Kind, Objects, ReadAhead};
use super::*;

const TOKEN: &str = "hf_secret";
const TAG: &str = "\"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\"";

fn content() -> Vec<u8> {
    (0..2_000_000).map(|at| (at * 31 % 251) as u8).collect()
}

/// A hub, and where its large files are.
struct Double {
    hub: Server,
    elsewhere: Server,
    /// Whether the dataset's main revision is another commit now.
    pushed: Arc<AtomicBool>,
}

impl Double {
    fn start() -> Self {
        let elsewhere = Server::start(|request| Answer::file(request, &content(), Some("\"cdn\"")));
        let there = format!(
            "Location: http://{}/large?signature=secret",
            elsewhere.address
        );
        let pushed = Arc::new(AtomicBool::new(false));
        let now = pushed.clone();
        let hub = Server::start(move |request| {
            if request.header("authorization") != Some("Bearer hf_secret") {
                return Answer::new(401, b"no token");
            }
            let commit = if now.load(Ordering::Relaxed) {
                "c2"
            } else {
                "c1"
            };
            answer(request, commit, &there)
        });
        Self {
            hub,
            elsewhere,
            pushed,
        }
    }

    fn objects(&self, path: &str, token: Option<&str>) -> Objects {
        let url = url(&format!("hf://datasets/{path}"));
        let settings = Settings {
            endpoint: format!("http://{}", self.hub.address),
            token: token.map(str::to_owned),
        };
        let hub = Hub::new(&url, settings).expect("a client");
        let backend = Backend::from(Arc::new(ReadOnly(Arc::new(hub))) as Arc<dyn ObjectStore>);
        Objects::new(url, backend, Duration::ZERO)
    }
}

fn answer(request: &Request, commit: &str, there: &str) -> Answer {
    let linked = || {
        Answer::new(302, b"")
            .with(there)
            .with(&format!("X-Linked-Etag: {TAG}"))
            .with(&format!("X-Linked-Size: {}", content().len()))
    };
    match &*request.target {
        "/api/datasets/user/name/revision/main" | "/api/datasets/user/name/revision/refs%2Fconvert%2Fparquet" => {
            Answer::new(200, format!(r#"{{"sha":"{commit}","id":"user/name"}}"#).as_bytes())
        }
        "/datasets/user/name/resolve/c1/data/a%20b.parquet" => linked(),
        "/datasets/user/name/resolve/c1/old.csv" => {
            Answer::new(307, b"").with("Location: /datasets/user/name/resolve/c1/small.csv")
        }
        "/datasets/user/name/resolve/c1/small.csv" => Answer::file(request, b"url\nhttp://a/\n", Some("W/\"oid1\"")),
        "/api/datasets/user/name/tree/c1/data?recursive=true" => Answer::new(
            200,
            br#"[{"type":"directory","oid":"d","size":0,"path":"data/deep"},
                {"type":"file","oid":"oid2","size":7,"path":"data/b.csv"}]"#,
        )
        .with("Link: </api/datasets/user/name/tree/c1/data?recursive=true&cursor=x>; rel=\"next\""),
        "/api/datasets/user/name/tree/c1/data?recursive=true&cursor=x" => Answer::new(
            200,
            br#"[{"type":"file","oid":"oid3","size":9,"path":"data/deep/c.csv","lfs":{"oid":"sha","size":9,"pointerSize":1}}]"#,
        ),
        _ => Answer::new(404, b"no such entry"),
    }
}

fn read(objects: &Objects, key: &str, bytes: u64) -> Vec<u8> {
    let mut ahead = ReadAhead::whole(objects, key, TAG, 0, bytes);
    let mut all = Vec::new();
    loop {
        let piece = ahead.bytes_at(all.len() as u64).expect("bytes");
        if piece.is_empty() {
            return all;
        }
        all.extend_from_slice(&piece);
    }
}

#[test]
fn a_large_file_is_read_where_it_is_kept_and_without_the_token() {
    let double = Double::start();
    let key = "datasets/user/name/data/a b.parquet";
    let objects = double.objects("user/name/data/a b.parquet", Some(TOKEN));
    let found = objects.wait(|objects| async move { objects.head(key).await });
    let found = found.expect("a hub").expect("a file");
    assert_eq!(
        (found.bytes, found.version.as_str()),
        (content().len() as u64, TAG)
    );
    // `HEAD` has told all, and is not followed.
    assert_eq!(double.elsewhere.requests().len(), 0);
    // What is pushed now is not seen.
    double.pushed.store(true, Ordering::Relaxed);
    assert!(read(&objects, key, found.bytes) == content());
    let elsewhere = double.elsewhere.requests();
    assert!(!elsewhere.is_empty());
    assert!(
        elsewhere
            .iter()
            .all(|request| request.header("authorization").is_none())
    );
    assert!(
        elsewhere
            .iter()
            .all(|request| request.header("range").is_some())
    );
    let questions = double.hub.requests().into_iter();
    assert_eq!(
        questions
            .filter(|request| request.target.contains("/revision/"))
            .count(),
        1
    );
}

#[test]
fn a_small_file_comes_from_the_hub_after_redirects_of_its_own() {
    let double = Double::start();
    for (dataset, name) in [
        ("user/name@main", "old.csv"),
        ("user/name@refs/convert/parquet", "small.csv"),
        ("user/name@refs%2Fconvert%2Fparquet", "small.csv"),
    ] {
        let key = format!("datasets/{dataset}/{name}");
        let objects = double.objects(&format!("{dataset}/{name}"), Some(TOKEN));
        let wanted = key.clone();
        let found = objects.wait(|objects| async move { objects.head(&wanted).await });
        let found = found.expect("a hub").expect("a file");
        assert_eq!(
            (found.bytes, found.version.as_str()),
            (14, "\"oid1\""),
            "{dataset}"
        );
        assert_eq!(read(&objects, &key, found.bytes), b"url\nhttp://a/\n");
    }
}

#[test]
fn all_pages_of_a_folder_are_listed() {
    let double = Double::start();
    let objects = double.objects("user/name/data", Some(TOKEN));
    let found =
        objects.wait(|objects| async move { objects.list_all("datasets/user/name/data").await });
    let found: Vec<(String, u64, String)> = found
        .expect("a listing")
        .into_iter()
        .map(|entry| (entry.key, entry.found.bytes, entry.found.version))
        .collect();
    assert_eq!(
        found,
        [
            (
                "datasets/user/name/data/b.csv".to_owned(),
                7,
                "\"oid2\"".to_owned()
            ),
            (
                "datasets/user/name/data/deep/c.csv".to_owned(),
                9,
                "\"sha\"".to_owned()
            ),
        ]
    );
    let none = objects.wait(|objects| async move { objects.list("datasets/user/name/none").await });
    assert!(none.expect("a listing").objects.is_empty());
}

#[test]
fn a_dataset_without_a_token_is_not_there_for_everyone() {
    let double = Double::start();
    let objects = double.objects("user/name/small.csv", None);
    let found =
        objects.wait(|objects| async move { objects.head("datasets/user/name/small.csv").await });
    assert_eq!(found.expect_err("no token").kind, Kind::Credentials);
}

#[test]
fn the_environment_names_the_hub_and_the_token() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("token"), "kept\n").expect("a file");
    let home = folder.path().to_str().expect("text").to_owned();
    let of = |variables: &[(&str, &str)]| {
        Settings::of(|name| {
            let known = variables.iter().find(|(known, _)| *known == name);
            known.map(|(_, value)| (*value).to_owned())
        })
    };
    let told = of(&[
        ("HF_ENDPOINT", "http://hub"),
        ("HF_TOKEN", " a "),
        ("HF_HOME", &home),
    ]);
    assert_eq!(
        (told.endpoint.as_str(), told.token.as_deref()),
        ("http://hub", Some("a"))
    );
    assert_eq!(
        of(&[("HUGGING_FACE_HUB_TOKEN", "b"), ("HF_TOKEN", "")])
            .token
            .as_deref(),
        Some("b")
    );
    let kept = of(&[("HF_HOME", &home)]);
    assert_eq!(
        (kept.endpoint.as_str(), kept.token.as_deref()),
        (ENDPOINT, Some("kept"))
    );
    assert_eq!(of(&[("HOME", "/nonexistent")]).token, None);
}
