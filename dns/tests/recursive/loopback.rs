//! The whole resolver, thread and sockets, against the lab on loopback addresses.

use std::net::IpAddr;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant, SystemTime};

use turbo2ds_dns::recursive::{Clocks, Settings, Setup, random_seed};
use turbo2ds_dns::{Answer, DnsError, Service};

use crate::dnslab::sockets::Served;
use crate::dnslab::{Authority, Expected, Fault, Population};
use crate::simulate::settings;

pub type Results = Vec<(String, Result<Answer, DnsError>)>;

pub fn setup(settings: Settings) -> Setup {
    Setup {
        settings,
        seed: random_seed().unwrap(),
        clocks: Clocks {
            now: Instant::now,
            unix_s: || {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                since.map_or(0, |since| since.as_secs())
            },
        },
        cache_file: None,
    }
}

fn lab() -> (Authority, Served, Settings) {
    let authority = Authority::new(Population::new(11, 2));
    let served = Served::start(authority).unwrap();
    let settings = Settings {
        port: served.port,
        sockets: 8,
        ..settings(&authority)
    };
    (authority, served, settings)
}

pub fn resolve(service: &Service, names: &[String]) -> Results {
    let (sender, results) = channel();
    for name in names {
        let (sender, echo) = (sender.clone(), name.clone());
        service.handle().request(
            name.as_str().into(),
            Box::new(move |result| drop(sender.send((echo, result)))),
        );
    }
    drop(sender);
    let mut all = Vec::new();
    while let Ok(one) = results.recv_timeout(Duration::from_secs(30)) {
        all.push(one);
    }
    all
}

fn names(population: &Population, count: u32) -> Vec<String> {
    Fault::ALL
        .into_iter()
        // Half of all questions lost, on a busy machine besides, proves nothing over real sockets.
        .filter(|fault| *fault != Fault::HalfLost)
        .flat_map(|fault| (0..count).map(move |n| population.host(fault, n)))
        .collect()
}

#[test]
fn every_class_of_fault_is_resolved_over_real_sockets() {
    let (authority, _served, settings) = lab();
    let service = Service::spawn_recursive(setup(settings)).unwrap();
    let names = names(&authority.population, 20);
    let results = resolve(&service, &names);
    assert_eq!(results.len(), names.len());
    for (name, result) in results {
        match (authority.population.expected(&name), &result) {
            (Some(Expected::Address(addr)), Ok(answer)) => {
                assert_eq!(*answer.addrs, [IpAddr::from(addr)], "{name}");
            }
            (Some(Expected::NotFound), Err(DnsError::NotFound))
            | (Some(Expected::Failure), Err(DnsError::TimedOut | DnsError::Failure)) => {}
            _ => panic!("{name}: {result:?}"),
        }
    }
}

#[test]
fn a_service_saves_its_cache_at_the_end_and_starts_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let (authority, served, settings) = lab();
    let mut setup = setup(settings);
    setup.cache_file = Some(directory.path().join("dns.cache"));
    let names: Vec<String> = (0..50)
        .map(|n| authority.population.host(Fault::None, n))
        .collect();
    let service = Service::spawn_recursive(setup.clone()).unwrap();
    assert!(resolve(&service, &names).iter().all(|(_, one)| one.is_ok()));
    drop(service);
    let asked = served.questions.load(std::sync::atomic::Ordering::Relaxed);
    let service = Service::spawn_recursive(setup).unwrap();
    assert!(resolve(&service, &names).iter().all(|(_, one)| one.is_ok()));
    assert_eq!(
        served.questions.load(std::sync::atomic::Ordering::Relaxed),
        asked
    );
}

#[test]
fn closing_the_service_answers_who_waits_and_late_askers() {
    let (authority, _served, settings) = lab();
    let service = Service::spawn_recursive(setup(settings)).unwrap();
    let handle = service.handle();
    let (sender, results) = channel();
    let name = authority.population.host(Fault::AllDead, 0);
    let first = sender.clone();
    handle.request(
        name.as_str().into(),
        Box::new(move |result| drop(first.send(result))),
    );
    drop(service);
    assert_eq!(results.recv(), Ok(Err(DnsError::Failure)));
    handle.request(
        name.as_str().into(),
        Box::new(move |result| drop(sender.send(result))),
    );
    assert_eq!(results.recv(), Ok(Err(DnsError::Failure)));
}

#[test]
fn a_broken_cache_file_does_not_keep_the_service_from_starting() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dns.cache");
    std::fs::write(&path, b"not a cache").unwrap();
    let (authority, _served, settings) = lab();
    let mut setup = setup(settings);
    setup.cache_file = Some(path);
    let service = Service::spawn_recursive(setup).unwrap();
    let names = [authority.population.host(Fault::None, 1)];
    assert!(resolve(&service, &names)[0].1.is_ok());
}
