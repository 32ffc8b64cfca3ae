//! Every class of fault, packet loss, and the bounds on queries and memory.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use turbo2ds_dns::DnsError;
use turbo2ds_dns::recursive::{Time, root_servers};

use crate::dnslab::population::{Host, Role, addresses, host_of_provider};
use crate::dnslab::{Authority, Expected, Fault, Population};
use crate::simulate::{Resolved, Simulation, settings};

const SEED: u64 = 20_240_601;

fn lab(pairs: u32) -> Authority {
    Authority::new(Population::new(SEED, pairs))
}

fn simulation(pairs: u32) -> Simulation {
    let authority = lab(pairs);
    Simulation::new(authority, settings(&authority), SEED)
}

fn is_as_expected(population: &Population, resolved: &Resolved) -> bool {
    match (population.expected(&resolved.name), &resolved.result) {
        (Some(Expected::Address(addr)), Ok(answer)) => *answer.addrs == [IpAddr::from(addr)],
        (Some(Expected::NotFound), Err(DnsError::NotFound)) => true,
        (Some(Expected::Failure), Err(DnsError::Failure | DnsError::TimedOut)) => true,
        _ => false,
    }
}

/// Resolves `count` hosts of a class; returns how many came out as they must.
fn right(simulation: &mut Simulation, fault: Fault, count: u32) -> usize {
    let population = simulation.authority.population;
    let names: Vec<String> = (0..count).map(|n| population.host(fault, n)).collect();
    let resolved = simulation.resolve(names, 200);
    assert_eq!(resolved.len(), count as usize);
    resolved
        .iter()
        .filter(|one| is_as_expected(&population, one))
        .count()
}

#[test]
fn every_class_with_one_healthy_server_resolves_every_name() {
    for fault in Fault::ALL {
        if fault == Fault::HalfLost {
            continue;
        }
        // Servers of many domains that the resolver gets to know, and servers of one domain each.
        for pairs in [16, 8192] {
            let mut simulation = simulation(pairs);
            let count = 1000;
            let right = right(&mut simulation, fault, count);
            eprintln!(
                "{fault:?}, {pairs} pairs: {right} of {count}, {:.2} queries each, {} by TCP",
                simulation.queries as f64 / f64::from(count),
                simulation.tcp_queries
            );
            assert_eq!(right, count as usize, "{fault:?} with {pairs} pairs");
        }
    }
}

#[test]
fn servers_that_drop_half_of_all_questions_still_answer_for_almost_every_name() {
    let mut simulation = simulation(8192);
    let right = right(&mut simulation, Fault::HalfLost, 2000);
    eprintln!("half lost: {right} of 2000");
    assert!(right >= 1980, "{right}");
}

#[test]
fn a_name_whose_servers_are_all_dead_fails_within_five_seconds_and_then_at_once() {
    let mut simulation = simulation(8192);
    let name = simulation.authority.population.host(Fault::AllDead, 1);
    let first = simulation.one(&name);
    assert_eq!(first.result, Err(DnsError::TimedOut));
    assert!(first.took <= Duration::from_secs(5), "{:?}", first.took);
    let queries = simulation.queries;
    let again = simulation.one(&name);
    assert_eq!(again.result, Err(DnsError::TimedOut));
    assert_eq!((again.took, simulation.queries), (Duration::ZERO, queries));
}

#[test]
fn a_cold_name_costs_few_queries_and_a_warm_one_none() {
    let mut simulation = simulation(8192);
    let count = 20_000;
    let right = right(&mut simulation, Fault::None, count);
    assert_eq!(right, count as usize);
    let each = simulation.queries as f64 / f64::from(count);
    eprintln!("{each:.3} queries per cold name");
    assert!(each <= 2.3, "{each}");
    let queries = simulation.queries;
    assert_eq!(
        self::right(&mut simulation, Fault::None, count),
        count as usize
    );
    assert_eq!(simulation.queries, queries);
}

#[test]
fn loss_costs_almost_no_name() {
    for (loss_per_mille, wrong_max) in [(50, 10), (200, 100)] {
        let mut simulation = simulation(8192);
        simulation.loss_per_mille = loss_per_mille;
        let count = 20_000;
        let right = right(&mut simulation, Fault::None, count);
        eprintln!(
            "{loss_per_mille} per mille lost each way: {right} of {count}, {:.2} queries each",
            simulation.queries as f64 / f64::from(count)
        );
        assert!(count as usize - right <= wrong_max, "{right} of {count}");
    }
}

#[test]
fn a_run_is_the_same_from_the_same_seed() {
    let run = || {
        let mut simulation = simulation(100);
        simulation.loss_per_mille = 100;
        let population = simulation.authority.population;
        let names: Vec<String> = Fault::ALL
            .into_iter()
            .flat_map(|fault| (0..40).map(move |n| population.host(fault, n)))
            .collect();
        (simulation.resolve(names, 50), simulation.queries)
    };
    assert_eq!(run(), run());
}

#[test]
fn identical_names_in_flight_are_asked_for_once() {
    let mut simulation = simulation(100);
    let name = simulation.authority.population.host(Fault::OneRefuses, 5);
    simulation.one(&name);
    let alone = simulation.queries;
    let mut crowded = self::simulation(100);
    let resolved = crowded.resolve(vec![name; 100], 100);
    assert!(resolved.iter().all(|one| one.result.is_ok()));
    assert_eq!(crowded.queries, alone);
}

#[test]
fn far_more_names_than_the_cache_holds_stay_within_its_bytes() {
    let authority = lab(8192);
    let mut small = settings(&authority);
    small.cache_bytes_max = 2 << 20;
    let mut simulation = Simulation::new(authority, small, SEED);
    let population = authority.population;
    let mut wrong = 0;
    for round in 0..10 {
        let names = (0..10_000).map(|n| population.host(Fault::None, round * 10_000 + n));
        let resolved = simulation.resolve(names, 500);
        wrong += resolved
            .iter()
            .filter(|one| !is_as_expected(&population, one))
            .count();
        assert!(simulation.machine.cache_bytes() <= 2 << 20);
    }
    assert_eq!(wrong, 0);
    let each = simulation.queries as f64 / 100_000.0;
    eprintln!("{each:.3} queries per name with a cache of 2 MB");
    assert!(each <= 2.6, "{each}");
}

#[test]
fn a_saved_cache_answers_without_a_query_and_knows_the_zones() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dns.cache");
    let mut first = simulation(100);
    assert_eq!(right(&mut first, Fault::None, 500), 500);
    first.machine.save_cache(&path, first.now, 1000).unwrap();
    let mut second = simulation(100);
    let taken = second.machine.load_cache(&path, second.now, 1001).unwrap();
    assert!(taken > 500, "{taken}");
    assert_eq!(right(&mut second, Fault::None, 500), 500);
    assert_eq!(second.queries, 0);
}

#[test]
fn every_fault_at_once_leaves_no_name_without_an_answer() {
    let mut simulation = simulation(64);
    simulation.loss_per_mille = 20;
    let population = simulation.authority.population;
    let names: Vec<String> = (0..300)
        .flat_map(|n| Fault::ALL.map(|fault| population.host(fault, n)))
        .collect();
    let resolved = simulation.resolve(names.clone(), 400);
    assert_eq!(resolved.len(), names.len());
    let mut wrong: HashMap<String, usize> = HashMap::new();
    for one in resolved
        .iter()
        .filter(|one| !is_as_expected(&population, one))
    {
        let class = one.name.split('.').rev().nth(1).unwrap_or_default();
        let class = class.trim_end_matches(|c: char| c.is_ascii_digit());
        *wrong.entry(class.to_owned()).or_default() += 1;
    }
    let slowest = resolved.iter().map(|one| one.took).max();
    eprintln!("wrong: {wrong:?}; slowest {slowest:?}");
    assert!(
        wrong.values().sum::<usize>() <= names.len() / 200,
        "{wrong:?}"
    );
    assert!(slowest <= Some(Duration::from_millis(5500)));
}

#[test]
fn a_route_to_ipv6_that_leads_nowhere_is_left_alone_after_a_few_silent_servers() {
    let authority = Authority::new(Population::new(2, 10));
    let mut dual = settings(&authority);
    dual.ipv6 = true;
    // Nobody answers at these.
    let v6 = root_servers(true).into_iter().filter(IpAddr::is_ipv6);
    dual.roots.extend(v6);
    let mut simulation = Simulation::new(authority, dual, 2);
    let hosts = |range: std::ops::Range<u32>| {
        let population = authority.population;
        range.map(move |n| population.host(Fault::None, n * 4))
    };
    simulation.resolve(hosts(0..100), 60);
    let later = simulation.resolve(hosts(100..200), 60);
    let found = later.iter().filter_map(|one| one.result.as_ref().ok());
    let addrs: Vec<IpAddr> = found.flat_map(|answer| answer.addrs.to_vec()).collect();
    assert!(
        addrs.len() >= 100 && addrs.iter().all(IpAddr::is_ipv4),
        "{addrs:?}"
    );
}

#[test]
fn both_families_are_found_where_ipv6_is_of_use() {
    let authority = lab(100);
    let mut dual = settings(&authority);
    dual.ipv6 = true;
    let mut simulation = Simulation::new(authority, dual, SEED);
    let population = authority.population;
    let names: Vec<String> = (0..400).map(|n| population.host(Fault::None, n)).collect();
    let mut both = 0;
    for one in simulation.resolve(names, 50) {
        let addrs = one.result.expect("every host has an address").addrs;
        assert!(addrs[0].is_ipv4(), "{}", one.name);
        let v6 = addrs.iter().find(|addr| addr.is_ipv6());
        if let Some(expected) = population.address6(&one.name) {
            assert_eq!(v6, Some(&IpAddr::from(expected)), "{}", one.name);
            both += 1;
        } else {
            assert_eq!(v6, None, "{}", one.name);
        }
    }
    assert!(both > 20, "{both}");
}

#[test]
fn an_outdated_answer_is_given_when_no_server_can_be_reached() {
    let mut simulation = simulation(100);
    let name = simulation.authority.population.host(Fault::None, 3);
    let fresh = simulation.one(&name).result.expect("an answer");
    simulation.now = simulation.now + Duration::from_secs(7200);
    simulation.loss_per_mille = 1000;
    let stale = simulation.one(&name);
    assert_eq!(stale.result.expect("a stale answer").addrs, fresh.addrs);
    assert!(stale.took <= Duration::from_secs(2), "{:?}", stale.took);
    // A name never seen has nothing to fall back on.
    let other = simulation.authority.population.host(Fault::None, 4);
    assert_eq!(simulation.one(&other).result, Err(DnsError::TimedOut));
    simulation.now = simulation.now + Duration::from_secs(25 * 3600);
    assert!(simulation.one(&name).result.is_err());
}

#[test]
fn a_zone_that_moved_is_found_anew_from_above() {
    let mut simulation = simulation(64);
    let population = simulation.authority.population;
    let number = (64..).find(|n| n % 4 != 0).expect("some number");
    let name = population.host(Fault::OneRefuses, number);
    assert!(simulation.one(&name).result.is_ok());
    // The domain's servers change; those of old refuse it from now on.
    simulation.authority = lab(60);
    let other = name.replacen("www.", "img.", 1);
    let found = simulation.one(&other).result.expect("the zone is found");
    assert_eq!(*found.addrs, [IpAddr::from(population.address(&other))]);
}

#[test]
fn servers_get_no_more_than_their_rate_and_every_name_is_found_all_the_same() {
    let authority = lab(100);
    let mut slow = settings(&authority);
    slow.server.rate_per_s = 50.0;
    slow.server.burst = 10.0;
    let mut simulation = Simulation::new(authority, slow, SEED);
    let population = authority.population;
    let count = 2000;
    let names: Vec<String> = (0..count)
        .map(|n| population.host(Fault::None, n))
        .collect();
    let resolved = simulation.resolve(names, 500);
    let wrong = resolved
        .iter()
        .filter(|one| !is_as_expected(&population, one))
        .count();
    assert_eq!(wrong, 0);
    // Half of the names are in the first top-level domain, which has four servers.
    let least = f64::from(count) / 2.0 / (4.0 * 50.0) - 1.0;
    let took = simulation.now.since(Time::default()).as_secs_f64();
    assert!(took >= least, "{took} s, at least {least}");
}

/// The zone of such a provider is served by another's servers, which are known by name only.
#[test]
fn servers_of_servers_are_looked_up_for_all_who_wait() {
    let mut simulation = simulation(8192);
    let population = simulation.authority.population;
    let nested = |host: &String| {
        let mut labels = host.rsplit('.');
        let (tld, label) = (labels.next()?, labels.next()?);
        match population.host_of(population.domain(label, tld)?) {
            Host::Provider(provider) => Some(host_of_provider(provider) != provider),
            Host::Pair(_) => None,
        }
    };
    let names: Vec<String> = (0..20_000)
        .map(|n| population.host(Fault::None, n))
        .filter(|host| nested(host) == Some(true))
        .collect();
    assert!(names.len() > 1000, "{}", names.len());
    let resolved = simulation.resolve(names, 1000);
    let wrong = resolved
        .iter()
        .filter(|one| !is_as_expected(&population, one))
        .count();
    assert_eq!(wrong, 0);
}

#[test]
fn fast_servers_are_asked_most_and_slow_ones_are_not_forgotten() {
    let mut simulation = simulation(100);
    right(&mut simulation, Fault::None, 10_000);
    let authority = simulation.authority;
    for tld in 0..2 {
        let servers = addresses(Role::Tld(tld));
        let asked = |server| simulation.questions_at.get(server).copied().unwrap_or(0) as f64;
        let trip = |server: &_| authority.round_trip(*server).as_secs_f64() * 1e3;
        let all: f64 = servers.iter().map(asked).sum();
        let mean: f64 = servers
            .iter()
            .map(|one| asked(one) * trip(one))
            .sum::<f64>()
            / all;
        let plain = servers.iter().map(trip).sum::<f64>() / servers.len() as f64;
        eprintln!("{all} questions: {mean:.1} ms, {plain:.1} ms if spread evenly");
        assert!(mean < plain * 0.8, "{mean} ms of {plain}");
        // One choice in 32 is free, among four servers.
        assert!(
            servers
                .iter()
                .all(|one| asked(one) > all / 32.0 / 4.0 / 3.0)
        );
    }
}
