//! The proxy before the double, through the public client: what a rule does to a request, and what it leaves alone.

use std::time::Duration;

use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, PutMode, RetryConfig};
use tokio::runtime::Runtime;

use super::super::{StoreKind, StoreServer};
use super::*;

/// How long the client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

struct Bench {
    server: StoreServer,
    proxy: FaultProxy,
    store: Box<dyn ObjectStore>,
    runtime: Runtime,
}

impl Bench {
    fn new() -> Self {
        let server = StoreServer::try_start(StoreKind::GcsDouble).unwrap();
        let proxy = FaultProxy::before(server.endpoint_port()).unwrap();
        let account = format!(
            r#"{{"gcs_base_url": "http://127.0.0.1:{}", "disable_oauth": true, "client_email": "",
                "private_key": "", "private_key_id": ""}}"#,
            proxy.port()
        );
        let client = ClientOptions::new()
            .with_allow_http(true)
            .with_timeout(PATIENCE);
        let once = RetryConfig {
            max_retries: 0,
            ..RetryConfig::default()
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let store = GoogleCloudStorageBuilder::new()
            .with_client_options(client)
            .with_retry(once)
            .with_service_account_key(account)
            .with_bucket_name("data")
            .build()
            .unwrap();
        Self {
            server,
            proxy,
            store: Box::new(store),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    /// Whether a put succeeded, and if not what was said.
    fn put(&self, key: &str) -> Result<(), String> {
        let path = Path::from(key);
        let put = self.store.put(&path, vec![5; 1000].into());
        self.runtime
            .block_on(put)
            .map(drop)
            .map_err(|error| format!("{error:?}"))
    }

    fn get(&self, key: &str) -> Result<usize, String> {
        let read = async { self.store.get(&Path::from(key)).await?.bytes().await };
        let read = self.runtime.block_on(read);
        read.map(|bytes| bytes.len())
            .map_err(|error| format!("{error:?}"))
    }

    fn is_there(&self, key: &str) -> bool {
        self.server.bucket().get(key).is_some()
    }
}

#[test]
fn without_rules_everything_passes_and_is_kept() {
    let bench = Bench::new();
    bench.put("a").unwrap();
    assert_eq!(bench.get("a"), Ok(1000));
    bench.runtime.block_on(async {
        let path = Path::from("a");
        assert_eq!(bench.store.head(&path).await.unwrap().size, 1000);
        bench.store.delete(&path).await.unwrap();
    });
    let lines: Vec<String> = bench
        .proxy
        .seen()
        .into_iter()
        .map(|seen| seen.line)
        .collect();
    assert_eq!(
        lines,
        [
            "PUT /data/a",
            "GET /data/a",
            "HEAD /data/a",
            "DELETE /data/a"
        ]
    );
    bench.proxy.forget();
    assert!(bench.proxy.seen().is_empty());
}

#[test]
fn a_stores_own_errors_are_answered_and_nothing_is_done() {
    let bench = Bench::new();
    for (action, code) in [
        (Action::SlowDown, "SlowDown"),
        (Action::ExpiredToken, "ExpiredToken"),
        (Action::AccessDenied, "AccessDenied"),
        (Action::RequestTimeTooSkewed, "RequestTimeTooSkewed"),
        (Action::InternalError, "InternalError"),
        (Action::RequestTimeout, "RequestTimeout"),
        (
            Action::ConditionalRequestConflict,
            "ConditionalRequestConflict",
        ),
    ] {
        bench.proxy.add(Rule::new(action).times(1));
        let said = bench.put("a").expect_err("it fails");
        assert!(said.contains(code), "{action:?}: {said}");
        assert!(!bench.is_there("a"), "{action:?}");
    }
    bench.put("a").unwrap();
}

#[test]
fn an_answer_may_be_lost_before_or_after_the_request_is_done() {
    let bench = Bench::new();
    for (action, key, is_done) in [
        (Action::Drop, "a", false),
        (Action::Stall, "b", false),
        (Action::DropAfter, "c", true),
        (Action::SlowDownAfter, "d", true),
    ] {
        let rule = Rule::new(action).on(|line| line.starts_with("PUT"));
        bench.proxy.add(rule.times(1));
        bench.put(key).expect_err("no answer comes");
        assert_eq!(bench.is_there(key), is_done, "{action:?}");
    }
}

#[test]
fn an_answer_may_be_cut_or_late() {
    let bench = Bench::new();
    bench.put("a").unwrap();
    bench.proxy.add(Rule::new(Action::Cut).times(1));
    bench.get("a").expect_err("half is missing");
    bench
        .proxy
        .add(Rule::new(Action::Late(PATIENCE * 2)).times(1));
    bench.get("a").expect_err("it comes too late");
    bench.proxy.set_latency(Duration::from_millis(20));
    assert_eq!(bench.get("a"), Ok(1000));
}

#[test]
fn a_rule_skips_counts_and_looks_at_the_line() {
    let bench = Bench::new();
    let rule = Rule::new(Action::AccessDenied).on(|line| line == "PUT /data/a");
    bench.proxy.add(rule.after(1).times(2));
    let done: Vec<bool> = (0..5).map(|_| bench.put("a").is_ok()).collect();
    assert_eq!(done, [true, false, false, true, true]);
    bench.put("b").unwrap();
    let met = bench
        .proxy
        .seen()
        .iter()
        .filter(|seen| seen.action.is_some())
        .count();
    assert_eq!(met, 2);
    bench.proxy.add(Rule::new(Action::Drop));
    bench.put("b").expect_err("every request is met");
    bench.proxy.clear();
    bench.put("b").unwrap();
}

#[test]
fn an_upload_may_be_said_complete_and_be_not() {
    let bench = Bench::new();
    bench.proxy.add(
        Rule::new(Action::OkError)
            .on(|line| line.starts_with("POST") && line.contains("uploadId=")),
    );
    let result = bench.runtime.block_on(async {
        let mut upload = bench.store.put_multipart(&Path::from("a.tar")).await?;
        upload.put_part(vec![1; 10].into()).await?;
        upload.complete().await
    });
    assert!(result.is_err());
    assert!(!bench.is_there("a.tar"));
}

#[test]
fn a_condition_is_forwarded_with_its_fields() {
    let bench = Bench::new();
    let create = || {
        let path = Path::from("a");
        let put = bench
            .store
            .put_opts(&path, "x".into(), PutMode::Create.into());
        bench.runtime.block_on(put).is_ok()
    };
    assert_eq!([create(), create()], [true, false]);
}

#[test]
fn chunked_bodies_and_expectations_are_understood() {
    let bench = Bench::new();
    let mut client = TcpStream::connect(("127.0.0.1", bench.proxy.port())).unwrap();
    client
        .write_all(b"PUT /data/a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
        .unwrap();
    let mut from = BufReader::new(client.try_clone().unwrap());
    assert_eq!(Head::read(&mut from).unwrap().unwrap().status(), 100);
    client.write_all(b"3\r\nabc\r\n0\r\n\r\n").unwrap();
    assert_eq!(Head::read(&mut from).unwrap().unwrap().status(), 200);
    assert_eq!(bench.server.bucket().get("a").unwrap(), b"abc");
    // The same connection goes on.
    client
        .write_all(b"HEAD /data/a HTTP/1.1\r\nHost: h\r\n\r\n")
        .unwrap();
    let head = Head::read(&mut from).unwrap().unwrap();
    assert_eq!(
        (head.status(), head.field("content-length")),
        (200, Some("3"))
    );
    client
        .write_all(b"DELETE /data/a HTTP/1.1\r\nHost: h\r\n\r\n")
        .unwrap();
    assert_eq!(Head::read(&mut from).unwrap().unwrap().status(), 204);
}

#[test]
fn the_end_of_the_proxy_is_the_end_of_its_connections() {
    let bench = Bench::new();
    let mut client = TcpStream::connect(("127.0.0.1", bench.proxy.port())).unwrap();
    client
        .write_all(b"HEAD /data/a HTTP/1.1\r\nHost: h\r\n\r\n")
        .unwrap();
    let mut from = BufReader::new(client);
    Head::read(&mut from).unwrap();
    drop(bench.proxy);
    assert!(Head::read(&mut from).unwrap_or_default().is_none());
}
