//! Owns the few requests that the library of clients does not make: making a bucket, and listing uploads that were
//! begun. Never sends an object.

use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use object_store::client::{HttpRequest, HttpRequestBody};

use super::http1::Head;
use super::servers::{AZURE_ACCOUNT, AZURE_KEY, OWNER};
use super::{StoreKind, StoreServer};

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Makes a bucket or container; one that is there is well.
pub(super) fn make_bucket(server: &StoreServer, name: &str) -> io::Result<()> {
    let (path, query) = match server.kind {
        StoreKind::GcsDouble | StoreKind::Hdfs | StoreKind::WebHdfs => return Ok(()),
        StoreKind::Azurite => (format!("/{AZURE_ACCOUNT}/{name}"), "?restype=container"),
        _ => (format!("/{name}"), ""),
    };
    match ask(server, "PUT", &format!("{path}{query}"))? {
        (200..=299 | 409, _) => Ok(()),
        (status, body) => Err(io::Error::other(format!("bucket: {status}: {body}"))),
    }
}

/// Uploads of a bucket of S3 or Google that were begun and not ended: keys and identities.
pub(super) fn uploads(server: &StoreServer, bucket: &str) -> io::Result<Vec<(String, String)>> {
    let (status, body) = ask(server, "GET", &format!("/{bucket}?uploads="))?;
    if status != 200 {
        return Err(io::Error::other(format!("uploads: {status}: {body}")));
    }
    let uploads = body.split("<Upload>").skip(1);
    let uploads = uploads.map(|upload| Some((text(upload, "Key")?, text(upload, "UploadId")?)));
    uploads
        .collect::<Option<_>>()
        .ok_or_else(|| io::Error::other(body.clone()))
}

/// An element's text, which has no markup.
fn text(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.to_owned())
}

/// A signed request without a body; its status and the answer's text.
fn ask(server: &StoreServer, method: &str, target: &str) -> io::Result<(u16, String)> {
    let authority = format!("127.0.0.1:{}", server.port);
    let mut request: HttpRequest = http::Request::builder()
        .method(method)
        .uri(format!("http://{authority}{target}"))
        .body(HttpRequestBody::empty())
        .map_err(io::Error::other)?;
    match server.kind {
        StoreKind::Azurite => {
            let key = AzureAccessKey::try_new(AZURE_KEY).map_err(io::Error::other)?;
            let credential = AzureCredential::AccessKey(key);
            AzureAuthorizer::new(&credential, AZURE_ACCOUNT)
                .try_authorize(&mut request)
                .map_err(io::Error::other)?;
        }
        kind if kind.is_s3() => {
            let credential = AwsCredential {
                key_id: OWNER.0.to_owned(),
                secret_key: OWNER.1.to_owned(),
                token: None,
            };
            AwsAuthorizer::new(&credential, "s3", "us-east-1")
                .try_authorize(&mut request, None)
                .map_err(io::Error::other)?;
        }
        _ => {}
    }
    let mut head = Head::request(method, target);
    head.set("Host", Some(authority.clone()));
    head.set("Content-Length", Some("0".to_owned()));
    head.set("Connection", Some("close".to_owned()));
    for (name, value) in request.headers() {
        let value = value.to_str().map_err(io::Error::other)?;
        head.set(name.as_str(), Some(value.to_owned()));
    }
    let mut stream = TcpStream::connect(authority)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    head.write(&mut stream)?;
    stream.flush()?;
    let mut from = BufReader::new(stream);
    let answer = Head::read(&mut from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let body = answer.answer_body(&mut from, method)?;
    Ok((answer.status(), String::from_utf8_lossy(&body).into_owned()))
}
