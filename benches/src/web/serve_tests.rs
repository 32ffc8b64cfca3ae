//! The servers over real sockets: what the world decides is what a client sees.

use std::net::UdpSocket;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::web::{Shares, dns};

/// Shares that make everything happen within some hundred rows.
const SHARES: Shares = Shares {
    unknown_names: 0.1,
    failing_names: 0.1,
    refusing_hosts: 0.1,
    silent_hosts: 0.1,
    closing_hosts: 0.5,
    missing: 0.1,
    forbidden: 0.1,
    too_many: 0.1,
    unavailable: 0.1,
    moved: 0.1,
    cut: 0.1,
    stalled: 0.1,
    placeholders: 0.1,
};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn site() -> Arc<Site> {
    let folder = tempfile::tempdir().unwrap();
    Pool::draw(folder.path(), 3, 1, 0.01).unwrap();
    Arc::new(Site {
        world: World::new(1, SHARES).unwrap(),
        pool: Pool::read(folder.path()).unwrap(),
        latency_scale: 0.0,
        served: Served::default(),
    })
}

/// A port that is free at the first of the addresses, and so at all of them.
async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.1.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

/// The first row on a host that is alive with this outcome.
fn row_of(world: &World, outcome: Outcome) -> (u64, Host) {
    (0..)
        .map(|row| (row, world.host(world.host_of_row(row))))
        .find(|&(row, host)| host.fate == Fate::Alive && world.outcome(row) == outcome)
        .unwrap()
}

async fn connect(host: &Host, port: u16, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect((host.address(), port)).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        host.name()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Receives until the declared length is there or the server closes.
async fn received(mut stream: TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let len = head.split("Content-Length: ").nth(1).unwrap();
            let len: usize = len.split("\r\n").next().unwrap().parse().unwrap();
            if bytes.len() >= end + 4 + len {
                return (head, bytes.split_off(end + 4));
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            let end = bytes
                .windows(4)
                .position(|four| four == b"\r\n\r\n")
                .unwrap();
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            return (head, bytes.split_off(end + 4));
        }
    }
}

#[test]
fn every_outcome_is_what_a_client_sees() {
    let site = site();
    runtime().block_on(async {
        let port = free_port().await;
        listen(port, &site, None).unwrap();
        for (outcome, status) in [
            (Outcome::Image, "200"),
            (Outcome::Placeholder, "200"),
            (Outcome::Missing, "404"),
            (Outcome::Forbidden, "403"),
            (Outcome::TooMany, "429"),
            (Outcome::Unavailable, "503"),
            (Outcome::Moved, "302"),
        ] {
            let (row, host) = row_of(&site.world, outcome);
            let stream = connect(&host, port, &format!("/photos/{row}.jpg")).await;
            let (head, body) = received(stream).await;
            assert!(
                head.starts_with(&format!("HTTP/1.1 {status}")),
                "{outcome:?}: {head}"
            );
            let image = site.pool.get(site.world.image_of_row(row, 3));
            assert_eq!(body == image.file, outcome == Outcome::Image, "{outcome:?}");
            if outcome == Outcome::Moved {
                let target = site.world.moved_to(row);
                assert!(head.contains(&format!(
                    "Location: http://{}/moved/{row}.jpg",
                    target.name()
                )));
                let stream = connect(&target, port, &format!("/moved/{row}.jpg")).await;
                assert_eq!(received(stream).await.1, image.file);
            }
        }
        let (row, host) = row_of(&site.world, Outcome::Cut);
        let (head, body) =
            received(connect(&host, port, &format!("/photos/{row}.jpg")).await).await;
        let image = site.pool.get(site.world.image_of_row(row, 3));
        assert!(head.contains("200 OK") && body.len() < image.file.len());
    });
    assert_eq!(site.served.requests.load(Ordering::Relaxed), 9);
}

#[test]
fn silent_hosts_and_stalled_bodies_say_no_more_and_refusing_hosts_refuse() {
    let site = site();
    runtime().block_on(async {
        let port = free_port().await;
        listen(port, &site, None).unwrap();
        let of_fate = |fate| {
            let hosts = (1..).map(|number| site.world.host(number));
            hosts.into_iter().find(|host| host.fate == fate).unwrap()
        };
        let mut silent = connect(&of_fate(Fate::Silent), port, "/photos/1.jpg").await;
        let quiet = timeout(Duration::from_millis(200), silent.read_u8()).await;
        assert!(quiet.is_err(), "{quiet:?}");

        let (row, host) = row_of(&site.world, Outcome::Stalled);
        let stalled = connect(&host, port, &format!("/photos/{row}.jpg")).await;
        assert!(
            timeout(Duration::from_millis(200), received(stalled))
                .await
                .is_err()
        );

        let refusing = of_fate(Fate::Refuses);
        assert!(
            TcpStream::connect((refusing.address(), port))
                .await
                .is_err()
        );
    });
}

#[test]
fn names_are_answered_by_the_fate_of_their_host() {
    let site = site();
    let port = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let answers = runtime().block_on(async {
        dns::listen(port, Arc::clone(&site), (0, 0)).await.unwrap();
        let client = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut answers = Vec::new();
        for number in 1..60 {
            let host = site.world.host(number);
            let mut query = Message::new(number as u16, MessageType::Query, OpCode::Query);
            query.add_query(Query::query(
                Name::from_ascii(host.name()).unwrap(),
                RecordType::A,
            ));
            client
                .send_to(&query.to_vec().unwrap(), ("127.0.0.1", port))
                .await
                .unwrap();
            let mut buffer = [0; 512];
            let len = client.recv(&mut buffer).await.unwrap();
            answers.push((host, Message::from_vec(&buffer[..len]).unwrap()));
        }
        answers
    });
    for (host, answer) in answers {
        let code = match host.fate {
            Fate::UnknownName => ResponseCode::NXDomain,
            Fate::FailingName => ResponseCode::ServFail,
            _ => ResponseCode::NoError,
        };
        assert_eq!(answer.metadata.response_code, code, "{host:?}");
        let addresses: Vec<_> = answer
            .answers
            .iter()
            .map(|record| record.data.clone())
            .collect();
        if code == ResponseCode::NoError {
            assert_eq!(addresses, [RData::A(host.address().into())]);
        }
    }
}
