//! End to end: the network goes while a run is under way. Its rows wait; none is recorded as failed.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use turbo2ds_tests::dns::{Answer, respond};
use turbo2ds_tests::harness::{Job, Running, namespace, read};
use turbo2ds_tests::web::{Ports, Web};

const ROWS: u32 = 600;
/// A small picture after a while, so that a run is still under way when its network goes.
const PATH: &str = "/slow/20/1.jpg?w=64&h=48";
const DOWN: &str = "the network seems to be down";

/// One row a host, so that no connection is used twice.
fn host(row: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x7F1E_0000 + row)
}

fn job(web: &Web, urls: Vec<String>) -> Job {
    Job::of_urls(web, urls)
        .option("--number_sample_per_shard", "50")
        .option("--timeout", "2")
        .option("--thread_count", "8")
        .option("--processes_count", "1")
}

/// A run over hosts by their addresses.
fn literal_job(web: &Web) -> Job {
    let urls = (0..ROWS).map(|row| web.url_at(&host(row).to_string(), PATH));
    job(web, urls.collect())
}

/// A run in a namespace of the test's own, its network taken down in the middle; none where this process
/// is not inside it.
fn cut_off(test: &str, outage_wait: &str) -> Option<(Web, Job, Running)> {
    if !namespace::is_inside(test) {
        return None;
    }
    namespace::own(&[]);
    let web = Web::start(Ports::default()).unwrap();
    let job = literal_job(&web).option("--outage_wait", outage_wait);
    let running = job.start();
    assert!(web.wait_for_requests(150));
    namespace::set_network(false);
    Some((web, job, running))
}

/// What the rows that failed say.
fn failures(job: &Job) -> Vec<String> {
    let rows = read::rows(&job.output()).into_iter();
    rows.filter_map(|mut row| row.remove("error_message")?)
        .collect()
}

fn assert_whole(job: &Job) {
    let rows = read::rows(&job.output());
    assert_eq!(rows.len(), ROWS as usize);
    for row in rows {
        assert_eq!(row["error_message"], None, "{row:?}");
    }
}

#[test]
fn rows_wait_for_a_network_that_goes_and_comes_back() {
    let test = "rows_wait_for_a_network_that_goes_and_comes_back";
    let Some((_web, job, running)) = cut_off(test, "600") else {
        return;
    };
    running.wait_until_said(DOWN);
    namespace::set_network(true);
    let outcome = running.finish();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert!(outcome.stderr.contains("the network is back"), "{outcome}");
    assert_whole(&job);
}

#[test]
fn a_network_that_stays_away_ends_the_run_and_the_same_command_goes_on() {
    let test = "a_network_that_stays_away_ends_the_run_and_the_same_command_goes_on";
    let Some((_web, job, running)) = cut_off(test, "2") else {
        return;
    };
    let outcome = running.finish();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stderr.contains("since 2 s"), "{outcome}");
    namespace::set_network(true);
    job.succeed();
    assert_whole(&job);
}

#[test]
fn an_interrupt_does_not_wait_for_the_network() {
    let test = "an_interrupt_does_not_wait_for_the_network";
    let Some((_web, job, running)) = cut_off(test, "600") else {
        return;
    };
    running.wait_until_said(DOWN);
    running.interrupt();
    let outcome = running.finish();
    assert_eq!(outcome.code, Some(130), "{outcome}");
    namespace::set_network(true);
    job.succeed();
    assert_whole(&job);
}

/// A name server that knows every name, until it is silenced.
fn name_server() -> (String, Arc<AtomicBool>) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let silent = Arc::new(AtomicBool::new(false));
    let seen = silent.clone();
    std::thread::spawn(move || {
        let mut query = [0; 4096];
        while let Ok((length, peer)) = socket.recv_from(&mut query) {
            let answer = Answer::Address(host(0));
            if !seen.load(Ordering::SeqCst)
                && let Some(reply) = respond(&query[..length], |_| answer)
            {
                socket.send_to(&reply, peer).unwrap();
            }
        }
    });
    (address, silent)
}

#[test]
fn rows_wait_for_name_servers_that_go_silent() {
    let web = Web::start(Ports::default()).unwrap();
    let (server, silent) = name_server();
    // Far more names than are asked ahead.
    let rows = 2500;
    let urls = (0..rows).map(|row| web.url_at(&format!("h{row}.example"), PATH));
    let job = Job::of_urls(&web, urls)
        .option("--dns_servers", server)
        .option("--number_sample_per_shard", "50")
        .option("--timeout", "2")
        .option("--thread_count", "64")
        .option("--processes_count", "1");
    let running = job.start();
    assert!(web.wait_for_requests(150));
    silent.store(true, Ordering::SeqCst);
    running.wait_until_said(DOWN);
    silent.store(false, Ordering::SeqCst);
    let outcome = running.finish();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let rows_read = read::rows(&job.output());
    assert_eq!(rows_read.len(), rows);
    let failed = rows_read
        .iter()
        .filter(|row| row["error_message"].is_some());
    assert_eq!(failed.count(), 0, "{outcome}");
}

/// A name server that knows every name but those below `dead.example`, for which it is silent.
fn server_with_a_dead_zone() -> String {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut query = [0; 4096];
        while let Ok((length, peer)) = socket.recv_from(&mut query) {
            let mut is_dead = false;
            let reply = respond(&query[..length], |name| {
                is_dead = name.to_ascii_lowercase().contains(".dead.");
                Answer::Address(host(0))
            });
            if let Some(reply) = reply.filter(|_| !is_dead) {
                socket.send_to(&reply, peer).unwrap();
            }
        }
    });
    address
}

#[test]
fn a_dead_zone_is_no_outage() {
    let web = Web::start(Ports::default()).unwrap();
    for alive in [0, 20] {
        let dead = (0..50).map(|row| web.url_at(&format!("h{row}.dead.example"), PATH));
        let others = (0..alive).map(|row| web.url_at(&format!("h{row}.example"), PATH));
        let job = Job::of_urls(&web, others.chain(dead))
            .option("--dns_servers", server_with_a_dead_zone())
            .option("--timeout", "2")
            .option("--thread_count", "64");
        let outcome = job.succeed();
        assert!(!outcome.stderr.contains(DOWN), "{outcome}");
        assert_eq!(failures(&job), ["dns timed out"; 50]);
    }
}

/// A port that neither takes nor refuses connections: its backlog is full.
struct Deaf {
    port: u16,
    _listener: TcpListener,
    _backlog: Vec<TcpStream>,
}

impl Deaf {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut backlog = Vec::new();
        while let Ok(taken) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            backlog.push(taken);
        }
        Self {
            port,
            _listener: listener,
            _backlog: backlog,
        }
    }
}

#[test]
fn dead_hosts_at_the_end_of_a_list_are_no_outage() {
    let web = Web::start(Ports::default()).unwrap();
    let alive = (0..ROWS).map(|row| web.url_at(&host(row).to_string(), PATH));
    let deaf = Deaf::new();
    let dead = (0..200).map(|row| format!("http://{}:{}/1.jpg", host(row), deaf.port));
    let job = job(&web, alive.chain(dead).collect()).option("--thread_count", "64");
    let outcome = job.succeed();
    assert!(!outcome.stderr.contains(DOWN), "{outcome}");
    assert_eq!(failures(&job), ["timed out"; 200]);
}
