//! The shared cache: lives, bounds, eviction, staleness, and its file.

use std::net::IpAddr;
use std::time::Duration;

use super::cache::STALE_MAX_S;
use super::*;
use crate::answer::DnsError;
use crate::recursive::kind::Kind;
use crate::recursive::time::Time;
use crate::recursive::wire_name::from_text;

const BOUNDS: TtlBounds = TtlBounds {
    min: Duration::from_secs(60),
    max: Duration::from_secs(3600),
};

fn cache(bytes_max: usize) -> RecordCache {
    RecordCache::new(bytes_max, BOUNDS)
}

fn name(text: &str) -> Box<[u8]> {
    from_text(text).unwrap()
}

fn at(s: u64) -> Time {
    Time::at(Duration::from_secs(s))
}

fn v4(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn addrs_of(known: Option<Known>) -> Vec<IpAddr> {
    match known {
        Some(Known::Addrs { addrs, .. }) => addrs,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_lives_within_the_bounds() {
    let mut cache = cache(1 << 20);
    let (short, long) = (name("short.test"), name("long.test"));
    cache.put_addrs(Kind::A, &short, &[v4(1)], 0, at(0));
    cache.put_addrs(Kind::A, &long, &[v4(2)], 1 << 30, at(0));
    assert!(cache.get(Kind::A, &short, at(59)).is_some());
    assert!(cache.get(Kind::A, &short, at(60)).is_none());
    assert!(cache.get(Kind::A, &long, at(3599)).is_some());
    assert!(cache.get(Kind::A, &long, at(3600)).is_none());
    assert!(cache.get(Kind::Aaaa, &long, at(1)).is_none());
}

#[test]
fn all_addresses_are_kept_and_turned() {
    let mut cache = cache(1 << 20);
    let name = name("a.test");
    let addrs = [v4(1), v4(2), v4(3)];
    cache.put_addrs(Kind::A, &name, &addrs, 300, at(0));
    let firsts: std::collections::HashSet<IpAddr> = (0..3)
        .map(|_| {
            let mut seen = addrs_of(cache.get(Kind::A, &name, at(1)));
            let first = seen[0];
            seen.sort();
            assert_eq!(seen, addrs);
            first
        })
        .collect();
    assert_eq!(firsts.len(), 3);
}

#[test]
fn a_failure_is_believed_for_a_while_and_not_found_for_its_ttl() {
    let mut cache = cache(1 << 20);
    let (failed, absent) = (name("failed.test"), name("absent.test"));
    cache.put_failure(Kind::A, &failed, DnsError::TimedOut, at(0));
    cache.put_not_found(Kind::A, &absent, 300, at(0));
    let timed_out = Known::Error {
        error: DnsError::TimedOut,
        ttl_s: 1,
    };
    assert_eq!(cache.get(Kind::A, &failed, at(29)), Some(timed_out));
    assert_eq!(cache.get(Kind::A, &failed, at(30)), None);
    assert!(matches!(
        cache.get(Kind::A, &absent, at(299)),
        Some(Known::Error {
            error: DnsError::NotFound,
            ..
        })
    ));
    assert_eq!(cache.get(Kind::A, &absent, at(300)), None);
}

#[test]
fn a_failure_leaves_stale_addresses_in_use_for_a_day_and_no_longer() {
    let mut cache = cache(1 << 20);
    let name = name("a.test");
    cache.put_addrs(Kind::A, &name, &[v4(1)], 60, at(0));
    assert_eq!(cache.get(Kind::A, &name, at(100)), None);
    cache.put_failure(Kind::A, &name, DnsError::Failure, at(100));
    assert_eq!(addrs_of(cache.get(Kind::A, &name, at(101))), [v4(1)]);
    assert_eq!(cache.get(Kind::A, &name, at(131)), None);
    let next_day = at(60 + u64::from(STALE_MAX_S));
    cache.put_failure(Kind::A, &name, DnsError::Failure, next_day);
    assert!(matches!(
        cache.get(Kind::A, &name, next_day),
        Some(Known::Error { .. })
    ));
}

#[test]
fn the_closest_zone_is_found_and_can_be_forgotten() {
    let mut cache = cache(1 << 20);
    let [tld, zone, host] = ["test", "a.test", "www.a.test"].map(name);
    let delegation = |last| Delegation {
        servers: vec![v4(last), "2001:db8::1".parse().unwrap()],
        names: vec![name("ns.other.test")],
    };
    cache.put_delegation(&tld, &delegation(1), 3600, at(0));
    cache.put_delegation(&zone, &delegation(2), 3600, at(0));
    assert_eq!(cache.closest(&host, at(1)), Some((&*zone, delegation(2))));
    cache.forget_delegation(&zone);
    assert_eq!(cache.closest(&host, at(1)), Some((&*tld, delegation(1))));
    assert_eq!(cache.closest(&host, at(86_400)), None);
}

#[test]
fn names_far_beyond_the_bound_stay_within_it_and_used_ones_stay() {
    let mut cache = cache(256 << 10);
    let hot = name("com");
    let delegation = Delegation {
        servers: vec![v4(1)],
        names: Vec::new(),
    };
    cache.put_delegation(&hot, &delegation, 3600, at(0));
    for n in 0..50_000 {
        let cold = name(&format!("d{n}.com"));
        cache.put_addrs(Kind::A, &cold, &[v4(2)], 300, at(0));
        assert!(cache.bytes() <= 256 << 10);
        assert!(cache.delegation(&hot, at(1)).is_some(), "lost after {n}");
    }
    assert!(cache.len() > 1000);
}

/// Bytes of memory this process has resident.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_ascii_whitespace().nth(1));
    kilobytes.unwrap().parse::<usize>().unwrap() * 1024
}

#[test]
fn a_million_names_take_no_more_memory_than_the_bound() {
    const BOUND: usize = 64 << 20;
    let before = resident_bytes();
    let mut cache = cache(BOUND);
    for n in 0..1_000_000_u32 {
        let zone = name(&format!("some-domain-{n}.com"));
        if n % 3 == 0 {
            let delegation = Delegation {
                servers: vec![v4(1), v4(2)],
                names: vec![name(&format!("ns1.provider-{n}.net"))],
            };
            cache.put_delegation(&zone, &delegation, 3600, at(0));
        }
        cache.put_addrs(Kind::A, &zone, &[v4(2), v4(3)], 300, at(0));
    }
    assert!(cache.bytes() <= BOUND && cache.len() > 300_000, "{cache:?}");
    let taken = resident_bytes().saturating_sub(before);
    // Other tests may run in this process: a margin for theirs.
    assert!(taken <= BOUND + (12 << 20), "{taken} bytes for {cache:?}");
}

#[test]
fn an_entry_larger_than_the_cache_is_left_out() {
    let mut cache = cache(100);
    cache.put_addrs(Kind::A, &name("a.test"), &[v4(1)], 300, at(0));
    assert_eq!((cache.len(), cache.bytes()), (0, 0));
}

fn filled() -> RecordCache {
    let mut cache = cache(1 << 20);
    for n in 0..100_u8 {
        let host = name(&format!("d{n}.test"));
        cache.put_addrs(Kind::A, &host, &[v4(n)], 3600, at(0));
    }
    let delegation = Delegation {
        servers: vec![v4(1)],
        names: vec![name("ns.a.test")],
    };
    cache.put_delegation(&name("test"), &delegation, 86_400, at(0));
    cache.put_failure(Kind::A, &name("failed.test"), DnsError::Failure, at(0));
    cache.put_not_found(Kind::Aaaa, &name("d1.test"), 600, at(0));
    cache
}

#[test]
fn a_file_gives_back_all_but_failures_and_goes_on_ageing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dns.cache");
    save(&filled(), &path, at(10), 1_000_000).unwrap();
    let mut again = cache(1 << 20);
    assert_eq!(load(&mut again, &path, at(0), 1_000_100).unwrap(), 102);
    // 10 s of life before the file, 100 s within it.
    assert!(again.get(Kind::A, &name("d7.test"), at(3489)).is_some());
    assert!(again.get(Kind::A, &name("d7.test"), at(3490)).is_none());
    assert!(again.delegation(&name("test"), at(0)).is_some());
    assert!(again.get(Kind::Aaaa, &name("d1.test"), at(0)).is_some());
    assert!(again.get(Kind::A, &name("failed.test"), at(0)).is_none());
}

#[test]
fn a_smaller_cache_takes_the_delegations_first() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dns.cache");
    save(&filled(), &path, at(0), 0).unwrap();
    let len = usize::try_from(std::fs::metadata(&path).unwrap().len()).unwrap();
    let mut small = cache(len);
    let taken = load(&mut small, &path, at(0), 0).unwrap();
    assert!(taken > 0 && taken < 102 && small.bytes() <= len);
    assert!(small.delegation(&name("test"), at(0)).is_some());
}

#[test]
fn a_file_that_is_not_whole_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dns.cache");
    save(&filled(), &path, at(0), 0).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let mut broken = vec![whole[..whole.len() / 2].to_vec(), Vec::new(), vec![0; 40]];
    for at in [0, 7, 20, whole.len() / 3, whole.len() - 1] {
        let mut one = whole.clone();
        one[at] ^= 1;
        broken.push(one);
    }
    for bytes in broken {
        std::fs::write(&path, bytes).unwrap();
        let mut cache = cache(1 << 20);
        let error = load(&mut cache, &path, at(0), 0).unwrap_err();
        assert!(matches!(error, CacheFileError::Broken), "{error:?}");
        assert_eq!(cache.len(), 0);
    }
    let missing = load(
        &mut cache(1 << 20),
        &directory.path().join("none"),
        at(0),
        0,
    );
    assert!(matches!(missing, Err(CacheFileError::Unreadable(_))));
    assert!(matches!(
        load(&mut cache(64), &path, at(0), 0),
        Err(CacheFileError::Broken | CacheFileError::TooLarge)
    ));
}

#[test]
fn a_cache_is_never_saved_over_what_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dns.cache");
    for bytes in [&b"http://a/1.jpg\n"[..], b"PAR1", b"t2d", &[0; 40]] {
        std::fs::write(&path, bytes).unwrap();
        let refused = check_cache_file(&path).unwrap_err();
        assert!(matches!(refused, CacheFileError::NotACache), "{refused:?}");
        assert!(save(&filled(), &path, at(0), 0).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
    assert!(check_cache_file(directory.path()).is_err(), "a folder");
    for bytes in [
        &b""[..],
        b"t2dDNS\0\x01cut",
        b"t2dDNS\0\x02of another version",
    ] {
        std::fs::write(&path, bytes).unwrap();
        save(&filled(), &path, at(0), 0).unwrap();
        assert_eq!(load(&mut cache(1 << 20), &path, at(0), 0).unwrap(), 102);
    }
    assert!(check_cache_file(&directory.path().join("none")).is_ok());
}
