//! Tests of the list of unfinished uploads, over a store that checks who asks.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use object_store::Error;
use object_store::aws::AwsCredential;
use object_store::client::{HttpClient, StaticCredentialProvider};
use object_store::gcp::GcpCredential;

use super::error::{Kind, StorageError};
use super::thread;
use super::upload::{Unfinished, UploadList};
use super::uploads_double::{Answer, Asked, serve};
use super::uploads_list::{GcsUploads, S3Uploads};

const ID: &str = "AKIAID";
const SECRET: &str = "se/cr+et";
const TOKEN: &str = "to/k+en=";
fn page(uploads: &[(&str, &str)], next: Option<(&str, &str)>) -> Answer {
    let uploads: String = uploads
        .iter()
        .map(|(key, id)| format!("<Upload><Key>{key}</Key><UploadId>{id}</UploadId></Upload>"))
        .collect();
    let next = next.map_or_else(String::new, |(key, id)| {
        format!(
            "<IsTruncated>true</IsTruncated><NextKeyMarker>{key}</NextKeyMarker>\
             <NextUploadIdMarker>{id}</NextUploadIdMarker>"
        )
    });
    let root = "ListMultipartUploadsResult";
    Answer::of(200, format!("<{root}>{next}{uploads}</{root}>"))
}

/// A bucket whose list of uploads below `f o+o/ä` has two pages.
fn bucket(asked: &Asked, path: &str) -> Answer {
    assert_eq!((asked.method.as_str(), asked.url.path()), ("GET", path));
    assert_eq!(asked.parameter("uploads").as_deref(), Some(""));
    assert_eq!(asked.parameter("prefix").as_deref(), Some("f o+o/ä/"));
    match asked.parameter("key-marker").as_deref() {
        None => page(&[("f o+o/ä/1", "a+/=")], Some(("f o+o/ä/1", "a+/="))),
        Some("f o+o/ä/1") => {
            assert_eq!(asked.parameter("upload-id-marker").as_deref(), Some("a+/="));
            page(&[("f o+o/ä/1", "b"), ("f o+o/äh", "c")], None)
        }
        other => panic!("no such page: {other:?}"),
    }
}

fn check(found: object_store::Result<Vec<Unfinished>>) {
    let found = found.expect("a list");
    let found: Vec<_> = found
        .iter()
        .map(|upload| (upload.key.as_str(), upload.id.as_str()))
        .collect();
    assert_eq!(found, [("f o+o/ä/1", "a+/="), ("f o+o/ä/1", "b")]);
}

fn http() -> HttpClient {
    thread::handle();
    HttpClient::new(reqwest::Client::new())
}

fn s3(server: SocketAddr, bucket: &str) -> S3Uploads {
    let credential = AwsCredential {
        key_id: ID.to_owned(),
        secret_key: SECRET.to_owned(),
        token: Some(TOKEN.to_owned()),
    };
    let credentials = Arc::new(StaticCredentialProvider::new(credential));
    let url = format!("http://{server}{bucket}");
    S3Uploads::new(http(), &url, "here-1", credentials, false).expect("a client")
}

fn wait(list: impl UploadList + 'static) -> object_store::Result<Vec<Unfinished>> {
    thread::wait(async move { list.below("f o+o/ä").await })
}

#[test]
fn requests_to_s3_are_signed_in_either_form_and_follow_the_pages() {
    for path in ["/data", "/"] {
        let server = serve(move |asked| {
            let signed = asked.header("authorization").expect("a signature");
            assert!(signed.starts_with("AWS4-HMAC-SHA256 "), "{signed}");
            assert!(
                signed.contains(ID) && signed.contains("/here-1/s3/"),
                "{signed}"
            );
            assert_eq!(asked.header("x-amz-security-token"), Some(TOKEN));
            bucket(&asked, path)
        });
        check(wait(s3(server, path)));
    }
}

#[test]
fn requests_to_google_carry_the_token_and_follow_the_pages() {
    thread::handle();
    let server = serve(|asked| {
        assert_eq!(asked.header("authorization"), Some("Bearer word"));
        bucket(&asked, "/data")
    });
    let endpoint = format!("http://{server}");
    let credential = GcpCredential {
        bearer: "word".to_owned(),
    };
    let credentials = Arc::new(StaticCredentialProvider::new(credential));
    let list = GcsUploads::new(http(), Some(&endpoint), "data", credentials);
    check(wait(list.expect("a client")));
}

#[test]
fn an_error_says_what_it_means_and_holds_no_signature() {
    let answers = Mutex::new(vec![
        (403, "AccessDenied", Kind::Denied),
        (503, "SlowDown", Kind::SlowDown),
        (404, "NoSuchBucket", Kind::NoBucket),
        (400, "ExpiredToken", Kind::Expired),
    ]);
    let expected: Vec<_> = answers
        .lock()
        .expect("alone")
        .iter()
        .map(|answer| answer.2)
        .rev()
        .collect();
    let server = serve(move |_| {
        let (status, code, _) = answers.lock().expect("alone").pop().expect("an answer");
        Answer::of(status, format!("<Error><Code>{code}</Code></Error>"))
    });
    let said = |error: Error| StorageError::of("list".to_owned(), error);
    for kind in expected {
        let error = said(wait(s3(server, "/data")).expect_err("an error"));
        assert_eq!(error.kind, kind, "{error}");
    }
    // Nobody listens on a port that was just given back.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let free = listener.local_addr().expect("an address");
    drop(listener);
    let error = said(wait(s3(free, "/data")).expect_err("no server"));
    assert_eq!(error.kind, Kind::Away, "{error}");
    assert!(!error.to_string().contains("Signature"), "{error}");
}
