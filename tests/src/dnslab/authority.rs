//! Owns what each server answers: zones, referrals with and without glue, aliases, missing names, and
//! faults. Never loses or delays a message itself: it only decides how long a server takes and which
//! messages it drops.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, Metadata, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, NS, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::mixed;
use super::population::{
    CDNS, Fault, Host, PROVIDERS, Population, Role, TLDS, addresses, alias_target, cdn_domain,
    host_of_provider, provider_domain, role_at,
};

const ZONE_TTL_S: u32 = 86_400;
const HOST_TTL_S: u32 = 300;
const NEGATIVE_TTL_S: u32 = 120;

/// Every server of the hierarchy.
#[derive(Clone, Copy, Debug)]
pub struct Authority {
    /// The names served.
    pub population: Population,
}

/// What a name asked for is, to the server asked.
enum Found {
    Address(Ipv4Addr),
    Alias(String),
    /// Exists, with nothing of the type asked.
    Nothing,
    NoSuchName,
    Below(Zone),
    NotOurs,
}

/// A zone below and its servers.
struct Zone {
    name: String,
    /// Names of servers, with their addresses where the referral may give them.
    servers: Vec<(String, Option<Ipv4Addr>)>,
}

impl Authority {
    /// The servers of a population.
    pub fn new(population: Population) -> Self {
        Self { population }
    }

    /// The root servers, to begin with.
    pub fn roots(&self) -> Vec<IpAddr> {
        addresses(Role::Root)
            .into_iter()
            .map(IpAddr::from)
            .collect()
    }

    /// Every address a server stands at.
    pub fn all_addresses(&self) -> Vec<Ipv4Addr> {
        let mut roles = vec![Role::Root];
        roles.extend((0..TLDS.len()).filter_map(|tld| Some(Role::Tld(u8::try_from(tld).ok()?))));
        roles.extend((0..PROVIDERS).map(Role::Provider));
        roles.extend((0..CDNS).map(Role::Cdn));
        for fault in Fault::ALL {
            roles.extend((0..self.population.pairs).map(|pair| Role::Pair {
                fault,
                pair,
                first: true,
            }));
        }
        roles.into_iter().flat_map(addresses).collect()
    }

    /// From question to answer, over the network and back.
    pub fn round_trip(&self, server: Ipv4Addr) -> Duration {
        let base = mixed(self.population.seed, u64::from(u32::from(server))) % 60 + 4;
        match role_at(server) {
            Some(Role::Pair {
                fault: Fault::Slow, ..
            }) => Duration::from_millis(900),
            _ => Duration::from_millis(base),
        }
    }

    /// Whether the server drops the `n`th question it gets.
    pub fn drops(&self, server: Ipv4Addr, n: u64) -> bool {
        let half = matches!(
            role_at(server),
            Some(Role::Pair {
                fault: Fault::HalfLost,
                ..
            })
        );
        half && mixed(self.population.seed ^ u64::from(u32::from(server)), n) & 1 == 1
    }

    /// The server's answer, or silence.
    pub fn answer(&self, server: Ipv4Addr, query: &[u8], tcp: bool) -> Option<Vec<u8>> {
        let query = Message::from_vec(query).ok()?;
        if query.metadata.message_type != MessageType::Query {
            return None;
        }
        let question = query.queries.first()?.clone();
        let role = role_at(server)?;
        let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
        reply.metadata = Metadata::response_from_request(&query.metadata);
        reply.add_query(question.clone());
        let has_edns = query.edns.is_some();
        if let Some(code) = fault_code(role, has_edns)? {
            reply.metadata.response_code = code;
            return reply.to_vec().ok();
        }
        if has_edns {
            reply.set_edns(Edns::new());
        }
        match role {
            Role::Pair {
                fault: Fault::OneLame,
                first: true,
                ..
            } => {
                refer(&mut reply, &root_zone());
                return reply.to_vec().ok();
            }
            Role::Pair {
                fault: Fault::Truncates,
                ..
            } if !tcp => {
                reply.metadata.truncation = true;
                return reply.to_vec().ok();
            }
            Role::Pair {
                fault: Fault::LowerCases,
                ..
            } => {
                let lower = question.name().to_lowercase();
                reply.queries = vec![Query::query(lower, question.query_type())];
            }
            _ => {}
        }
        if question.name().is_root() && role == Role::Root {
            prime(&mut reply);
            return reply.to_vec().ok();
        }
        let name = question.name().to_ascii().to_ascii_lowercase();
        let name = name.trim_end_matches('.');
        self.fill(&mut reply, role, name, &question)?;
        reply.to_vec().ok()
    }

    fn fill(&self, reply: &mut Message, role: Role, name: &str, question: &Query) -> Option<()> {
        reply.metadata.authoritative = true;
        let owner = question.name().clone();
        match self.find(role, name) {
            Found::Address(addr) if question.query_type() == RecordType::A => {
                reply.add_answer(Record::from_rdata(owner, HOST_TTL_S, RData::A(A(addr))));
            }
            Found::Address(_) if question.query_type() == RecordType::AAAA => {
                match self.population.address6(name) {
                    Some(addr) => {
                        let data = RData::AAAA(AAAA(addr));
                        reply.add_answer(Record::from_rdata(owner, HOST_TTL_S, data));
                    }
                    None => add_soa(reply, name),
                }
            }
            Found::Alias(target) => {
                let target = RData::CNAME(CNAME(Name::from_ascii(target + ".").ok()?));
                reply.add_answer(Record::from_rdata(owner, HOST_TTL_S, target));
            }
            Found::Address(_) | Found::Nothing => add_soa(reply, name),
            Found::NoSuchName => {
                reply.metadata.response_code = ResponseCode::NXDomain;
                add_soa(reply, name);
            }
            Found::Below(zone) => {
                reply.metadata.authoritative = false;
                refer(reply, &zone);
            }
            Found::NotOurs => {
                reply.metadata.authoritative = false;
                reply.metadata.response_code = ResponseCode::Refused;
            }
        }
        Some(())
    }

    fn find(&self, role: Role, name: &str) -> Found {
        let labels: Vec<&str> = name.split('.').collect();
        let [above @ .., label, tld] = &labels[..] else {
            return self.find_tld(role, name);
        };
        match role {
            Role::Root => self.find_tld(role, tld),
            Role::Tld(at) if TLDS.get(usize::from(at)) == Some(tld) => self.below_tld(label, tld),
            Role::Tld(_) => Found::NotOurs,
            Role::Provider(here) if guest_or_self(here, &format!("{label}.{tld}")).is_some() => {
                let owner = guest_or_self(here, &format!("{label}.{tld}")).unwrap_or(here);
                self.infrastructure(Role::Provider(owner), above)
            }
            Role::Cdn(cdn) if format!("{label}.{tld}") == cdn_domain(cdn) => match above {
                [one] if one.starts_with("ns") => self.infrastructure(role, above),
                [_] => Found::Address(self.population.address(name)),
                _ => Found::NoSuchName,
            },
            Role::Cdn(_) => Found::NotOurs,
            Role::Provider(_) | Role::Pair { .. } => self.hosted(role, name, above, label, tld),
        }
    }

    fn find_tld(&self, role: Role, tld: &str) -> Found {
        let at = TLDS.iter().position(|one| *one == tld);
        match (role, at.and_then(|at| u8::try_from(at).ok())) {
            (Role::Root, Some(at)) => {
                let servers = addresses(Role::Tld(at)).into_iter().enumerate();
                Found::Below(Zone {
                    name: tld.into(),
                    servers: servers
                        .map(|(n, addr)| (format!("ns{n}.nic.{tld}"), Some(addr)))
                        .collect(),
                })
            }
            (Role::Root, None) => Found::NoSuchName,
            _ => Found::NotOurs,
        }
    }

    fn below_tld(&self, label: &str, tld: &str) -> Found {
        let name = format!("{label}.{tld}");
        let numbered = |prefix: &str| label.strip_prefix(prefix)?.parse::<u8>().ok();
        let operator = match (numbered("prov"), numbered("cdn")) {
            (Some(at), _) if provider_domain(at) == name => Some(Role::Provider(at)),
            (_, Some(at)) if cdn_domain(at) == name => Some(Role::Cdn(at)),
            _ => None,
        };
        if let Some(role) = operator {
            let servers = match role {
                Role::Provider(at) if host_of_provider(at) != at => {
                    let host = host_of_provider(at);
                    let zone = provider_domain(host);
                    let same_tld = zone.ends_with(&format!(".{tld}"));
                    servers_of(Role::Provider(host), &zone, same_tld)
                }
                _ => servers_of(role, &name, true),
            };
            return Found::Below(Zone { name, servers });
        }
        let Some(domain) = self.population.domain(label, tld) else {
            return Found::NoSuchName;
        };
        if !self.population.is_registered(domain) {
            return Found::NoSuchName;
        }
        let servers = match self.population.host_of(domain) {
            Host::Provider(provider) => {
                let at = provider_domain(provider);
                let same_tld = at.ends_with(&format!(".{tld}"));
                servers_of(Role::Provider(provider), &at, same_tld)
            }
            Host::Pair(pair) => {
                let fault = domain.fault;
                let mut servers = servers_of(
                    Role::Pair {
                        fault,
                        pair,
                        first: true,
                    },
                    &name,
                    true,
                );
                if domain.number & 1 == 1 {
                    servers.reverse();
                }
                servers
            }
        };
        Found::Below(Zone { name, servers })
    }

    /// The operator's own zone: the names of its servers.
    fn infrastructure(&self, role: Role, above: &[&str]) -> Found {
        let [one] = above else {
            return Found::NoSuchName;
        };
        let number = one.strip_prefix("ns").and_then(|n| n.parse::<usize>().ok());
        let addr = number.and_then(|n| addresses(role).get(n).copied());
        addr.map_or(Found::NoSuchName, Found::Address)
    }

    /// A domain of the population, if it is hosted here.
    fn hosted(&self, role: Role, name: &str, above: &[&str], label: &str, tld: &str) -> Found {
        let Some(domain) = self.population.domain(label, tld) else {
            return Found::NotOurs;
        };
        let ours = match (role, self.population.host_of(domain)) {
            (Role::Provider(here), Host::Provider(host)) => here == host,
            (Role::Pair { fault, pair, .. }, Host::Pair(host)) => {
                fault == domain.fault && pair == host
            }
            _ => false,
        };
        if !ours {
            return Found::NotOurs;
        }
        match above {
            _ if domain.fault == Fault::NxDomain => Found::NoSuchName,
            ["www"] => match self.population.cdn_of(domain) {
                Some(cdn) => Found::Alias(alias_target(domain, cdn)),
                None => Found::Address(self.population.address(name)),
            },
            [] | ["img"] | ["x", "y"] => Found::Address(self.population.address(name)),
            ["y"] if domain.fault == Fault::EmptyNonTerminal => Found::NoSuchName,
            ["y"] => Found::Nothing,
            [one] if one.starts_with("ns") => self.infrastructure(role, above),
            _ => Found::NoSuchName,
        }
    }
}

/// The provider whose own zone this is, if it is served at `here`.
fn guest_or_self(here: u8, domain: &str) -> Option<u8> {
    [here, here.saturating_add(1)]
        .into_iter()
        .find(|&one| host_of_provider(one) == here && provider_domain(one) == domain)
}

/// What the server's fault makes of any question: silence (`None`), a bare code, or nothing special.
fn fault_code(role: Role, has_edns: bool) -> Option<Option<ResponseCode>> {
    let Role::Pair { fault, first, .. } = role else {
        return Some(None);
    };
    match fault {
        Fault::AllDead => None,
        Fault::OneDead if first => None,
        Fault::DropsEdns if has_edns => None,
        Fault::OneRefuses if first => Some(Some(ResponseCode::Refused)),
        Fault::OneServfails if first => Some(Some(ResponseCode::ServFail)),
        Fault::FormErrOnEdns if has_edns => Some(Some(ResponseCode::FormErr)),
        _ => Some(None),
    }
}

fn servers_of(role: Role, zone: &str, glue: bool) -> Vec<(String, Option<Ipv4Addr>)> {
    let servers = addresses(role).into_iter().enumerate();
    servers
        .map(|(n, addr)| (format!("ns{n}.{zone}"), glue.then_some(addr)))
        .collect()
}

fn root_zone() -> Zone {
    let servers = addresses(Role::Root).into_iter().enumerate();
    Zone {
        name: String::new(),
        servers: servers
            .map(|(n, addr)| (format!("{n}.root"), Some(addr)))
            .collect(),
    }
}

/// The root's own servers, for resolvers that ask for them first.
fn prime(reply: &mut Message) {
    refer(reply, &root_zone());
    reply.metadata.authoritative = true;
    reply.answers = std::mem::take(&mut reply.authorities);
}

fn refer(reply: &mut Message, zone: &Zone) {
    let Ok(owner) = Name::from_ascii(format!("{}.", zone.name)) else {
        return;
    };
    for (server, addr) in &zone.servers {
        let Ok(server) = Name::from_ascii(format!("{server}.")) else {
            continue;
        };
        let ns = RData::NS(NS(server.clone()));
        reply.add_authority(Record::from_rdata(owner.clone(), ZONE_TTL_S, ns));
        if let Some(addr) = addr {
            let glue = RData::A(A(*addr));
            reply.add_additional(Record::from_rdata(server, ZONE_TTL_S, glue));
        }
    }
}

/// The zone is taken to be the last two labels, or the only one.
fn add_soa(reply: &mut Message, name: &str) {
    let mut labels: Vec<&str> = name.rsplit('.').take(2).collect();
    if reply.metadata.response_code == ResponseCode::NXDomain && labels.len() == 2 {
        // The top-level domain denies what it does not refer to; deeper names are denied by theirs.
        labels.truncate(if name.split('.').count() > 2 { 2 } else { 1 });
    }
    labels.reverse();
    let Ok(zone) = Name::from_ascii(labels.join(".") + ".") else {
        return;
    };
    let soa = SOA::new(
        zone.clone(),
        zone.clone(),
        1,
        3600,
        600,
        86_400,
        NEGATIVE_TTL_S,
    );
    reply.add_authority(Record::from_rdata(zone, NEGATIVE_TTL_S, RData::SOA(soa)));
}
