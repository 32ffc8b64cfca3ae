//! Owns the network checks: the link, ports, socket memory, connection tracking, name servers, proxies, root
//! certificates.

use std::time::Duration;

use crate::limits;
use crate::machine::doctor::facts::{Conntrack, Facts, Heard, Kernel, Names, Process};
use crate::machine::doctor::finding::{Finding, Severity};
use crate::machine::doctor::profile::{CONNTRACK_TIME_WAIT_S, PORTS, Profile, SOCKET_BYTES};
use crate::text::{bytes, grouped};

const PAGE_BYTES: u64 = 4096;
/// The kernel's default if it does not report one: seconds that a closed connection stays in the table.
const CONNTRACK_TIME_WAIT_DEFAULT_S: u64 = 120;
/// Acceptable number of entries per bucket in a full table.
const CHAIN_MAX: u64 = 16;
/// Response time above which name servers delay hosts on first contact.
const ANSWER_SLOW: Duration = Duration::from_millis(300);

pub(super) fn all(facts: &Facts, profile: Profile) -> Vec<Finding> {
    let (kernel, process) = (&facts.kernel, &facts.process);
    vec![
        link(kernel, profile),
        ports(kernel, profile),
        port_reuse(kernel, profile),
        receive_buffer(kernel),
        socket_memory(kernel, profile),
        conntrack(kernel.conntrack.as_ref(), profile),
        names(&facts.names),
        proxies(process),
        roots(process),
    ]
}

fn link(kernel: &Kernel, profile: Profile) -> Finding {
    let wanted = format!("{} Gb/s", profile.link_gbit);
    let Some(link) = &kernel.link else {
        let fix = "give the machine a default route, or a proxy that it reaches without one";
        return Finding::ok("link", "no default route", wanted).at(Severity::Warn, fix);
    };
    let Some(gbit) = link.gbit else {
        let found = format!("{} does not tell its speed", link.name);
        return Finding::ok("link", found, wanted).noted();
    };
    let finding = Finding::ok("link", format!("{} at {gbit} Gb/s", link.name), wanted);
    if gbit >= profile.link_gbit {
        return finding;
    }
    let fix = format!(
        "name the --profile of this link, {}",
        Profile::new(profile.cores, gbit)
    );
    finding.at(Severity::Warn, fix)
}

fn ports(kernel: &Kernel, profile: Profile) -> Finding {
    let most = PORTS.1 - PORTS.0 + 1;
    let wanted = format!(
        "{} ports: {} new connections a second to one address",
        grouped(most),
        Profile::connections_to_one_address(most)
    );
    let Some([first, last]) = kernel.port_range else {
        return Finding::ok("ports", "not told by /proc/sys/net", wanted).noted();
    };
    let count = (last + 1).saturating_sub(first);
    let found = format!(
        "{} ({first} to {last}): {} new connections a second to one address",
        grouped(count),
        Profile::connections_to_one_address(count)
    );
    let finding = Finding::ok("ports", found, wanted);
    if count >= most {
        return finding;
    }
    let starting = profile.cores * limits::IN_FLIGHT_START as u64;
    let severity = if count < starting {
        Severity::Fail
    } else {
        Severity::Warn
    };
    finding.at(
        severity,
        format!(
            "sysctl -w net.ipv4.ip_local_port_range='{} {}'",
            PORTS.0, PORTS.1
        ),
    )
}

fn port_reuse(kernel: &Kernel, profile: Profile) -> Finding {
    let wanted = "net.ipv4.tcp_tw_reuse = 1 with tcp_timestamps on: a port is free again after 1 s";
    let Some(reuse) = kernel.tw_reuse else {
        return Finding::ok("port reuse", "not told by /proc/sys/net", wanted).noted();
    };
    if kernel.timestamps == Some(0) {
        let finding = Finding::ok("port reuse", "off: net.ipv4.tcp_timestamps = 0", wanted);
        return finding.at(
            Severity::Warn,
            "sysctl -w net.ipv4.tcp_timestamps=1 net.ipv4.tcp_tw_reuse=1",
        );
    }
    let finding = Finding::ok(
        "port reuse",
        format!("net.ipv4.tcp_tw_reuse = {reuse}"),
        wanted,
    );
    if reuse == 1 {
        return finding;
    }
    // The port range limits the connection rate to one address; the profile's rate may be higher.
    let ports = kernel
        .port_range
        .map_or(0, |[first, last]| (last + 1).saturating_sub(first));
    if profile.rate() <= Profile::connections_to_one_address(ports) {
        return finding.noted();
    }
    finding.at(Severity::Warn, "sysctl -w net.ipv4.tcp_tw_reuse=1")
}

fn receive_buffer(kernel: &Kernel) -> Finding {
    let wanted = format!("at most {} or more", bytes(SOCKET_BYTES.1));
    let Some([_, first, most]) = kernel.tcp_rmem else {
        return Finding::ok("receive buffer", "not told by /proc/sys/net", wanted).noted();
    };
    let found = format!("{} at first, {} at most", bytes(first), bytes(most));
    let finding = Finding::ok("receive buffer", found, wanted);
    if most >= SOCKET_BYTES.1 {
        return finding;
    }
    finding.at(
        Severity::Warn,
        format!(
            "sysctl -w net.ipv4.tcp_rmem='4096 {} {}'",
            SOCKET_BYTES.0, SOCKET_BYTES.1
        ),
    )
}

/// Memory of all sockets together, at this machine's initial buffer sizes.
fn socket_memory(kernel: &Kernel, profile: Profile) -> Finding {
    let first = kernel
        .tcp_rmem
        .map_or(SOCKET_BYTES.0, |[_, first, _]| first);
    let need = profile.in_flight() * first;
    let wanted = format!(
        "{} for {} downloads in flight x {}",
        bytes(need),
        grouped(profile.in_flight()),
        bytes(first)
    );
    let Some([_, pressure, most]) = kernel.tcp_mem else {
        return Finding::ok("socket memory", "not told by /proc/sys/net", wanted).noted();
    };
    let has = pressure.saturating_mul(PAGE_BYTES);
    let found = format!("{} before the kernel saves on it", bytes(has));
    let finding = Finding::ok("socket memory", found, wanted);
    if has >= need {
        return finding;
    }
    if first > SOCKET_BYTES.0 {
        let fix = format!(
            "sysctl -w net.ipv4.tcp_rmem='4096 {} {}'",
            SOCKET_BYTES.0, SOCKET_BYTES.1
        );
        return finding.at(Severity::Warn, fix);
    }
    let pages = need.div_ceil(PAGE_BYTES);
    // Sockets could then use that much of the machine's memory: more than a quarter is not advisable.
    if kernel.memory_bytes.is_some_and(|total| need > total / 4) {
        return finding.at(
            Severity::Warn,
            "--thread_count 256, or a machine with more memory",
        );
    }
    finding.at(
        Severity::Warn,
        format!(
            "sysctl -w net.ipv4.tcp_mem='{} {pages} {}'",
            pages / 4 * 3,
            most.max(pages / 2 * 3)
        ),
    )
}

fn conntrack(table: Option<&Conntrack>, profile: Profile) -> Finding {
    let Some(table) = table else {
        let wanted = "not loaded, or room";
        return Finding::ok("connection tracking", "not loaded", wanted);
    };
    let stays = table.time_wait_s.unwrap_or(CONNTRACK_TIME_WAIT_DEFAULT_S);
    let need = profile.conntrack_entries(stays);
    let finding = Finding::ok(
        "connection tracking",
        format!(
            "{} of {} entries taken",
            grouped(table.count),
            grouped(table.max)
        ),
        format!(
            "room for {} more at {} connections a second that stay {stays} s",
            grouped(need),
            grouped(profile.rate())
        ),
    );
    let max = profile.conntrack_max();
    let raise = format!(
        "sysctl -w net.netfilter.nf_conntrack_max={max} net.netfilter.nf_conntrack_buckets={} \
         net.netfilter.nf_conntrack_tcp_timeout_time_wait={CONNTRACK_TIME_WAIT_S}",
        max / 4
    );
    // A maximum of 0 means no limit.
    if table.max == 0 || table.max.saturating_sub(table.count) >= need {
        return chains(finding, table);
    }
    let full = table.count >= table.max / 10 * 9;
    finding.at(if full { Severity::Fail } else { Severity::Warn }, raise)
}

/// Checks the buckets of a table with room: with too few, its chains are long and lookups slow.
fn chains(mut finding: Finding, table: &Conntrack) -> Finding {
    match table.buckets {
        Some(buckets) if buckets < table.max / CHAIN_MAX => {
            finding.found += &format!(", in {} buckets", grouped(buckets));
            let fix = format!(
                "sysctl -w net.netfilter.nf_conntrack_buckets={}",
                table.max / 4
            );
            finding.at(Severity::Warn, fix)
        }
        _ => finding,
    }
}

fn names(names: &Names) -> Finding {
    let wanted = format!("every server answers {} over UDP", names.question.shown());
    let servers = match &names.servers {
        Ok(servers) => servers,
        Err(reason) => {
            let found = format!("{}: {reason}", names.from);
            return Finding::ok("name servers", found, wanted).at(
                Severity::Fail,
                "a line `nameserver ADDRESS` in /etc/resolv.conf, or --dns_servers ADDRESS",
            );
        }
    };
    let good = servers.iter().filter(|(_, heard)| answers(heard)).count();
    let slow = servers
        .iter()
        .any(|(_, heard)| matches!(heard, Heard::Answer { after, .. } if *after > ANSWER_SLOW));
    let each: Vec<String> = servers
        .iter()
        .map(|(server, heard)| format!("{server} {}", told(heard)))
        .collect();
    let finding = Finding::ok("name servers", each.join(", "), wanted);
    match good {
        0 => finding.at(
            Severity::Fail,
            "let UDP to port 53 through, or name servers that answer: --dns_servers ADDRESS",
        ),
        _ if good < servers.len() => finding.at(
            Severity::Warn,
            format!(
                "take the others out of {}: some names wait for each of them",
                names.from
            ),
        ),
        _ if slow => finding.at(
            Severity::Warn,
            "a resolver on this machine or in its network (unbound), by --dns_servers 127.0.0.1",
        ),
        _ => finding,
    }
}

/// Whether a name server works: it answered NOERROR or NXDOMAIN.
fn answers(heard: &Heard) -> bool {
    matches!(heard, Heard::Answer { code: 0 | 3, .. })
}

fn told(heard: &Heard) -> String {
    match heard {
        Heard::Answer { code, after } => {
            let code = match code {
                0 => "answers".to_owned(),
                1 => "answers FORMERR".to_owned(),
                2 => "answers SERVFAIL".to_owned(),
                3 => "answers NXDOMAIN".to_owned(),
                5 => "answers REFUSED".to_owned(),
                other => format!("answers code {other}"),
            };
            format!("{code} in {} ms", after.as_millis())
        }
        Heard::Silence => "is silent".to_owned(),
        Heard::Unreachable(kind) => format!("cannot be reached: {kind}"),
    }
}

fn proxies(process: &Process) -> Finding {
    let wanted = "none, or those you mean: every URL goes through them";
    match &process.proxies {
        Ok(set) if set.is_empty() => Finding::ok("proxies", "none", wanted),
        Ok(set) => Finding::ok("proxies", format!("{} set", set.join(", ")), wanted).noted(),
        Err(reason) => Finding::ok("proxies", reason, wanted).at(
            Severity::Fail,
            "an http:// proxy, or unset the variable: a run is refused",
        ),
    }
}

fn roots(process: &Process) -> Finding {
    let wanted = "the platform's root certificates";
    match process.roots {
        None | Some(0) => Finding::ok(
            "certificates",
            "no root can be read: every https URL fails",
            wanted,
        )
        .at(
            Severity::Fail,
            "apt-get install ca-certificates (dnf, apk likewise), or set SSL_CERT_FILE",
        ),
        Some(count) => Finding::ok("certificates", format!("{count} roots"), wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::doctor::checks::testing::{P, facts, kernel};
    use crate::machine::doctor::facts::{Link, Question};
    use std::io;

    #[test]
    fn a_link_that_is_slower_or_silent_is_told() {
        let of = |link| link_of(link).severity;
        let named = |gbit| {
            Some(Link {
                name: "eth0".to_owned(),
                gbit,
            })
        };
        assert_eq!(of(named(Some(25))), Severity::Ok);
        assert_eq!(of(named(None)), Severity::Note);
        assert_eq!(of(None), Severity::Warn);
        let slow = link_of(named(Some(1)));
        assert!(slow.fix.unwrap().contains("8-cores-1gbe"));
    }

    fn link_of(link: Option<Link>) -> Finding {
        super::link(&Kernel { link, ..kernel() }, P)
    }

    #[test]
    fn the_default_port_range_warns_and_next_to_none_fails() {
        let of = |range| {
            ports(
                &Kernel {
                    port_range: range,
                    ..kernel()
                },
                P,
            )
        };
        assert_eq!(of(Some([10_240, 65_535])).severity, Severity::Ok);
        let default = of(Some([32_768, 60_999]));
        assert_eq!(default.severity, Severity::Warn);
        assert!(default.found.contains("470 new connections"), "{default:?}");
        assert_eq!(of(Some([60_000, 60_100])).severity, Severity::Fail);
        assert_eq!(of(Some([5, 1])).severity, Severity::Fail);
        assert_eq!(of(None).severity, Severity::Note);
    }

    #[test]
    fn ports_are_reused_only_with_timestamps() {
        let of = |tw_reuse, timestamps, profile| {
            port_reuse(
                &Kernel {
                    tw_reuse,
                    timestamps,
                    ..kernel()
                },
                profile,
            )
        };
        assert_eq!(of(Some(1), Some(1), P).severity, Severity::Ok);
        assert_eq!(of(Some(2), Some(1), P).severity, Severity::Warn);
        assert!(
            of(Some(1), Some(0), P)
                .fix
                .unwrap()
                .contains("tcp_timestamps=1")
        );
        assert_eq!(of(None, Some(1), P).severity, Severity::Note);
        // At 437 images a second it is never needed.
        assert_eq!(
            of(Some(2), Some(1), Profile::new(1, 10)).severity,
            Severity::Note
        );
    }

    #[test]
    fn a_small_receive_buffer_is_a_warning() {
        let of = |tcp_rmem| {
            receive_buffer(&Kernel {
                tcp_rmem,
                ..kernel()
            })
            .severity
        };
        assert_eq!(of(Some([4096, 131_072, 33_554_432])), Severity::Ok);
        assert_eq!(of(Some([4096, 87_380, 1_048_576])), Severity::Warn);
        assert_eq!(of(None), Severity::Note);
    }

    #[test]
    fn socket_memory_is_held_against_the_first_size_of_all_sockets() {
        let of = |tcp_mem, first, total| {
            let tcp_rmem = Some([4096, first, 6_291_456]);
            let kernel = Kernel {
                tcp_mem,
                tcp_rmem,
                memory_bytes: Some(total),
                ..kernel()
            };
            socket_memory(&kernel, P)
        };
        let pages = P.in_flight() * 131_072 / PAGE_BYTES;
        assert_eq!(
            of(Some([0, pages, 0]), 131_072, 64 << 30).severity,
            Severity::Ok
        );
        let short = of(Some([0, pages - 1, 0]), 131_072, 64 << 30);
        assert_eq!(short.severity, Severity::Warn);
        assert!(short.fix.unwrap().contains(&format!(" {pages} ")));
        let greedy = of(Some([0, pages, 0]), 16 << 20, 64 << 30);
        assert!(greedy.fix.unwrap().contains("tcp_rmem='4096 131072"));
        let small = of(Some([0, 1000, 0]), 131_072, 2 << 30);
        assert!(small.fix.unwrap().contains("--thread_count"));
    }

    #[test]
    fn a_table_without_room_warns_and_a_full_one_fails() {
        let of = |count, max, buckets| {
            let table = Conntrack {
                count,
                max,
                buckets: Some(buckets),
                time_wait_s: Some(30),
            };
            conntrack(Some(&table), P)
        };
        let max = P.conntrack_max();
        assert_eq!(conntrack(None, P).severity, Severity::Ok);
        assert_eq!(of(10, max, max / 4).severity, Severity::Ok);
        assert_eq!(of(10, 0, 0).severity, Severity::Ok);
        let small = of(10, 65_536, 65_536);
        assert_eq!(small.severity, Severity::Warn);
        assert!(
            small
                .fix
                .unwrap()
                .contains(&format!("nf_conntrack_max={max} "))
        );
        assert_eq!(of(65_000, 65_536, 65_536).severity, Severity::Fail);
        let chains = of(10, max, 1024);
        assert_eq!(chains.severity, Severity::Warn);
        assert!(chains.found.contains("1,024 buckets"), "{chains:?}");
    }

    #[test]
    fn a_table_that_keeps_closed_connections_longer_needs_more_room() {
        let max = P.conntrack_max();
        let table = |time_wait_s| Conntrack {
            count: 0,
            max,
            buckets: None,
            time_wait_s,
        };
        assert_eq!(conntrack(Some(&table(Some(30))), P).severity, Severity::Ok);
        assert_eq!(conntrack(Some(&table(None)), P).severity, Severity::Warn);
    }

    fn heard(each: &[Heard]) -> Finding {
        let servers = each
            .iter()
            .map(|h| ("192.0.2.1:53".parse().unwrap(), h.clone()))
            .collect();
        names(&Names {
            from: "/etc/resolv.conf",
            servers: Ok(servers),
            question: Question::default(),
        })
    }

    #[test]
    fn one_silent_server_warns_and_all_of_them_fail() {
        let answer = |code, ms| Heard::Answer {
            code,
            after: Duration::from_millis(ms),
        };
        let good = answer(0, 1);
        let refused = Heard::Unreachable(io::ErrorKind::ConnectionRefused);
        assert_eq!(heard(&[good.clone(), answer(3, 1)]).severity, Severity::Ok);
        assert_eq!(
            heard(&[good.clone(), Heard::Silence]).severity,
            Severity::Warn
        );
        assert_eq!(heard(&[good, answer(5, 1)]).severity, Severity::Warn);
        assert_eq!(heard(&[answer(0, 900)]).severity, Severity::Warn);
        let none = heard(&[Heard::Silence, refused, answer(2, 1)]);
        assert_eq!(none.severity, Severity::Fail);
        for part in ["is silent", "connection refused", "SERVFAIL"] {
            assert!(none.found.contains(part), "{none:?}");
        }
    }

    #[test]
    fn no_server_at_all_fails_with_the_reason() {
        let finding = names(&Names {
            from: "/etc/resolv.conf",
            servers: Err("it names no usable server".to_owned()),
            question: Question::default(),
        });
        assert_eq!(finding.severity, Severity::Fail);
        assert_eq!(finding.found, "/etc/resolv.conf: it names no usable server");
    }

    #[test]
    fn proxies_are_noted_by_name_and_odd_ones_fail() {
        let mut f = facts();
        f.process.proxies = Ok(vec!["https_proxy".to_owned()]);
        assert_eq!(proxies(&f.process).severity, Severity::Note);
        f.process.proxies = Err("https_proxy is not a proxy URL".to_owned());
        assert_eq!(proxies(&f.process).severity, Severity::Fail);
    }

    #[test]
    fn a_machine_without_roots_fails() {
        let mut f = facts();
        for none in [None, Some(0)] {
            f.process.roots = none;
            assert_eq!(roots(&f.process).severity, Severity::Fail);
        }
    }
}
