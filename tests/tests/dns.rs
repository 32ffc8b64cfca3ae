//! End to end: the built-in resolver with its defaults, against a whole hierarchy of fake authorities
//! that stand at the real root servers' addresses in a network namespace; its fall-back; encrypted
//! name servers; `turbo2ds resolve`.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use turbo2ds_tests::certs::Certificates;
use turbo2ds_tests::dns::{Answer, respond};
use turbo2ds_tests::dnslab::public::{self, REAL_ROOTS};
use turbo2ds_tests::dnslab::{Authority, Expected, Fault, Population};
use turbo2ds_tests::harness::job::binary;
use turbo2ds_tests::harness::read::rows_by_url;
use turbo2ds_tests::harness::{Job, Outcome, namespace};
use turbo2ds_tests::web::{Ports, Web};

/// Where the hosts are: the fake web serves nobody else.
const HOSTS: &str = "127.0.0.0/8";
/// The address that the machine's own name server has for every name.
const OWN_HOST: Ipv4Addr = Ipv4Addr::new(127, 18, 8, 8);
/// Where the machine's own name server is, for the tests inside a namespace.
const OWN_SERVER: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 53);

fn real_roots() -> Vec<String> {
    REAL_ROOTS
        .iter()
        .map(|root| Ipv4Addr::from(*root).to_string())
        .collect()
}

/// The machine's own name server: every name it is asked for has one address. Serves until the test's
/// process ends.
fn own_server() {
    let socket = UdpSocket::bind(OWN_SERVER).expect("port 53 is free in a namespace");
    std::thread::spawn(move || {
        let mut query = [0; 4096];
        while let Ok((length, peer)) = socket.recv_from(&mut query) {
            if let Some(reply) = respond(&query[..length], |_| Answer::Address(OWN_HOST)) {
                let _ = socket.send_to(&reply, peer);
            }
        }
    });
}

/// A namespace in which the hierarchy stands on port 53 of public-looking addresses, `names.internal`
/// is known to the machine's own server alone, and `pinned.example` to its hosts file.
fn public_lab(folder: &std::path::Path) -> Population {
    let roots = real_roots();
    let mut networks: Vec<&str> = roots.iter().map(String::as_str).collect();
    networks.push("11.0.0.0/8");
    namespace::own(&networks);
    namespace::cover("/etc/resolv.conf", folder, "nameserver 127.0.0.1\n");
    namespace::cover("/etc/hosts", folder, "127.18.9.9 pinned.example\n");
    own_server();
    let population = Population::new(5, 1);
    public::serve(Authority::new(population)).expect("the lab's ports are free");
    population
}

fn summary(outcome: &Outcome) -> Value {
    let lines = outcome.stderr.lines().rev();
    lines
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|value| value["event"] == "summary")
        .unwrap_or_else(|| panic!("no summary: {outcome}"))
}

#[test]
fn the_default_resolver_walks_from_the_root_past_every_fault() {
    if !namespace::is_inside("the_default_resolver_walks_from_the_root_past_every_fault") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let population = public_lab(folder.path());
    let web = Web::start(Ports::default()).unwrap();
    let mut expected: Vec<(String, Expected)> = Fault::ALL
        .into_iter()
        // Half of all questions lost, on a busy machine besides, proves nothing over real sockets.
        .filter(|fault| *fault != Fault::HalfLost)
        .flat_map(|fault| (0..12).map(move |n| population.host(fault, n)))
        .map(|host| {
            let found = population.expected(&host).expect("a host of the lab");
            (host, found)
        })
        .collect();
    for name in ["pinned.example", "names.internal", "minio"] {
        expected.push((name.into(), Expected::Address(Ipv4Addr::UNSPECIFIED)));
    }
    let urls: Vec<String> = expected
        .iter()
        .map(|(host, _)| web.url_at(host, "/img/1.jpg"))
        .collect();
    let cache = folder.path().join("names");
    let job = Job::strict("list.txt", urls.join("\n"))
        .option("--allow_net", HOSTS)
        .option("--dns_cache", &cache)
        .option("--log_json", "True");
    let outcome = job.succeed();
    let rows = rows_by_url(&job.output());
    for ((host, expected), url) in expected.iter().zip(&urls) {
        let message = rows[url]["error_message"].as_deref();
        let fits = match expected {
            Expected::Address(_) => message.is_none(),
            Expected::NotFound => message == Some("dns not found"),
            Expected::Failure => matches!(message, Some("dns timed out" | "dns failure")),
        };
        assert!(fits, "{host}: expected {expected:?}, found {message:?}");
    }
    let names = &summary(&outcome)["names"];
    assert_eq!(names["fell_back"], false, "{names}");
    // And one that there is not, where many dead ones had failed with no answer between.
    let asked = names["asked"].as_u64().unwrap() as usize;
    assert!((0..=1).contains(&(asked - expected.len())), "{names}");
    assert_eq!(names["wanted"], expected.len(), "{names}");
    let per_name = names["queries_per_name"].as_f64().unwrap();
    assert!((1.0..8.0).contains(&per_name), "{names}");
    assert!(names["p50_ms"].as_f64().unwrap() > 0.0, "{names}");
    // What is known of the zones is there for the next run.
    assert!(std::fs::metadata(&cache).unwrap().len() > 1000);
    shows_the_path(&population);
}

fn resolve(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(binary())
        .arg("resolve")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts");
    let text = String::from_utf8(output.stdout).expect("only text is printed");
    (output.status.code().expect("it ends by itself"), text)
}

/// `turbo2ds resolve` in the same namespace.
fn shows_the_path(population: &Population) {
    let host = population.host(Fault::OneRefuses, 0);
    let domain = host.split_once('.').unwrap().1;
    let tld = domain.split_once('.').unwrap().1;
    let (code, text) = resolve(&[&host]);
    assert_eq!(code, 0, "{text}");
    let address = match population.expected(&host) {
        Some(Expected::Address(address)) => public::host(address).to_string(),
        other => panic!("{host}: {other:?}"),
    };
    let at = |what: &str| {
        text.find(what)
            .unwrap_or_else(|| panic!("no {what}: {text}"))
    };
    let order = [
        at(&format!("-> {tld}. (")),
        at(&format!("-> {domain}. (")),
        at(&address),
    ];
    assert!(order.is_sorted(), "{text}");
    let missing = population.host(Fault::NxDomain, 1);
    let (code, text) = resolve(&["--json", &host, &missing, "pinned.example", "minio"]);
    assert_eq!(code, 1, "{text}");
    let value: Value = serde_json::from_str(&text).expect("one JSON object");
    let [found, absent, pinned, private] = [0, 1, 2, 3].map(|at| &value["names"][at]);
    assert_eq!(found["addresses"][0], address.as_str(), "{value}");
    assert_eq!(found["steps"][0]["zone"], ".", "{value}");
    assert_eq!(absent["error"], "dns not found", "{value}");
    assert_eq!(pinned["addresses"][0], "127.18.9.9", "{value}");
    assert_eq!(pinned["queries"], 0, "{value}");
    assert_eq!(private["asked"], "servers, as a private name", "{value}");
}

/// A namespace in which the machine's own name server answers and no root server does.
fn without_roots(folder: &std::path::Path, networks: &[&str]) {
    namespace::own(networks);
    namespace::cover("/etc/resolv.conf", folder, "nameserver 127.0.0.1\n");
    own_server();
}

fn falls_back_once(slowest: Duration) {
    let web = Web::start(Ports::default()).unwrap();
    let urls: Vec<String> = (0..40)
        .map(|n| web.url_at(&format!("www.site{n}.com"), "/img/1.jpg"))
        .collect();
    let job = Job::strict("list.txt", urls.join("\n")).option("--allow_net", HOSTS);
    let outcome = job.succeed();
    let rows = rows_by_url(&job.output());
    for url in &urls {
        assert_eq!(
            rows[url]["status"].as_deref(),
            Some("success"),
            "{url}: {outcome}"
        );
    }
    let said = outcome
        .stderr
        .matches("no root name server answers")
        .count();
    assert_eq!(said, 1, "{outcome}");
    assert!(outcome.took < slowest, "{outcome} took {:?}", outcome.took);
    let (code, text) = resolve(&["www.site1.com"]);
    assert!(
        code == 0 && text.contains("no root server answers"),
        "{text}"
    );
}

#[test]
fn where_no_root_answers_the_machines_servers_are_asked_and_that_is_said_once() {
    if !namespace::is_inside(
        "where_no_root_answers_the_machines_servers_are_asked_and_that_is_said_once",
    ) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let roots = real_roots();
    let networks: Vec<&str> = roots.iter().map(String::as_str).collect();
    without_roots(folder.path(), &networks);
    // Sockets that nobody reads: questions arrive and are never answered.
    let _silent: Vec<UdpSocket> = REAL_ROOTS
        .iter()
        .map(|root| UdpSocket::bind((Ipv4Addr::from(*root), 53)).unwrap())
        .collect();
    falls_back_once(Duration::from_secs(30));
}

#[test]
fn without_a_route_to_any_root_the_machines_servers_are_asked_at_once() {
    if !namespace::is_inside("without_a_route_to_any_root_the_machines_servers_are_asked_at_once") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    without_roots(folder.path(), &[]);
    falls_back_once(Duration::from_secs(30));
}

/// A name server over TLS (RFC 7858): every `*.ok.test` has its address. Gives its port.
fn tls_server(config: Arc<ServerConfig>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = config.clone();
            // A client that goes away is no fault of the server.
            std::thread::spawn(move || serve_tls(config, stream));
        }
    });
    port
}

fn serve_tls(config: Arc<ServerConfig>, stream: TcpStream) -> Option<()> {
    let mut stream = StreamOwned::new(ServerConnection::new(config).ok()?, stream);
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length).ok()?;
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut query).ok()?;
        let reply = respond(&query, turbo2ds_tests::dns::answer)?;
        let length = u16::try_from(reply.len()).ok()?.to_be_bytes();
        stream.write_all(&[&length[..], &reply].concat()).ok()?;
        stream.flush().ok()?;
    }
}

#[test]
fn names_are_resolved_over_tls_by_a_server_whose_certificate_is_trusted_and_by_no_other() {
    let web = Web::start(Ports::default()).unwrap();
    let certificates = Certificates::generate().unwrap();
    let port = tls_server(certificates.server.clone());
    let urls: Vec<String> = (0..30)
        .map(|n| web.url_at(&format!("h{n}.ok.test"), "/img/1.jpg"))
        .collect();
    let job = |server: String| {
        Job::strict("list.txt", urls.join("\n"))
            .option("--allow_net", "127.0.0.0/8")
            .option("--dns", server)
    };
    let trusting = job(format!("tls://127.0.0.1:{port}"));
    let roots = trusting.file("roots.pem", &certificates.authority_pem);
    let trusting = trusting.env("SSL_CERT_FILE", &roots);
    trusting.succeed();
    let rows = rows_by_url(&trusting.output());
    assert!(
        rows.values()
            .all(|row| row["status"].as_deref() == Some("success"))
    );

    for (server, roots) in [
        // A certificate for another name, and one that nobody vouches for.
        (format!("tls://127.0.0.1:{port}#other.example"), Some(roots)),
        (format!("tls://127.0.0.1:{port}"), None),
    ] {
        let mut job = job(server);
        if let Some(roots) = roots {
            job = job.env("SSL_CERT_FILE", roots);
        }
        let outcome = job.succeed();
        let rows = rows_by_url(&job.output());
        assert!(
            rows.values()
                .all(|row| row["error_message"].as_deref() == Some("dns failure")),
            "{rows:?}"
        );
        assert!(outcome.stderr.contains("got no answer"), "{outcome}");
    }
}

/// A name server over HTTPS (RFC 8484) at `/names`: every `*.ok.test` has its address. Gives its port.
fn https_server(runtime: &Runtime, config: &ServerConfig) -> u16 {
    let mut config = config.clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listening = tokio::net::TcpListener::bind("127.0.0.1:0");
    let listener = runtime.block_on(listening).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            // A client that goes away is no fault of the server.
            tokio::spawn(async move {
                let stream = acceptor.accept(stream).await.ok()?;
                let mut connection = h2::server::handshake(stream).await.ok()?;
                while let Some(Ok((request, respond))) = connection.accept().await {
                    tokio::spawn(answer_https(request, respond));
                }
                Some(())
            });
        }
    });
    port
}

async fn answer_https(
    request: http::Request<h2::RecvStream>,
    mut to: h2::server::SendResponse<bytes::Bytes>,
) -> Option<()> {
    let is_ours = request.uri().path() == "/names" && request.method() == http::Method::POST;
    let mut body = request.into_body();
    let mut query = Vec::new();
    while let Some(part) = body.data().await {
        query.extend_from_slice(&part.ok()?);
    }
    let reply = respond(&query, turbo2ds_tests::dns::answer).filter(|_| is_ours)?;
    let head = http::Response::builder()
        .header("content-type", "application/dns-message")
        .header("content-length", reply.len());
    let mut stream = to.send_response(head.body(()).ok()?, false).ok()?;
    stream.send_data(reply.into(), true).ok()
}

#[test]
fn names_are_resolved_over_https() {
    let web = Web::start(Ports::default()).unwrap();
    let certificates = Certificates::generate().unwrap();
    let runtime = Runtime::new().unwrap();
    let port = https_server(&runtime, &certificates.server);
    let urls: Vec<String> = (0..30)
        .map(|n| web.url_at(&format!("h{n}.ok.test"), "/img/1.jpg"))
        .collect();
    let job = Job::strict("list.txt", urls.join("\n"))
        .option("--allow_net", "127.0.0.0/8")
        .option("--dns", format!("https://127.0.0.1:{port}/names"));
    let roots = job.file("roots.pem", &certificates.authority_pem);
    let job = job.env("SSL_CERT_FILE", roots);
    let outcome = job.succeed();
    let rows = rows_by_url(&job.output());
    assert!(
        rows.values()
            .all(|row| row["status"].as_deref() == Some("success")),
        "{outcome}"
    );
}

/// A listener at [::1] whose queue is full: the kernel lets further connections hang. `None` where
/// there is no IPv6 loopback.
fn hanging_ipv6(runtime: &Runtime, port: u16) -> Option<impl Sized + use<>> {
    let _inside = runtime.enter();
    let socket = tokio::net::TcpSocket::new_v6().ok()?;
    let addr = (Ipv6Addr::LOCALHOST, port).into();
    socket.bind(addr).ok()?;
    let listener = socket.listen(1).expect("a bound socket can listen");
    let wait = Duration::from_millis(300);
    let fill = || TcpStream::connect_timeout(&addr, wait).ok();
    let queued: Vec<TcpStream> = std::iter::from_fn(fill).take(8).collect();
    assert!(queued.len() < 8, "the queue is full by now");
    Some((listener, queued))
}

#[test]
fn a_host_that_is_silent_over_ipv6_is_reached_over_ipv4_after_the_head_start() {
    let web = Web::start(Ports::default()).unwrap();
    let runtime = Runtime::new().unwrap();
    let Some(_hanging) = hanging_ipv6(&runtime, web.ports().http) else {
        eprintln!("SKIPPED: no IPv6 loopback");
        return;
    };
    let url = web.url_at("both.example", "/img/1.jpg");
    let job = Job::strict("list.txt", &url)
        .option("--allow_net", "127.0.0.0/8,::1/128")
        .option("--resolve", "both.example:::1,both.example:127.0.0.1")
        .option("--timeout", "30");
    let outcome = job.succeed();
    let rows = rows_by_url(&job.output());
    assert_eq!(
        rows[&url]["status"].as_deref(),
        Some("success"),
        "{outcome}"
    );
    // One address after the other, each with its share of the time, would take half of it.
    assert!(outcome.took < Duration::from_secs(10), "{:?}", outcome.took);
}
