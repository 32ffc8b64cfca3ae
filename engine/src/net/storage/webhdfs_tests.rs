//! Tests of WebHDFS over a server that is a NameNode and a DataNode at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt as _, PutMode};

use super::error::Kind;
use super::hdfs_error::kind_of_hdfs;
use super::thread;
use super::upload::Parts;
use super::uploads_double::{Answer, Asked, serve};
use super::webhdfs::open;
use crate::config::{Location, StoreUrl};

type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// How a server renames.
#[derive(Clone, Copy, PartialEq)]
enum Renames {
    /// With the options of the request.
    WithOptions,
    /// Never over a file: it says whether it has.
    AsItLikes,
}

fn exception(status: u16, class: &str) -> Answer {
    let text = format!(
        r#"{{"RemoteException":{{"exception":"x","javaClassName":"{class}","message":"why\n\tat x"}}}}"#
    );
    Answer::of(status, text)
}

fn missing() -> Answer {
    exception(404, "java.io.FileNotFoundException")
}

fn answer(files: &Files, renames: Renames, asked: &Asked) -> Answer {
    let mut files = files.lock().expect("no test panics here");
    assert_eq!(asked.parameter("user.name").as_deref(), Some("me"));
    let path = asked
        .url
        .path()
        .strip_prefix("/webhdfs/v1")
        .expect("the protocol's root");
    let path = percent_encoding::percent_decode_str(path)
        .decode_utf8_lossy()
        .into_owned();
    let operation = asked.parameter("op").expect("an operation");
    let is_data = matches!(operation.as_str(), "CREATE" | "APPEND" | "OPEN");
    if is_data && asked.parameter("node").is_none() {
        assert!(asked.content.is_empty(), "a NameNode takes no content");
        let place = format!("{}&node=1", asked.url);
        return Answer {
            status: 307,
            location: Some(place),
            content: Vec::new(),
        };
    }
    let status = |suffix: &str, length: usize| {
        format!(
            r#"{{"pathSuffix":"{suffix}","length":{length},"modificationTime":7,"type":"FILE","fileId":9}}"#
        )
    };
    match operation.as_str() {
        "GETFILESTATUS" => match files.get(&path) {
            Some(content) => Answer::of(
                200,
                format!(r#"{{"FileStatus":{}}}"#, status("", content.len())),
            ),
            None => missing(),
        },
        "LISTSTATUS" => {
            let folder = format!("{path}/");
            let below: Vec<_> = files
                .iter()
                .filter_map(|(name, content)| {
                    Some(status(name.strip_prefix(&folder)?, content.len()))
                })
                .collect();
            Answer::of(
                200,
                format!(
                    r#"{{"FileStatuses":{{"FileStatus":[{}]}}}}"#,
                    below.join(",")
                ),
            )
        }
        "OPEN" => {
            let number = |name| {
                asked
                    .parameter(name)
                    .expect(name)
                    .parse::<usize>()
                    .expect(name)
            };
            let content = &files[&path][number("offset")..];
            Answer::of(200, &content[..number("length")])
        }
        "CREATE" => {
            assert_eq!(
                asked.header("content-type"),
                Some("application/octet-stream")
            );
            files.insert(path, asked.content.clone());
            Answer::of(201, "")
        }
        "APPEND" => match files.get_mut(&path) {
            Some(file) => {
                file.extend_from_slice(&asked.content);
                Answer::of(200, "")
            }
            None => missing(),
        },
        "RENAME" => {
            let to = asked.parameter("destination").expect("a name");
            let replaces = asked.parameter("renameoptions").as_deref() == Some("OVERWRITE");
            let exists = files.contains_key(&to);
            match renames {
                Renames::WithOptions if exists && !replaces => {
                    return exception(403, "org.apache.hadoop.fs.FileAlreadyExistsException");
                }
                Renames::AsItLikes if exists => return Answer::of(200, r#"{"boolean":false}"#),
                _ => {}
            }
            match files.remove(&path) {
                Some(content) => files.insert(to, content),
                None => return missing(),
            };
            Answer::of(200, "")
        }
        "DELETE" => {
            let removed = files.remove(&path).is_some();
            Answer::of(200, format!(r#"{{"boolean":{removed}}}"#))
        }
        other => panic!("{other} is not asked for"),
    }
}

fn url(server: SocketAddr) -> StoreUrl {
    match Location::of(&format!("webhdfs://me@{server}/out")) {
        Ok(Location::Remote(url)) => url,
        other => panic!("{other:?}"),
    }
}

fn clients(renames: Renames) -> (Files, Arc<dyn ObjectStore>, Arc<dyn Parts>) {
    let files = Files::default();
    let kept = files.clone();
    let server = serve(move |asked| answer(&kept, renames, &asked));
    let (store, parts) = open(&url(server), &[]).expect("a client");
    (files, store, parts)
}

fn path(key: &str) -> Path {
    Path::parse(key).expect("a key")
}

#[test]
fn objects_are_written_read_listed_and_removed() {
    let (files, store, _) = clients(Renames::WithOptions);
    thread::wait(async move {
        let key = path("out/a b+ä.json");
        let create = || store.put_opts(&key, "first".into(), PutMode::Create.into());
        create().await.expect("a write");
        let error = create().await.expect_err("it exists");
        assert_eq!(kind_of_hdfs(&error), Some(Kind::Conflict));
        store.put(&key, "second".into()).await.expect("a write");
        assert_eq!(store.get_range(&key, 2..99).await.expect("a range"), "cond");
        let meta = store.head(&key).await.expect("a file");
        assert_eq!((meta.size, meta.e_tag.as_deref()), (6, Some("7-6-9")));
        let other = GetOptions {
            if_match: Some("7-5-9".to_owned()),
            ..GetOptions::default()
        };
        store
            .get_opts(&key, other)
            .await
            .expect_err("another version");
        let listed = store
            .list_with_delimiter(Some(&path("out")))
            .await
            .expect("a list");
        assert_eq!(listed.objects.len(), 1);
        assert_eq!(listed.objects[0].location, key);
        store.delete(&key).await.expect("a file");
        let error = store.delete(&key).await.expect_err("nothing");
        assert_eq!(kind_of_hdfs(&error), Some(Kind::NotFound));
        let error = store.head(&key).await.expect_err("nothing");
        assert_eq!(kind_of_hdfs(&error), Some(Kind::NotFound));
        // The server's stack is not shown.
        assert!(
            error.to_string().ends_with("FileNotFoundException: why"),
            "{error}"
        );
    });
    assert!(files.lock().expect("alone").is_empty());
}

#[test]
fn an_upload_grows_by_appending_and_gets_its_name_at_the_end() {
    let (files, _, parts) = clients(Renames::WithOptions);
    thread::wait(async move {
        let key = path("out/0.tar");
        let id = parts.begin(&key).await.expect("an upload");
        let late = parts.put(&key, &id, 1, "two".into()).await.expect("a part");
        let early = parts.put(&key, &id, 0, "one".into()).await.expect("a part");
        let found = parts.unfinished(&path("out")).await.expect("a list");
        let found = found.expect("it can tell");
        assert_eq!((found[0].key.as_str(), &found[0].id), ("out/0.tar", &id));
        parts
            .complete(&key, &id, vec![early, late])
            .await
            .expect("an object");
    });
    let files = files.lock().expect("alone");
    assert_eq!(Vec::from_iter(files.keys()), ["/out/0.tar"]);
    assert_eq!(files["/out/0.tar"], b"onetwo");
}

#[test]
fn a_server_that_cannot_replace_by_a_rename_says_so() {
    let (_, store, _) = clients(Renames::AsItLikes);
    thread::wait(async move {
        let key = path("out/x");
        store
            .put(&key, "one".into())
            .await
            .expect("nothing to replace");
        let error = store
            .put(&key, "two".into())
            .await
            .expect_err("a file is there");
        assert_eq!(kind_of_hdfs(&error), Some(Kind::Unsupported), "{error}");
    });
}

#[test]
fn an_error_shows_no_token_and_an_unknown_option_is_refused() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let free = listener.local_addr().expect("an address");
    drop(listener);
    let token = ("token".to_owned(), "secret".to_owned());
    let (store, _) = open(&url(free), &[token]).expect("a client");
    let error = thread::wait(async move { store.head(&path("x")).await }).expect_err("no server");
    assert_eq!(kind_of_hdfs(&error), Some(Kind::Away));
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    let unknown = ("kerberos".to_owned(), "true".to_owned());
    assert!(open(&url(free), &[unknown]).is_err());
}
