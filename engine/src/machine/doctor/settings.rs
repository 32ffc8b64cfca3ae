//! Owns the settings of the profiles: each key with its value for a class, its unit, its reason, and
//! the symptom without it. The only source of the files in `tuning/` and of the values that `turbo2ds
//! doctor` expects. Never reads or writes a file.

use super::profile::{
    CONNTRACK_SYN_SENT_S, CONNTRACK_TIME_WAIT_S, CONNTRACK_UDP_S, IMAGE_BYTES,
    IMAGES_PER_CORE_SECOND, PORTS, Profile, SAMPLE_BYTES, SOCKET_BYTES,
};
use crate::limits;
use crate::text::grouped;

/// One setting of a profile.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) key: &'static str,
    pub(super) value: String,
    pub(super) unit: &'static str,
    pub(super) why: String,
    pub(super) without: &'static str,
}

fn setting(
    key: &'static str,
    value: impl ToString,
    unit: &'static str,
    why: impl Into<String>,
    without: &'static str,
) -> Setting {
    Setting {
        key,
        value: value.to_string(),
        unit,
        why: why.into(),
        without,
    }
}

/// The planned rate of a class, as the end of a sentence.
pub(super) fn rate_of(p: Profile) -> String {
    let bound = if p.cores_rate() < p.link_rate() {
        "what its cores can do"
    } else {
        "what its link carries"
    };
    format!("{} images a second, {bound}", grouped(p.rate()))
}

/// Kernel parameters. A leading dash makes `sysctl --system` ignore a missing key.
pub(super) fn sysctl(p: Profile) -> Vec<Setting> {
    let mut all = ports(p);
    all.push(receive_buffer());
    all.extend(conntrack(p));
    all.extend(dirty(p));
    all
}

fn ports(p: Profile) -> Vec<Setting> {
    let ports = PORTS.1 - PORTS.0 + 1;
    let rate = grouped(p.rate());
    vec![
        setting(
            "net.ipv4.ip_local_port_range",
            format!("{} {}", PORTS.0, PORTS.1),
            "first and last port",
            format!(
                "a closed connection keeps its port for 60 s, counted for each address and port \
                 connected to. {} ports are {} new connections a second to one address; the \
                 default of 28,232 is 470. The class makes {rate} a second in all, and through a \
                 proxy or to one CDN that is one address. Name the ports of services on this \
                 machine that lie in the range in net.ipv4.ip_local_reserved_ports",
                grouped(ports),
                Profile::connections_to_one_address(ports),
            ),
            "lists with few hosts stand still in turns: downloads wait for a port, `ss -s` shows \
             tens of thousands in timewait",
        ),
        setting(
            "net.ipv4.tcp_tw_reuse",
            1,
            "0 never, 1 always, 2 on loopback (the default)",
            format!(
                "an outgoing connection may take over a port that has waited for a second, which \
                 TCP timestamps make safe. At {rate} connections a second to one address the range \
                 above lasts for {} s, and after that there is no other way",
                ports / p.rate().max(1)
            ),
            "as above, at any rate over 921 connections a second to one address",
        ),
    ]
}

fn receive_buffer() -> Setting {
    // Half of the buffer is window (tcp_adv_win_scale), and the most distant servers are 300 ms away.
    let per_second = SOCKET_BYTES.1 * 10 / 2 / 3;
    setting(
        "net.ipv4.tcp_rmem",
        format!("4096 {} {}", SOCKET_BYTES.0, SOCKET_BYTES.1),
        "bytes of one socket's receive buffer: least, at first, most",
        format!(
            "the kernel's own values on machines of more than 1 GB, set because older advice \
             overrides them. The most: half of it is window, so a server 300 ms away sends {} MB a \
             second, and the largest body ({} MB) comes within half of the 10 s deadline. At first: \
             times all downloads in flight, so a larger one costs memory and gains nothing, since the \
             window doubles each round trip",
            per_second / 1_000_000,
            limits::BODY_BYTES_MAX / 1024 / 1024,
        ),
        "too small a most: large images of far servers end as `timed out`. Too large a first: `TCP: \
         out of memory` in the kernel's log",
    )
}

fn conntrack(p: Profile) -> Vec<Setting> {
    let max = p.conntrack_max();
    vec![
        setting(
            "-net.netfilter.nf_conntrack_tcp_timeout_time_wait",
            CONNTRACK_TIME_WAIT_S,
            "seconds",
            format!(
                "a stateful firewall on this machine keeps closed connections for 120 s by default, \
                 longer than the kernel itself keeps them (60 s) and four times what late packets \
                 need. With 120 s the table below would need {} entries",
                grouped(p.conntrack_entries(120).next_power_of_two())
            ),
            "the table below is full sooner",
        ),
        setting(
            "-net.netfilter.nf_conntrack_max",
            max,
            "entries of some 300 bytes",
            format!(
                "{} in flight + {} a second x ({CONNTRACK_TIME_WAIT_S} s for a closed connection + 2 \
                 questions for a name x {CONNTRACK_UDP_S} s + a tenth to hosts that never answer x \
                 {CONNTRACK_SYN_SENT_S} s) = {}, rounded up to a power of two. \
                 Better still, let the firewall not track what this machine asks for (nftables: \
                 `notrack` for output and its answers). Read only where nf_conntrack is loaded; \
                 where that is later than this file, run `sysctl --system` again",
                grouped(p.in_flight()),
                grouped(p.rate()),
                grouped(p.conntrack_entries(CONNTRACK_TIME_WAIT_S)),
            ),
            "`nf_conntrack: table full, dropping packet` in the kernel's log; many hosts end as \
             `timed out` and `dns timed out`",
        ),
        setting(
            "-net.netfilter.nf_conntrack_buckets",
            max / 4,
            "hash buckets of 8 bytes",
            "four entries to a bucket; the default is at most 65,536 or 262,144 buckets, whatever \
             the table's size",
            "time in softirq grows as the table fills: each packet walks a longer chain",
        ),
    ]
}

fn dirty(p: Profile) -> Vec<Setting> {
    vec![
        setting(
            "vm.dirty_background_bytes",
            p.dirty_background_bytes(),
            "bytes written and not yet on the disk at which the kernel begins to write",
            format!(
                "a second's output: {} images x {} KB = {} MB, rounded up to a power of two from 64 \
                 MB. Tar shards bypass the page cache, but the metadata, loose files and parquet \
                 do not",
                grouped(p.rate()),
                SAMPLE_BYTES / 1000,
                p.written_bytes_per_second() / 1_000_000
            ),
            "the default, a tenth of the free memory, is gigabytes: the disk rests, then is swamped",
        ),
        setting(
            "vm.dirty_bytes",
            p.dirty_bytes(),
            "bytes written and not yet on the disk at which writers are held up",
            "four seconds' output: what the fsync of a shard's commit has to wait for at most",
            "progress stops for many seconds at a time while a commit waits for gigabytes of others",
        ),
    ]
}

/// Limits of login sessions, named as in limits.conf(5); memlock is in kilobytes.
pub(super) fn session_limits(p: Profile) -> Vec<Setting> {
    vec![
        setting(
            "nofile",
            p.descriptors(),
            "descriptors",
            why_descriptors(p),
            WITHOUT_DESCRIPTORS,
        ),
        setting(
            "memlock",
            p.memlock_bytes() / 1024,
            "kilobytes of locked memory",
            why_memlock(p),
            WITHOUT_MEMLOCK,
        ),
    ]
}

fn why_descriptors(p: Profile) -> String {
    format!(
        "two for each download in flight (a socket, and one that is being closed) x {} downloads x \
         {} cores, 6 for each of 512 names asked for, 48 for files, in steps of 1024. turbo2ds raises \
         its own soft limit up to the hard one",
        grouped(limits::IN_FLIGHT_MAX as u64),
        p.cores
    )
}

const WITHOUT_DESCRIPTORS: &str = "fewer downloads in flight, so slow hosts leave the cores idle; with next to none the run is \
     refused";

fn why_memlock(p: Profile) -> String {
    format!(
        "kernels before 5.12, and recent ones (6.18 among them), count io_uring's rings as locked memory \
         of their user, but root's: {} KB a ring x {} cores, twice for a second run",
        p.rings_bytes() / p.cores / 1024,
        p.cores
    )
}

const WITHOUT_MEMLOCK: &str = "smaller rings, and epoll on the cores that get none: a run says so when it begins, and `turbo2ds \
     doctor` whether this kernel counts";

/// A section of a systemd unit and its lines.
pub(super) type Section = (&'static str, Vec<Setting>);

/// The unit `turbo2ds@.service`, with one run per instance.
pub(super) fn systemd(p: Profile) -> Vec<Section> {
    vec![
        ("Unit", unit_section()),
        ("Service", {
            let mut all = service_command(p);
            all.extend(restart_policy());
            all.extend(resource_limits(p));
            all
        }),
        (
            "Install",
            vec![plain(
                "WantedBy",
                "multi-user.target",
                "begun again after a reboot",
            )],
        ),
    ]
}

/// A setting without a unit. An empty `why` means that the previous setting explains it.
fn plain(key: &'static str, value: impl ToString, why: &'static str) -> Setting {
    setting(key, value, "", why, "")
}

fn unit_section() -> Vec<Setting> {
    vec![
        plain("Description", "turbo2ds run %i", "one run per instance"),
        plain("Wants", "network-online.target", "names and links first"),
        plain("After", "network-online.target", ""),
        setting(
            "StartLimitIntervalSec",
            3600,
            "seconds",
            "with the next line, starts in an hour after which a run stays failed: 20 with 30 s between \
             are ten minutes in which a disk can be freed",
            "the default, 5 in 10 s, never counts at 30 s between: a run that cannot succeed is begun \
             for ever",
        ),
        plain("StartLimitBurst", 20, ""),
    ]
}

fn service_command(p: Profile) -> Vec<Setting> {
    vec![
        plain(
            "User",
            "turbo2ds",
            "images of strangers are decoded: not as root (useradd --system turbo2ds)",
        ),
        plain("NoNewPrivileges", "yes", ""),
        plain(
            "EnvironmentFile",
            "/etc/turbo2ds/%i.args",
            "holds one line, ARGS=, with the options as on the command line",
        ),
        plain(
            "ExecStartPre",
            format!("-/usr/local/bin/turbo2ds doctor --profile {p}"),
            "what the machine lacks goes to the journal before each run; the dash: it hinders none",
        ),
        plain("ExecStart", "/usr/local/bin/turbo2ds $ARGS", "the run"),
    ]
}

fn restart_policy() -> Vec<Setting> {
    vec![
        plain(
            "Restart",
            "on-failure",
            "the same command finishes what was stopped, killed or left out (exit codes 1 and 3)",
        ),
        setting(
            "RestartSec",
            30,
            "seconds",
            "time for a full disk or a lost network to be seen to",
            "the starts of an hour are used up at once",
        ),
        plain(
            "RestartPreventExitStatus",
            2,
            "a refused command line stays refused",
        ),
        plain(
            "SuccessExitStatus",
            130,
            "stopped by a signal on purpose: no failure",
        ),
        setting(
            "TimeoutStopSec",
            300,
            "seconds",
            "the first signal finishes open shards, up to 32 on each core; what is killed is done \
             again by the next run",
            "after 90 s (the default) the shards under way are lost and downloaded again",
        ),
    ]
}

fn resource_limits(p: Profile) -> Vec<Setting> {
    vec![
        setting(
            "LimitNOFILE",
            p.descriptors(),
            "descriptors",
            why_descriptors(p),
            WITHOUT_DESCRIPTORS,
        ),
        setting(
            "LimitMEMLOCK",
            p.memlock_bytes(),
            "bytes of locked memory",
            why_memlock(p),
            WITHOUT_MEMLOCK,
        ),
        setting(
            "TasksMax",
            p.tasks(),
            "threads",
            format!(
                "{} of the process (2 a core and 16) and up to {} of io_uring's kernel workers (4 for \
                 each ring and core), which count too",
                p.threads(),
                p.tasks() - p.threads()
            ),
            "`a thread could not be started`, or writes that wait for a worker (`fork rejected by \
             pids controller` in the kernel's log)",
        ),
        setting(
            "OOMScoreAdjust",
            500,
            "-1000 to 1000, more is killed sooner",
            "where memory runs out, this run ends and not the machine's other services: it is \
             begun again and loses only open shards",
            "the kernel may choose sshd or a database",
        ),
        setting(
            "CPUQuota",
            "",
            "empty: no quota",
            format!(
                "the {} reactors and compute threads are pinned to their cores, and a quota stops all \
                 of them for the rest of each 100 ms. To share a larger machine give the run cores of \
                 its own: AllowedCPUs=0-{}",
                p.cores,
                p.cores.saturating_sub(1)
            ),
            "with a quota: timeouts of healthy hosts, `nr_throttled` grows in the unit's cpu.stat",
        ),
    ]
}

/// The planned figures of each class, as a Markdown table.
pub(super) fn classes(of: &[Profile]) -> String {
    let mut out = format!(
        "Rates: {IMAGES_PER_CORE_SECOND} images a second for each core, {} KB an image on the link, {} \
         KB in a shard.\n\n\
         | class | cores, images/s | link, images/s | in flight | descriptors | conntrack entries | \
         written, MB/s |\n|---|---|---|---|---|---|---|\n",
        IMAGE_BYTES / 1000,
        SAMPLE_BYTES / 1000
    );
    for &p in of {
        let cells = [
            grouped(p.cores_rate()),
            grouped(p.link_rate()),
            grouped(p.in_flight()),
            grouped(p.descriptors()),
            grouped(p.conntrack_max()),
            grouped(p.written_bytes_per_second() / 1_000_000),
        ];
        out.push_str(&format!("| {p} | {} |\n", cells.join(" | ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::doctor::profile::CLASSES;

    fn value(settings: &[Setting], key: &str) -> String {
        let found = settings
            .iter()
            .find(|s| s.key.trim_start_matches('-') == key);
        found.expect(key).value.clone()
    }

    #[test]
    fn every_setting_has_a_unit_a_reason_and_a_symptom() {
        for p in CLASSES {
            for s in sysctl(p).iter().chain(&session_limits(p)) {
                let told = [s.unit, &s.why, s.without, &s.value];
                assert!(told.iter().all(|text| !text.is_empty()), "{p}: {s:?}");
            }
        }
    }

    #[test]
    fn the_figures_of_a_class_are_computed() {
        let p = Profile::new(16, 10);
        // min(16 x 437, 10^10 / 8 / 81,000) = 6,992; 2 x 16,384 + 3,072 + 48 = 35,888.
        assert_eq!(value(&session_limits(p), "nofile"), "36864");
        // 16,384 + 6,992 x (30 + 60 + 12) = 729,568.
        assert_eq!(
            value(&sysctl(p), "net.netfilter.nf_conntrack_max"),
            "1048576"
        );
        // 6,992 x 30,000 = 209,760,000.
        assert_eq!(value(&sysctl(p), "vm.dirty_background_bytes"), "268435456");
        assert_eq!(value(&sysctl(p), "vm.dirty_bytes"), "1073741824");
    }

    #[test]
    fn a_larger_class_never_gets_less() {
        for key in ["net.netfilter.nf_conntrack_max", "vm.dirty_bytes"] {
            let values = [
                Profile::new(8, 1),
                Profile::new(8, 10),
                Profile::new(64, 25),
            ]
            .map(|p| value(&sysctl(p), key).parse::<u64>().unwrap());
            assert!(values.is_sorted(), "{key}: {values:?}");
        }
    }
}
