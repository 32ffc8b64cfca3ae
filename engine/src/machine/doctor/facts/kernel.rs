//! Owns reading the kernel's settings and counters: /proc/sys, memory, sockets, the link. Never fails:
//! the value of a missing or malformed file is `None`, which each check interprets.

use crate::machine::{Cgroup, SystemFiles};

/// The kernel as this process sees it.
#[derive(Clone, Debug, Default)]
pub(in crate::machine::doctor) struct Kernel {
    pub(in crate::machine::doctor) cpus_online: Option<u64>,
    pub(in crate::machine::doctor) memory_bytes: Option<u64>,
    pub(in crate::machine::doctor) memory_available_bytes: Option<u64>,
    pub(in crate::machine::doctor) cgroup: Cgroup,
    /// Open descriptors on the whole machine.
    pub(in crate::machine::doctor) files_open: Option<u64>,
    /// Most open descriptors on the whole machine.
    pub(in crate::machine::doctor) file_max: Option<u64>,
    /// Highest possible limit on descriptors of a process.
    pub(in crate::machine::doctor) nr_open: Option<u64>,
    pub(in crate::machine::doctor) uring_disabled: Option<u64>,
    pub(in crate::machine::doctor) port_range: Option<[u64; 2]>,
    pub(in crate::machine::doctor) tw_reuse: Option<u64>,
    pub(in crate::machine::doctor) timestamps: Option<u64>,
    pub(in crate::machine::doctor) tcp_rmem: Option<[u64; 3]>,
    /// Low, pressure and high, pages.
    pub(in crate::machine::doctor) tcp_mem: Option<[u64; 3]>,
    pub(in crate::machine::doctor) conntrack: Option<Conntrack>,
    pub(in crate::machine::doctor) dirty_bytes: Option<u64>,
    pub(in crate::machine::doctor) dirty_ratio: Option<u64>,
    pub(in crate::machine::doctor) link: Option<Link>,
}

/// The connection tracking table.
#[derive(Clone, Debug, Default)]
pub(in crate::machine::doctor) struct Conntrack {
    pub(in crate::machine::doctor) count: u64,
    pub(in crate::machine::doctor) max: u64,
    pub(in crate::machine::doctor) buckets: Option<u64>,
    /// Seconds that a closed connection stays.
    pub(in crate::machine::doctor) time_wait_s: Option<u64>,
}

/// The interface of the default route.
#[derive(Clone, Debug)]
pub(in crate::machine::doctor) struct Link {
    pub(in crate::machine::doctor) name: String,
    /// Gb/s, rounded down; `None` if the driver does not report it, as in virtual machines.
    pub(in crate::machine::doctor) gbit: Option<u64>,
}

impl Kernel {
    pub(in crate::machine::doctor) fn read(tree: &SystemFiles) -> Self {
        let sys = |key: &str| format!("proc/sys/{}", key.replace('.', "/"));
        let number = |key: &str| tree.value(sys(key));
        let memory = tree.text("proc/meminfo").unwrap_or_default();
        Self {
            cpus_online: tree
                .text("sys/devices/system/cpu/online")
                .as_deref()
                .and_then(cpus_in_list),
            memory_bytes: kilobytes(&memory, "MemTotal"),
            memory_available_bytes: kilobytes(&memory, "MemAvailable"),
            cgroup: Cgroup::read(tree),
            files_open: tree.values::<1>(sys("fs.file-nr")).map(|[open]| open),
            file_max: number("fs.file-max"),
            nr_open: number("fs.nr_open"),
            uring_disabled: number("kernel.io_uring_disabled"),
            port_range: tree.values(sys("net.ipv4.ip_local_port_range")),
            tw_reuse: number("net.ipv4.tcp_tw_reuse"),
            timestamps: number("net.ipv4.tcp_timestamps"),
            tcp_rmem: tree.values(sys("net.ipv4.tcp_rmem")),
            tcp_mem: tree.values(sys("net.ipv4.tcp_mem")),
            conntrack: conntrack(tree),
            dirty_bytes: number("vm.dirty_bytes"),
            dirty_ratio: number("vm.dirty_ratio"),
            link: link(tree),
        }
    }
}

/// Number of CPUs in a list such as `0-3,8`.
fn cpus_in_list(text: &str) -> Option<u64> {
    let mut count = 0_u64;
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        count += u64::from(last.checked_sub(first)?) + 1;
    }
    Some(count)
}

/// The value of a line of /proc/meminfo, such as `MemTotal: 1000 kB`, in bytes.
fn kilobytes(text: &str, field: &str) -> Option<u64> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines.clone().find(|(name, _)| *name == field)?;
    let number: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    number.checked_mul(1024)
}

/// `None` if the module is not loaded.
fn conntrack(tree: &SystemFiles) -> Option<Conntrack> {
    let at = |name: &str| format!("proc/sys/net/netfilter/nf_conntrack_{name}");
    Some(Conntrack {
        count: tree.value(at("count"))?,
        max: tree.value(at("max"))?,
        buckets: tree.value(at("buckets")),
        time_wait_s: tree.value(at("tcp_timeout_time_wait")),
    })
}

/// The interface of the default route for IPv4, or else for IPv6.
fn link(tree: &SystemFiles) -> Option<Link> {
    let v4 = tree.text("proc/net/route").and_then(|text| {
        // Iface Destination Gateway ...; the destination of the default route is 0.
        let mut rows = text.lines().skip(1).map(str::split_whitespace);
        rows.find_map(|mut words| {
            let name = words.next()?;
            (words.next()? == "00000000").then(|| name.to_owned())
        })
    });
    let v6 = || {
        let text = tree.text("proc/net/ipv6_route")?;
        // Destination and its prefix length come first, the interface last.
        let mut rows = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        rows.find_map(|words| {
            let default = words.first()?.bytes().all(|b| b == b'0') && *words.get(1)? == "00";
            let name = *words.last()?;
            (default && name != "lo").then(|| name.to_owned())
        })
    };
    let name = v4.or_else(v6).filter(|name| !name.contains('/'))?;
    let speed: Option<i64> = tree.value(format!("sys/class/net/{name}/speed"));
    let mbit = speed
        .and_then(|mbit| u64::try_from(mbit).ok())
        .filter(|&mbit| mbit > 0);
    Some(Link {
        name,
        gbit: mbit.map(|mbit| (mbit / 1000).max(1)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::testing::tree;

    #[test]
    fn the_files_of_a_machine_are_read() {
        let (_folder, tree) = tree(&[
            ("sys/devices/system/cpu/online", "0-3,8,10-11\n"),
            (
                "proc/meminfo",
                "MemTotal:       1000 kB\nMemAvailable:    500 kB\n",
            ),
            ("proc/sys/fs/file-nr", "1234\t0\t999999\n"),
            ("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
            ("proc/sys/net/netfilter/nf_conntrack_count", "7\n"),
            ("proc/sys/net/netfilter/nf_conntrack_max", "100\n"),
            (
                "proc/net/route",
                "Iface\tDestination\tGateway\neth1\t000200C0\t0\neth0\t00000000\t010200C0\n",
            ),
            ("sys/class/net/eth0/speed", "25000\n"),
        ]);
        let kernel = Kernel::read(&tree);
        assert_eq!(kernel.cpus_online, Some(7));
        assert_eq!(kernel.memory_bytes, Some(1_024_000));
        assert_eq!(kernel.files_open, Some(1234));
        assert_eq!(kernel.port_range, Some([32768, 60999]));
        assert_eq!(
            kernel.conntrack.as_ref().map(|c| (c.count, c.max)),
            Some((7, 100))
        );
        let link = kernel.link.expect("a default route");
        assert_eq!((link.name.as_str(), link.gbit), ("eth0", Some(25)));
    }

    #[test]
    fn a_virtual_machine_has_no_link_speed() {
        let route = "Iface\tDestination\neth0\t00000000\n";
        let (_folder, tree) = tree(&[
            ("proc/net/route", route),
            ("sys/class/net/eth0/speed", "-1\n"),
        ]);
        assert!(
            Kernel::read(&tree)
                .link
                .is_some_and(|link| link.gbit.is_none())
        );
    }

    #[test]
    fn a_machine_with_only_ipv6_has_a_link() {
        let zeroes = "0".repeat(32);
        let route = format!(
            "{zeroes} 00 {zeroes} 00 {zeroes} ffffffff 00000001 00000000 00200200       lo\n\
             {zeroes} 00 {zeroes} 00 fe800000000000000000000000000001 00000400 1 0 00000003  ens3\n"
        );
        let (_folder, tree) = tree(&[
            ("proc/net/ipv6_route", &route),
            ("sys/class/net/ens3/speed", "2500"),
        ]);
        let link = Kernel::read(&tree).link.expect("a default route");
        assert_eq!((link.name.as_str(), link.gbit), ("ens3", Some(2)));
    }

    #[test]
    fn unreadable_files_are_unknown_and_never_a_panic() {
        let (_folder, tree) = tree(&[
            ("sys/devices/system/cpu/online", "3-1\n"),
            ("proc/meminfo", "MemTotal: 99999999999999999999 kB\n"),
            ("proc/sys/net/ipv4/tcp_rmem", "4096 x 1\n"),
            ("proc/net/route", "\n\n"),
        ]);
        let kernel = Kernel::read(&tree);
        assert_eq!(kernel.cpus_online, None);
        assert_eq!(kernel.memory_bytes, None);
        assert_eq!(kernel.tcp_rmem, None);
        assert!(kernel.link.is_none() && kernel.conntrack.is_none());
    }
}
