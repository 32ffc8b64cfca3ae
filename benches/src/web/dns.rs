//! Owns the name server of the simulated web: answers for every host of [`super::World`] over UDP,
//! as the recursive resolver of a machine would. Never forwards.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use tokio::net::UdpSocket;
use turbo2ds_tests::dns::{self as names, Answer};

use super::serve::Site;
use super::{Fate, Host};

/// Largest query.
const QUERY_BYTES_MAX: usize = 4096;

/// Answers on 127.0.0.1 at `port`; `latency_ms` is the range an answer waits, drawn by its host.
///
/// # Errors
/// A port that is taken or not allowed.
pub async fn listen(port: u16, site: Arc<Site>, latency_ms: (u64, u64)) -> io::Result<()> {
    let socket = Arc::new(UdpSocket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?);
    tokio::spawn(async move {
        let mut buffer = vec![0; QUERY_BYTES_MAX];
        loop {
            // An error here is the ICMP of a client that has left.
            let Ok((len, peer)) = socket.recv_from(&mut buffer).await else {
                continue;
            };
            let Some((reply, wait)) = respond(&buffer[..len], &site, latency_ms) else {
                continue;
            };
            if wait.is_zero() {
                let _ = socket.send_to(&reply, peer).await;
                continue;
            }
            let socket = Arc::clone(&socket);
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                let _ = socket.send_to(&reply, peer).await;
            });
        }
    });
    Ok(())
}

/// The answer to a query and how long it waits; None for what is no query.
fn respond(query: &[u8], site: &Site, latency_ms: (u64, u64)) -> Option<(Vec<u8>, Duration)> {
    let mut host = None;
    let reply = names::respond(query, |name| {
        host = site.world.host_of(&name.to_ascii_lowercase());
        match host.map(|host| (host.fate, host)) {
            None | Some((Fate::UnknownName, _)) => Answer::Code(ResponseCode::NXDomain),
            Some((Fate::FailingName, _)) => Answer::Code(ResponseCode::ServFail),
            Some((_, host)) => Answer::Address(host.address()),
        }
    });
    Some((reply?, wait(host, latency_ms)))
}

fn wait(host: Option<Host>, (least, most): (u64, u64)) -> Duration {
    // A multiplicative hash (Knuth): near numbers wait differently.
    let draw = host.map_or(0, |host| host.number.wrapping_mul(2_654_435_761) >> 7);
    Duration::from_millis(least + draw % (most.saturating_sub(least) + 1))
}
