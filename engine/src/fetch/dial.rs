//! Owns getting a connection for a target: from the pool, through a proxy, or to one of the host's
//! allowed addresses. Never sends a request for a resource.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use monoio::net::TcpStream;
use monoio::time::timeout;

use super::{Deadline, Fetcher};
use crate::failure::Failure;
use crate::http::{HeadParse, Host, Proxy, Scheme, Target, parse_head, write_connect};
use crate::net::{ConnectError, PoolKey, Transport, connect};

/// Pause after this machine ran short of descriptors, ports or memory.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(50);
/// Concurrent connection attempts to one host: each holds a descriptor.
const ATTEMPTS_MAX: usize = 2;
/// Head start of an attempt before the next one starts with the other address family (RFC 8305, section
/// 8).
const FAMILY_HEAD_START: Duration = Duration::from_millis(250);
/// Head start before the next attempt with the same family. Addresses of one family usually fail
/// together, and a distant host must not get two attempts for every connection.
const HEAD_START: Duration = Duration::from_secs(1);
/// Longest lookup of a name before a proxied request: most of the row's time is left for the proxy.
const PROXIED_NAME_MAX: Duration = Duration::from_secs(2);
/// Largest response of a proxy to CONNECT.
const CONNECT_ANSWER_BYTES: usize = 8 * 1024;

/// A connection that is ready for a request.
pub(super) struct Dialled {
    pub(super) transport: Transport,
    /// Whether it served another request before.
    pub(super) reused: bool,
}

impl Fetcher {
    /// The pool's key for connections to `target`.
    pub(super) fn pool_key(target: &Target) -> PoolKey {
        let host = match &target.host {
            Host::Name(name) => name.to_string(),
            Host::Addr(address) => address.to_string(),
        };
        PoolKey {
            scheme: target.scheme,
            host,
            port: target.port,
        }
    }

    /// A pooled connection if there is one and `fresh` is not set, otherwise a new one.
    pub(super) async fn dial(
        &self,
        target: &Target,
        key: &PoolKey,
        fresh: bool,
        deadline: &Deadline,
    ) -> Result<Dialled, Failure> {
        if !fresh && let Some(transport) = self.pool.borrow_mut().take(key, Instant::now()) {
            return Ok(Dialled {
                transport,
                reused: true,
            });
        }
        let socket = match self.proxies.for_target(target) {
            Some(proxy) => {
                self.check_proxied(target, deadline).await?;
                self.dial_proxy(proxy, target, deadline).await?
            }
            None => self.dial_host(target, deadline).await?,
        };
        let transport = match target.scheme {
            Scheme::Http => Transport::plain(socket),
            Scheme::Https => Transport::tls(&self.tls, socket, &key.host).await?,
        };
        Ok(Dialled {
            transport,
            reused: false,
        })
    }

    /// Refuses targets that must not be requested through a proxy either: an address that is not
    /// allowed, and a name with any such address, since the proxy chooses among them. A name that
    /// cannot be resolved here is left to the proxy, which may be the only one to know it. A server
    /// that answers the proxy differently could do so for any name.
    async fn check_proxied(&self, target: &Target, deadline: &Deadline) -> Result<(), Failure> {
        let allows = |addresses: &[IpAddr]| {
            let mut addresses = addresses.iter();
            addresses.all(|&address| self.policy.allows(address))
        };
        let is_allowed = match &target.host {
            Host::Addr(address) => allows(&[*address]),
            Host::Name(_) if self.config.proxy_resolves => true,
            Host::Name(name) => {
                let found = timeout(PROXIED_NAME_MAX, self.names.resolve(name));
                if let Ok(Ok(addresses)) = deadline.resolving(found).await {
                    allows(&addresses)
                } else {
                    self.warn_unresolved();
                    true
                }
            }
        };
        is_allowed.then_some(()).ok_or(Failure::AddressNotAllowed)
    }

    fn warn_unresolved(&self) {
        if !self.unresolved_warned.replace(true) {
            tracing::warn!(
                "some names are not found here and are left to the proxy; --proxy_resolves True leaves all \
                 of them to it and saves the look-ups"
            );
        }
    }

    /// Starts resolving the name of `target` before its row is due.
    pub(crate) fn look_ahead(&self, target: &Target) {
        let is_left_to_proxy =
            || self.config.proxy_resolves && self.proxies.for_target(target).is_some();
        if let Host::Name(name) = &target.host
            && !is_left_to_proxy()
        {
            self.names.look_ahead(name);
        }
    }

    async fn dial_host(&self, target: &Target, deadline: &Deadline) -> Result<TcpStream, Failure> {
        let resolved;
        let literal;
        let addresses: &[IpAddr] = match &target.host {
            Host::Name(name) => {
                resolved = deadline.resolving(self.names.resolve(name)).await?;
                &resolved
            }
            Host::Addr(address) => {
                literal = [*address];
                &literal
            }
        };
        let allowed: Vec<IpAddr> = addresses
            .iter()
            .copied()
            .filter(|&address| self.policy.allows(address))
            .collect();
        if allowed.is_empty() {
            return Err(Failure::AddressNotAllowed);
        }
        self.dial_any(&allowed, target.port, deadline).await
    }

    /// Tries the addresses in turn until one connects (RFC 8305). The next attempt starts when one
    /// fails or its head start is over. The time left is shared among the remaining addresses.
    async fn dial_any(
        &self,
        addresses: &[IpAddr],
        port: u16,
        deadline: &Deadline,
    ) -> Result<TcpStream, Failure> {
        let order = attempt_order(addresses);
        let attempt = |at: usize| {
            let left = u32::try_from(order.len() - at).unwrap_or(u32::MAX);
            self.dial_address(SocketAddr::new(order[at], port), left, deadline)
        };
        if order.len() == 1 {
            return attempt(0).await;
        }
        let mut racing = FuturesUnordered::new();
        let mut next = 0;
        let mut last = Failure::ConnectionRefused;
        loop {
            if racing.len() < ATTEMPTS_MAX && next < order.len() {
                racing.push(attempt(next));
                next += 1;
            }
            let may_start = racing.len() < ATTEMPTS_MAX && next < order.len();
            let ended = if may_start {
                let head_start = head_start(order[next - 1], order[next]);
                // When it is over, the next attempt starts while the others go on.
                timeout(head_start, racing.next()).await.ok()
            } else {
                Some(racing.next().await)
            };
            match ended {
                Some(Some(Ok(socket))) => return Ok(socket),
                Some(Some(Err(failure))) => last = failure,
                Some(None) if next == order.len() => return Err(last),
                Some(None) | None => {}
            }
        }
    }

    /// Tries one of the `left` remaining addresses. Waits out a shortage of this machine with the
    /// deadline paused; the wait does not count against the address's share either.
    async fn dial_address(
        &self,
        address: SocketAddr,
        left: u32,
        deadline: &Deadline,
    ) -> Result<TcpStream, Failure> {
        loop {
            match deadline.bound_share(left, connect(address)).await {
                Some(Ok(socket)) => {
                    self.outage.host_answered(Some(address));
                    return Ok(socket);
                }
                Some(Err(ConnectError::Remote(failure))) => {
                    if failure == Failure::ConnectionRefused {
                        self.outage.host_answered(None);
                    }
                    return Err(failure);
                }
                Some(Err(ConnectError::Local(error))) => {
                    if self.shortages.replace(self.shortages.get() + 1) == 0 {
                        tracing::warn!(%error, "this machine is short of sockets; waiting");
                    }
                    self.pool.borrow_mut().clear();
                    deadline.paused(monoio::time::sleep(SHORTAGE_PAUSE)).await;
                }
                None => return Err(Failure::TimedOut),
            }
        }
    }

    /// A socket to the proxy, and for https a tunnel through it. The user chose the proxy, so the
    /// address policy does not apply to it.
    async fn dial_proxy(
        &self,
        proxy: &Proxy,
        target: &Target,
        deadline: &Deadline,
    ) -> Result<TcpStream, Failure> {
        let addresses = match &proxy.host {
            Host::Name(name) => deadline.resolving(self.names.resolve(name)).await?.to_vec(),
            Host::Addr(address) => vec![*address],
        };
        let socket = self.dial_any(&addresses, proxy.port, deadline).await?;
        if target.scheme == Scheme::Http {
            return Ok(socket);
        }
        self.open_tunnel(socket, proxy, target).await
    }

    async fn open_tunnel(
        &self,
        socket: TcpStream,
        proxy: &Proxy,
        target: &Target,
    ) -> Result<TcpStream, Failure> {
        let mut request = Vec::with_capacity(256);
        let authority = target.connect_authority();
        let authorization = proxy.authorization.as_deref();
        write_connect(
            &mut request,
            &authority,
            self.config.sender.user_agent(),
            authorization,
        );
        let mut transport = Transport::plain(socket);
        transport.write_all(request).await?;
        let mut answer = Vec::with_capacity(CONNECT_ANSWER_BYTES);
        loop {
            if answer.len() == answer.capacity() {
                return Err(Failure::HeaderTooLarge);
            }
            if transport.read(&mut answer).await? == 0 {
                return Err(Failure::ConnectionClosed);
            }
            if let HeadParse::Complete { head, consumed } = parse_head(&answer)? {
                return match (head.status, transport) {
                    // The server must not send anything through the tunnel before the client does.
                    (200..=299, _) if consumed < answer.len() => Err(Failure::MalformedResponse),
                    (200..=299, Transport::Plain(stream)) => Ok(stream.into_socket()),
                    (status, _) => Err(Failure::HttpStatus(status)),
                };
            }
        }
    }
}

/// The order in which a host's addresses are tried: alternating families, starting with IPv6 (RFC 8305,
/// section 4), each in the order given.
fn attempt_order(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let (v6, v4): (Vec<IpAddr>, Vec<IpAddr>) = addresses.iter().partition(|one| one.is_ipv6());
    let mut order = Vec::with_capacity(addresses.len());
    let (mut v6, mut v4) = (v6.into_iter(), v4.into_iter());
    loop {
        let before = order.len();
        order.extend(v6.next());
        order.extend(v4.next());
        if order.len() == before {
            return order;
        }
    }
}

fn head_start(of: IpAddr, before: IpAddr) -> Duration {
    if of.is_ipv6() == before.is_ipv6() {
        HEAD_START
    } else {
        FAMILY_HEAD_START
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addrs(list: &[&str]) -> Vec<IpAddr> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_alternate_starting_with_ipv6() {
        let given = addrs(&[
            "192.0.2.1",
            "192.0.2.2",
            "192.0.2.3",
            "2001:db8::1",
            "2001:db8::2",
        ]);
        let order = [
            "2001:db8::1",
            "192.0.2.1",
            "2001:db8::2",
            "192.0.2.2",
            "192.0.2.3",
        ];
        assert_eq!(attempt_order(&given), addrs(&order));
        assert_eq!(attempt_order(&given[..3]), given[..3]);
    }

    #[test]
    fn the_head_start_is_shorter_before_the_other_family() {
        let [v4, v6] = [addrs(&["192.0.2.1"])[0], addrs(&["::1"])[0]];
        assert_eq!(head_start(v6, v4), Duration::from_millis(250));
        assert!(head_start(v4, v4) > head_start(v6, v4));
    }
}
