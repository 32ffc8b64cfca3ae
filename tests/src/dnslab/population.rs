//! Owns which domains exist, who hosts each, the addresses of the servers, and what a resolver must
//! find. Never reads or writes a message.
//!
//! A domain is named `CLASS` `NUMBER` `.` `TLD` (`refused17.net`), and everything about it follows from
//! its name and the seed. Hosts are `www.` and `img.` of a domain, and `x.y.` with an empty
//! non-terminal between.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::mixed;

/// Top-level domains.
pub const TLDS: [&str; 8] = ["com", "net", "org", "de", "io", "fr", "jp", "info"];
/// Servers of each.
pub const TLD_SERVERS: u8 = 4;
/// Servers of the root.
pub const ROOT_SERVERS: u8 = 3;
/// Hosting providers, of two servers each.
pub const PROVIDERS: u8 = 40;
/// Content networks, of two servers each.
pub const CDNS: u8 = 8;
/// Pairs of servers per class that address arithmetic has room for.
const PAIRS_MAX: u32 = 8192;

/// What is wrong with the servers of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Nothing.
    None,
    /// One of two servers never answers.
    OneDead,
    /// One of two servers refuses.
    OneRefuses,
    /// One of two servers answers SERVFAIL.
    OneServfails,
    /// One of two servers refers upwards.
    OneLame,
    /// Every answer over UDP is truncated.
    Truncates,
    /// A question with EDNS is a FORMERR.
    FormErrOnEdns,
    /// A question with EDNS is dropped.
    DropsEdns,
    /// NXDOMAIN for the empty non-terminal above the host.
    EmptyNonTerminal,
    /// The question comes back in lower case.
    LowerCases,
    /// 900 ms from question to answer.
    Slow,
    /// Every second question is dropped.
    HalfLost,
    /// No server ever answers.
    AllDead,
    /// The domain or the host does not exist.
    NxDomain,
}

impl Fault {
    /// All classes.
    pub const ALL: [Self; 14] = [
        Self::None,
        Self::OneDead,
        Self::OneRefuses,
        Self::OneServfails,
        Self::OneLame,
        Self::Truncates,
        Self::FormErrOnEdns,
        Self::DropsEdns,
        Self::EmptyNonTerminal,
        Self::LowerCases,
        Self::Slow,
        Self::HalfLost,
        Self::AllDead,
        Self::NxDomain,
    ];

    /// How the class begins a domain's name.
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "site",
            Self::OneDead => "onedead",
            Self::OneRefuses => "refused",
            Self::OneServfails => "servfail",
            Self::OneLame => "lame",
            Self::Truncates => "truncated",
            Self::FormErrOnEdns => "formerr",
            Self::DropsEdns => "ednsdrop",
            Self::EmptyNonTerminal => "ent",
            Self::LowerCases => "lower",
            Self::Slow => "slow",
            Self::HalfLost => "halfloss",
            Self::AllDead => "alldead",
            Self::NxDomain => "nx",
        }
    }

    fn place(self) -> u8 {
        let at = Self::ALL.iter().position(|one| *one == self);
        u8::try_from(at.unwrap_or_default()).unwrap_or_default()
    }
}

/// What a resolver must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// This address and no other.
    Address(Ipv4Addr),
    /// That there is none.
    NotFound,
    /// Nothing, within its time.
    Failure,
}

/// A domain of the population.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its class.
    pub fault: Fault,
    /// Its number within the class.
    pub number: u32,
    /// Which of [`TLDS`] it is in.
    pub tld: u8,
}

/// Who serves a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The servers of a provider.
    Provider(u8),
    /// A pair of servers of its class, named below the domain itself.
    Pair(u32),
}

/// Who stands at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A root server.
    Root,
    /// A server of a top-level domain.
    Tld(u8),
    /// A server of a provider.
    Provider(u8),
    /// A server of a content network.
    Cdn(u8),
    /// One of a pair; only the first has the faults that hit one of two.
    Pair {
        /// The class the pair is for.
        fault: Fault,
        /// Its number within the class.
        pair: u32,
        /// Whether it is the first of the two.
        first: bool,
    },
}

/// All names, by seed.
#[derive(Clone, Copy, Debug)]
pub struct Population {
    /// Decides everything a name does not say.
    pub seed: u64,
    /// Pairs of servers per class: many in memory, few where each address is a socket.
    pub pairs: u32,
}

impl Population {
    /// A population of that seed.
    pub fn new(seed: u64, pairs: u32) -> Self {
        let pairs = pairs.clamp(1, PAIRS_MAX);
        Self { seed, pairs }
    }

    /// The `n`th host of a class.
    pub fn host(&self, fault: Fault, n: u32) -> String {
        let prefix = match fault {
            Fault::EmptyNonTerminal => "x.y",
            _ if n.is_multiple_of(4) => "img",
            _ => "www",
        };
        let tld = TLDS[usize::from(self.tld_of(fault, n))];
        format!("{prefix}.{}{n}.{tld}", fault.label())
    }

    fn hash(&self, fault: Fault, number: u32, what: u64) -> u64 {
        let place = u64::from(number) << 16 | u64::from(fault.place()) << 8 | what;
        mixed(self.seed, place)
    }

    fn tld_of(&self, fault: Fault, number: u32) -> u8 {
        // Half of all domains are in the first.
        let draw = self.hash(fault, number, 1) % 16;
        u8::try_from(draw.saturating_sub(8)).unwrap_or_default() % 8
    }

    /// The domain spelled by its two labels, if there is one.
    pub fn domain(&self, label: &str, tld: &str) -> Option<Domain> {
        let digits = label.find(|c: char| c.is_ascii_digit())?;
        let (class, number) = label.split_at(digits);
        let fault = Fault::ALL.into_iter().find(|one| one.label() == class)?;
        let number: u32 = number.parse().ok()?;
        let tld_at = self.tld_of(fault, number);
        (TLDS[usize::from(tld_at)] == tld).then_some(Domain {
            fault,
            number,
            tld: tld_at,
        })
    }

    /// Whether the zone above refers to the domain.
    pub fn is_registered(&self, domain: Domain) -> bool {
        domain.fault != Fault::NxDomain || domain.number.is_multiple_of(2)
    }

    /// Who serves the domain.
    pub fn host_of(&self, domain: Domain) -> Host {
        let draw = self.hash(domain.fault, domain.number, 2);
        if domain.fault == Fault::None && draw % 100 < 75 {
            Host::Provider(u8::try_from((draw >> 8) % u64::from(PROVIDERS)).unwrap_or_default())
        } else {
            Host::Pair(domain.number % self.pairs)
        }
    }

    /// The content network `www` is an alias into, for some domains.
    pub fn cdn_of(&self, domain: Domain) -> Option<u8> {
        let draw = self.hash(domain.fault, domain.number, 3);
        let aliased = domain.fault == Fault::None && draw % 100 < 15;
        aliased.then(|| u8::try_from((draw >> 8) % u64::from(CDNS)).unwrap_or_default())
    }

    /// The address of any name that has one; not a loopback address, never a server's.
    pub fn address(&self, name: &str) -> Ipv4Addr {
        let hash = name.bytes().fold(self.seed, |hash, byte| {
            mixed(hash, u64::from(byte.to_ascii_lowercase()))
        });
        let [a, b, ..] = hash.to_le_bytes();
        Ipv4Addr::new(198, 18, a, b)
    }

    /// Some hosts have an IPv6 address as well.
    pub fn address6(&self, name: &str) -> Option<Ipv6Addr> {
        let [.., low] = self.address(name).octets();
        let segments = [0x2001, 0x200, 0, 0, 0, 0, 0, u16::from(low)];
        (name.starts_with("img.") && low % 2 == 0).then(|| segments.into())
    }

    /// What must be found for a host made by [`Population::host`].
    pub fn expected(&self, host: &str) -> Option<Expected> {
        let labels: Vec<&str> = host.split('.').collect();
        let [.., label, tld] = labels[..] else {
            return None;
        };
        let domain = self.domain(label, tld)?;
        Some(match domain.fault {
            Fault::AllDead => Expected::Failure,
            Fault::NxDomain => Expected::NotFound,
            _ => Expected::Address(match self.cdn_of(domain) {
                Some(cdn) if labels[0] == "www" => self.address(&alias_target(domain, cdn)),
                _ => self.address(host),
            }),
        })
    }
}

/// Where `www` of an aliased domain leads.
pub fn alias_target(domain: Domain, cdn: u8) -> String {
    format!(
        "{}{}.{}",
        domain.fault.label(),
        domain.number,
        cdn_domain(cdn)
    )
}

/// The domain of a provider.
pub fn provider_domain(provider: u8) -> String {
    format!(
        "prov{provider}.{}",
        TLDS[usize::from(provider) % TLDS.len()]
    )
}

/// Whose servers serve a provider's own zone: some providers' zones are at another's, so that the
/// address of a server takes two look-ups.
pub fn host_of_provider(provider: u8) -> u8 {
    if provider % 4 == 3 {
        provider - 1
    } else {
        provider
    }
}

/// The domain of a content network.
pub fn cdn_domain(cdn: u8) -> String {
    format!("cdn{cdn}.{}", TLDS[usize::from(cdn) % TLDS.len()])
}

/// The addresses of the servers that play a role; of a pair both.
pub fn addresses(role: Role) -> Vec<Ipv4Addr> {
    let of = |b, c, count: u8| (1..=count).map(|d| Ipv4Addr::new(127, b, c, d)).collect();
    match role {
        Role::Root => of(1, 0, ROOT_SERVERS),
        Role::Tld(tld) => of(2, tld, TLD_SERVERS),
        Role::Provider(provider) => of(3, provider, 2),
        Role::Cdn(cdn) => of(4, cdn, 2),
        Role::Pair { fault, pair, .. } => {
            let [.., high, low] = (pair >> 2).to_be_bytes();
            let b = 16 + fault.place() * 8 + high;
            let d = u8::try_from(pair & 3).unwrap_or_default() * 2;
            vec![
                Ipv4Addr::new(127, b, low, d + 1),
                Ipv4Addr::new(127, b, low, d + 2),
            ]
        }
    }
}

/// The role of the server at an address.
pub fn role_at(addr: Ipv4Addr) -> Option<Role> {
    let [127, b, c, d] = addr.octets() else {
        return None;
    };
    match b {
        1 => Some(Role::Root),
        2 => Some(Role::Tld(c)),
        3 => Some(Role::Provider(c)),
        4 => Some(Role::Cdn(c)),
        16.. => {
            let fault = *Fault::ALL.get(usize::from(b - 16) / 8)?;
            let quarter = d.checked_sub(1)? / 2;
            let pair = (u32::from((b - 16) % 8) << 8 | u32::from(c)) << 2 | u32::from(quarter);
            let first = d % 2 == 1;
            Some(Role::Pair { fault, pair, first })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_the_role_it_was_made_for() {
        for fault in Fault::ALL {
            for pair in [0, 3, 4, 1023, 1024, 8191] {
                let role = |first| Role::Pair { fault, pair, first };
                let both = addresses(role(true));
                assert_eq!(role_at(both[0]), Some(role(true)));
                assert_eq!(role_at(both[1]), Some(role(false)));
            }
        }
        assert_eq!(role_at(addresses(Role::Tld(3))[2]), Some(Role::Tld(3)));
    }

    #[test]
    fn every_host_is_expected() {
        let population = Population::new(7, 100);
        for fault in Fault::ALL {
            for n in 0..100 {
                assert!(population.expected(&population.host(fault, n)).is_some());
            }
        }
    }
}
