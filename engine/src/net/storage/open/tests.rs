//! Tests clients against a server that records what it is asked and answers as it is told.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::super::error::{Kind, StorageError};
use super::*;
use crate::config::Location;

/// A request: its line, its fields in lower case, its body.
#[derive(Clone, Debug, Default)]
struct Asked {
    line: String,
    fields: Vec<(String, String)>,
    body: String,
}

impl Asked {
    fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map_or("", |(_, value)| value)
    }

    fn authorization(&self) -> &str {
        self.field("authorization")
    }
}

/// A server on loopback.
struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers each request with what `answer` makes of it: a status with fields, and a body.
    fn answering(answer: impl Fn(usize, &Asked) -> (String, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let Some(request) = read(&stream) else {
                    continue;
                };
                let count = {
                    let mut seen = seen.lock().expect("requests");
                    seen.push(request.clone());
                    seen.len() - 1
                };
                let (head, body) = answer(count, &request);
                let length = body.len();
                // The client may be gone.
                let _ = write!(
                    stream,
                    "HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
            }
        });
        Self { port, asked }
    }

    /// Answers each request for a list with an empty one.
    fn empty() -> Self {
        Self::answering(|_, _| listing())
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("requests").clone()
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line.trim_end().to_owned())
    };
    let mut asked = Asked {
        line: line()?,
        ..Asked::default()
    };
    while let Some(field) = line().filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once(':').expect("a field");
        asked
            .fields
            .push((name.to_lowercase(), value.trim().to_owned()));
    }
    let length = asked.field("content-length").parse().unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    asked.body = String::from_utf8_lossy(&body).into_owned();
    Some(asked)
}

/// An empty list in the forms of S3 and Azure.
fn listing() -> (String, String) {
    let s3 = "<ListBucketResult><Name>b</Name><Prefix/><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys>\
              <IsTruncated>false</IsTruncated></ListBucketResult>";
    ("200 OK".to_owned(), s3.to_owned())
}

fn failure(status: &str, code: &str, message: &str) -> (String, String) {
    let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    (status.to_owned(), body)
}

fn opened(
    url: &str,
    variables: &[(&str, &str)],
    options: &[(&str, &str)],
) -> Result<Objects, OpenError> {
    let Ok(Location::Remote(url)) = Location::of(url) else {
        panic!("no URL: {url}");
    };
    let own = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
    let options = StorageOptions(options.iter().map(own).collect());
    let backend = backend(&url, Surroundings::of(variables), &options)?;
    Ok(Objects::new(url, backend, Duration::ZERO))
}

fn contact(objects: &Objects) -> Result<(), StorageError> {
    objects.wait(|objects| async move { objects.first_contact("out").await })
}

const KEY: [(&str, &str); 2] = [("key", "AKEY"), ("secret", "the-secret-of-akey")];

/// Options with an endpoint.
fn with<'a>(server: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![("endpoint_url", server)];
    all.extend_from_slice(more);
    all
}

#[test]
fn opening_a_store_asks_nothing_and_using_it_signs() {
    let server = Server::empty();
    let url = server.url();
    let objects = opened("s3://bucket/out", &[], &with(&url, &KEY)).expect("a store");
    assert!(server.asked().is_empty());
    contact(&objects).expect("an answer");
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert!(
        asked[0].line.starts_with("GET /bucket?"),
        "{}",
        asked[0].line
    );
    assert!(asked[0].authorization().contains("Credential=AKEY/"));
    assert!(
        asked[0]
            .authorization()
            .contains("/us-east-1/s3/aws4_request")
    );
    assert!(asked[0].field("user-agent").starts_with("turbo2ds/"));
    assert_eq!(asked[0].field("host"), format!("127.0.0.1:{}", server.port));
}

#[test]
fn the_file_that_img2dataset_documents_opens_a_bucket() {
    let server = Server::empty();
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join(".config/fsspec");
    fs::create_dir_all(&folder).expect("a folder");
    let content = format!(
        r#"{{"s3": {{"client_kwargs": {{"endpoint_url": "{}", "aws_access_key_id": "user", "aws_secret_access_key": "word"}}}}}}"#,
        server.url()
    );
    fs::write(folder.join("s3.json"), content).expect("a file");
    let home = home.path().to_str().expect("a text");
    contact(&opened("s3://bucket/out", &[("HOME", home)], &[]).expect("a store"))
        .expect("an answer");
    assert!(
        server.asked()[0]
            .authorization()
            .contains("Credential=user/")
    );
}

#[test]
fn nothing_is_signed_where_the_user_says_so() {
    let server = Server::empty();
    let url = server.url();
    contact(&opened("s3://bucket/out", &[], &with(&url, &[("anon", "true")])).expect("a store"))
        .expect("an answer");
    assert_eq!(server.asked()[0].authorization(), "");
}

#[test]
fn a_bucket_in_another_region_is_asked_there_from_then_on() {
    for in_body in [false, true] {
        let server = Server::answering(move |_, asked| {
            if asked.authorization().contains("/eu-west-3/") {
                return listing();
            }
            if in_body {
                let body = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-3</Region></Error>";
                return ("400 Bad Request".to_owned(), body.to_owned());
            }
            (
                "301 Moved\r\nx-amz-bucket-region: eu-west-3".to_owned(),
                String::new(),
            )
        });
        let url = server.url();
        let options = with(&url, &[KEY[0], KEY[1], ("requester_pays", "true")]);
        let objects = opened("s3://bucket/out", &[], &options).expect("a store");
        contact(&objects).expect("an answer");
        contact(&objects).expect("an answer");
        let regions: Vec<bool> = server
            .asked()
            .iter()
            .map(|asked| asked.authorization().contains("/eu-west-3/"))
            .collect();
        assert_eq!(regions, [false, true, true]);
        assert_eq!(server.asked()[2].field("x-amz-request-payer"), "requester");
    }
}

#[test]
fn a_redirect_takes_no_credentials_elsewhere() {
    let other = Server::empty();
    let to = format!("307 Moved\r\nlocation: {}/bucket", other.url());
    let server = Server::answering(move |_, _| (to.clone(), String::new()));
    let url = server.url();
    let error = contact(&opened("s3://bucket/out", &[], &with(&url, &KEY)).expect("a store"))
        .expect_err("moved");
    assert_eq!(error.kind, Kind::Region, "{error}");
    assert!(other.asked().is_empty());
}

#[test]
fn a_missing_bucket_and_denied_keys_are_called_that() {
    for (status, code, kind) in [
        ("404 Not Found", "NoSuchBucket", Kind::NoBucket),
        ("404 Not Found", "", Kind::NoBucket),
        ("403 Forbidden", "AccessDenied", Kind::Denied),
        ("403 Forbidden", "InvalidAccessKeyId", Kind::Credentials),
        ("403 Forbidden", "RequestTimeTooSkewed", Kind::Credentials),
        ("403 Forbidden", "QuotaExceeded", Kind::Full),
    ] {
        let server = Server::answering(move |_, _| failure(status, code, "why"));
        let url = server.url();
        let error = contact(&opened("s3://bucket/out", &[], &with(&url, &KEY)).expect("a store"))
            .expect_err(code);
        assert_eq!(error.kind, kind, "{code}: {error}");
    }
    // Keys that may be read and not listed.
    let server = Server::answering(|_, asked| {
        if asked.line.starts_with("HEAD ") {
            let date = "last-modified: Mon, 30 Nov 2026 00:00:00 GMT";
            return (format!("200 OK\r\netag: \"e\"\r\n{date}"), String::new());
        }
        failure("403 Forbidden", "AccessDenied", "no")
    });
    let url = server.url();
    contact(&opened("s3://bucket/out", &[], &with(&url, &KEY)).expect("a store"))
        .expect("a look at the key");
}

#[test]
fn what_a_store_says_of_a_request_shows_no_secret() {
    let token = "canary-token-canary-token";
    let server = Server::answering(|_, asked| {
        let said = format!("{:?}", asked.fields).replace(['<', '>', '&'], "");
        failure("403 Forbidden", "AccessDenied", &said)
    });
    let url = server.url();
    let options = with(&url, &[KEY[0], KEY[1], ("token", token)]);
    let error =
        contact(&opened("s3://bucket/out", &[], &options).expect("a store")).expect_err("denied");
    assert!(
        server.asked()[0]
            .field("x-amz-security-token")
            .contains("canary")
    );
    let signature = server.asked()[0]
        .authorization()
        .rsplit_once("Signature=")
        .expect("one")
        .1
        .to_owned();
    for shown in [
        error.to_string(),
        format!("{error:?}"),
        format!("{:?}", error.of_output()),
    ] {
        assert!(
            !shown.contains("canary") && !shown.contains(&signature),
            "{shown}"
        );
    }
}

/// A command that writes a key whose number is how often it ran.
fn counting_command(folder: &std::path::Path, end: &str) -> String {
    let script = folder.join("give key");
    let content = format!(
        "#!/bin/sh\necho x >> '{runs}'\nn=$(wc -l < '{runs}')\necho noise >&2\n\
         echo '{{\"Version\": 1, \"AccessKeyId\": \"RUN'$n'\", \"SecretAccessKey\": \"s\", \"Expiration\": \"{end}\"}}'\n",
        runs = folder.join("runs").display()
    );
    fs::write(&script, content).expect("a script");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).expect("a script that runs");
    format!("'{}' canary-of-command", script.display())
}

/// A home with a profile whose key a command gives.
fn home_with_command(end: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    fs::create_dir(home.path().join(".aws")).expect("a folder");
    let command = counting_command(home.path(), end);
    let config = format!("[default]\ncredential_process = {command}\n");
    fs::write(home.path().join(".aws/config"), config).expect("a file");
    home
}

#[test]
fn a_commands_key_is_kept_until_it_ends_or_is_refused() {
    let home = home_with_command("2999-01-01T00:00:00Z");
    let server = Server::answering(|count, _| {
        if count == 2 {
            failure("400 Bad Request", "ExpiredToken", "expired")
        } else {
            listing()
        }
    });
    let url = server.url();
    let variables = [("HOME", home.path().to_str().expect("a text"))];
    let objects = opened("s3://bucket/out", &variables, &with(&url, &[])).expect("a store");
    for _ in 0..3 {
        contact(&objects).expect("an answer");
    }
    let runs: Vec<_> = server
        .asked()
        .iter()
        .map(|asked| asked.authorization().contains("Credential=RUN2/"))
        .collect();
    assert_eq!(runs, [false, false, false, true]);
    // A key that ends at once is asked for again with each request.
    let home = home_with_command("2001-01-01T00:00:00Z");
    let variables = [("HOME", home.path().to_str().expect("a text"))];
    let server = Server::empty();
    let url = server.url();
    let objects = opened("s3://bucket/out", &variables, &with(&url, &[])).expect("a store");
    contact(&objects).expect("an answer");
    contact(&objects).expect("an answer");
    assert!(
        server.asked()[1]
            .authorization()
            .contains("Credential=RUN2/")
    );
}

#[test]
fn a_command_that_fails_is_told_without_its_words() {
    let home = tempfile::tempdir().expect("a folder");
    fs::create_dir(home.path().join(".aws")).expect("a folder");
    for command in ["/bin/false canary", "/no/such/canary", "/bin/echo canary"] {
        let config = format!("[default]\ncredential_process = {command}\n");
        fs::write(home.path().join(".aws/config"), config).expect("a file");
        let variables = [("HOME", home.path().to_str().expect("a text"))];
        let options = [("endpoint_url", "http://127.0.0.1:9")];
        let error = contact(&opened("s3://bucket/out", &variables, &options).expect("a store"))
            .expect_err(command);
        let shown = format!("{error} {error:?} {}", error.hint());
        assert_eq!(error.kind, Kind::Credentials, "{shown}");
        assert!(
            shown.contains("credential_process") && !shown.contains("canary"),
            "{shown}"
        );
    }
}

#[test]
fn keys_that_were_rotated_are_read_again_and_the_same_ones_end_it() {
    let home = tempfile::tempdir().expect("a folder");
    fs::create_dir(home.path().join(".aws")).expect("a folder");
    let credentials = home.path().join(".aws/credentials");
    let write = |id: &str| {
        let content = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = s\n");
        fs::write(&credentials, content).expect("a file");
    };
    write("OLD");
    let server = Server::answering(|_, asked| {
        if asked.authorization().contains("Credential=NEW/") {
            listing()
        } else {
            failure("400 Bad Request", "ExpiredToken", "expired")
        }
    });
    let url = server.url();
    let variables = [("HOME", home.path().to_str().expect("a text"))];
    let objects = opened("s3://bucket/out", &variables, &with(&url, &[])).expect("a store");
    assert_eq!(contact(&objects).expect_err("expired").kind, Kind::Expired);
    write("NEW");
    contact(&objects).expect("an answer");
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn a_role_is_asked_for_with_its_sources_key() {
    let home = tempfile::tempdir().expect("a folder");
    fs::create_dir(home.path().join(".aws")).expect("a folder");
    let config = "[profile r]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = base\nregion = eu-north-1\n\
                  [profile base]\naws_access_key_id = BASE\naws_secret_access_key = s\n";
    fs::write(home.path().join(".aws/config"), config).expect("a file");
    let tokens = Server::answering(|_, _| {
        let body = "<AssumeRoleResponse><Credentials><AccessKeyId>ROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
                    <SessionToken>of-role</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResponse>";
        ("200 OK".to_owned(), body.to_owned())
    });
    let (server, at) = (Server::empty(), tokens.url());
    let url = server.url();
    let variables = [
        ("HOME", home.path().to_str().expect("a text")),
        ("AWS_PROFILE", "r"),
        ("AWS_ENDPOINT_URL_STS", at.as_str()),
    ];
    let objects = opened("s3://bucket/out", &variables, &with(&url, &[])).expect("a store");
    contact(&objects).expect("an answer");
    contact(&objects).expect("an answer");
    let asked = tokens.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].authorization().contains("Credential=BASE/"));
    assert!(asked[0].authorization().contains("/eu-north-1/sts/"));
    assert!(
        asked[0]
            .body
            .contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx"),
        "{}",
        asked[0].body
    );
    assert!(
        server.asked()[1]
            .authorization()
            .contains("Credential=ROLE/")
    );
    assert_eq!(server.asked()[1].field("x-amz-security-token"), "of-role");
}

#[test]
fn a_machines_own_key_is_asked_for_at_the_metadata_address() {
    let metadata = Server::answering(|_, asked| {
        let body = match asked.line.split(' ').nth(1).unwrap_or_default() {
            "/latest/api/token" => "t",
            "/latest/meta-data/iam/security-credentials"
            | "/latest/meta-data/iam/security-credentials/" => "role",
            _ => {
                r#"{"AccessKeyId": "MACHINE", "SecretAccessKey": "s", "Token": "t", "Expiration": "2999-01-01T00:00:00Z"}"#
            }
        };
        ("200 OK".to_owned(), body.to_owned())
    });
    let (server, at) = (Server::empty(), metadata.url());
    let url = server.url();
    let variables = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", at.as_str())];
    contact(&opened("s3://bucket/out", &variables, &with(&url, &[])).expect("a store"))
        .expect("an answer");
    assert!(
        server.asked()[0]
            .authorization()
            .contains("Credential=MACHINE/")
    );
}

#[test]
fn where_there_are_no_credentials_the_places_are_named() {
    let metadata = Server::answering(|_, _| ("404 Not Found".to_owned(), String::new()));
    let (server, at) = (Server::empty(), metadata.url());
    let url = server.url();
    let variables = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", at.as_str())];
    let error = contact(&opened("s3://bucket/out", &variables, &with(&url, &[])).expect("a store"));
    let error = error.expect_err("no credentials");
    let shown = error.to_string();
    for place in [
        "--storage_option",
        "fsspec",
        "AWS_ACCESS_KEY_ID",
        "`default`",
        "metadata",
    ] {
        assert!(shown.contains(place), "{shown}");
    }
    assert_eq!(error.kind, Kind::Credentials);
    assert!(error.hint().contains("anon=true"), "{}", error.hint());
    assert!(server.asked().is_empty());
}

#[test]
fn google_is_asked_with_a_token_at_the_emulator_with_none() {
    let server = Server::empty();
    let url = server.url();
    let options = with(
        &url,
        &[("token", "ya29.hidden"), ("requester_pays", "mine")],
    );
    contact(&opened("gs://bucket/out", &[], &options).expect("a store")).expect("an answer");
    let variables = [("STORAGE_EMULATOR_HOST", url.as_str())];
    contact(&opened("gcs://bucket/out", &variables, &[]).expect("a store")).expect("an answer");
    let asked = server.asked();
    assert!(
        asked[0].line.starts_with("GET /bucket?"),
        "{}",
        asked[0].line
    );
    assert_eq!(asked[0].authorization(), "Bearer ya29.hidden");
    assert_eq!(asked[0].field("x-goog-user-project"), "mine");
    assert_eq!(asked[1].authorization(), "");
}

#[test]
fn azure_is_asked_with_a_signature_or_a_key_and_neither_is_shown() {
    let server = Server::answering(|_, asked| {
        failure(
            "403 Forbidden",
            "AuthenticationFailed",
            &format!(
                "of canary+canary, sig=canary%2Bcanary, {}",
                asked.line.replace(['<', '>', '&'], " ")
            ),
        )
    });
    let url = server.url();
    let host = ("account_host", url.as_str());
    let name = ("account_name", "acc");
    let sas = ("sas_token", "?sv=2024-01-01&sig=canary%2Bcanary");
    let error = contact(&opened("az://data/out", &[], &[host, name, sas]).expect("a store"))
        .expect_err("refused");
    let shown = format!("{error} {error:?}");
    assert!(
        server.asked()[0].line.contains("sig=canary%2Bcanary"),
        "{:?}",
        server.asked()
    );
    assert!(!shown.contains("canary"), "{shown}");
    assert_eq!(error.kind, Kind::Credentials, "{shown}");
    let key = ("account_key", "a2V5LWtleS1rZXk=");
    contact(&opened("az://data/out", &[], &[host, name, key]).expect("a store"))
        .expect_err("refused");
    let asked = server.asked().pop().expect("a request");
    assert!(asked.line.starts_with("GET /acc/data?"), "{}", asked.line);
    assert!(
        asked.authorization().starts_with("SharedKey acc:"),
        "{}",
        asked.authorization()
    );
    contact(&opened("az://data/out", &[], &[host, name]).expect("a store")).expect_err("refused");
    assert_eq!(server.asked().pop().expect("a request").authorization(), "");
}

#[test]
fn what_cannot_be_opened_is_an_error_of_usage_with_a_hint() {
    let Ok(Location::Remote(url)) = Location::of("s3://bucket/out") else {
        panic!("no URL");
    };
    let config = StorageConfig {
        options: StorageOptions(vec![("anon".to_owned(), "perhaps".to_owned())]),
        patience: Duration::ZERO,
    };
    let Err(error) = open(&url, &config) else {
        panic!("it was opened");
    };
    let shown = error.to_string();
    assert!(
        shown.contains("s3://bucket/out") && shown.contains("`anon`") && shown.contains("hint:"),
        "{shown}"
    );
}

#[test]
fn buckets_are_hosts_on_aws_and_folders_elsewhere() {
    assert_eq!(
        region::url_of_aws("b", "eu-west-1", true),
        "https://b.s3.eu-west-1.amazonaws.com"
    );
    assert_eq!(
        region::url_of_aws("b.c", "cn-north-1", false),
        "https://s3.cn-north-1.amazonaws.com.cn/b.c"
    );
}
