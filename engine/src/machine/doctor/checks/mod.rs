//! Owns the order of the checks. Each derives one finding from the facts and the profile; none touches the
//! machine, so each is tested with a machine that meets the requirements and with one that does not.
//!
//! [`process`]: the resources of the process; [`network`]: sockets, ports, tables, names; [`storage`]: the
//! output folder and the page cache, or [`store`]: the output folder in a store.

mod network;
mod process;
mod storage;
mod store;

use super::facts::Facts;
use super::finding::Finding;
use super::profile::Profile;

/// Runs all checks. `cores` is the number of cores that a run would pin.
pub(super) fn all(facts: &Facts, profile: Profile, cores: u64) -> Vec<Finding> {
    let mut findings = process::all(facts, profile, cores);
    findings.extend(network::all(facts, profile));
    findings.extend(match &facts.store {
        Some(store) => store::all(store, profile),
        None => storage::all(facts, profile),
    });
    findings
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use super::testing::{P, facts};
    use super::*;
    use crate::machine::doctor::facts::{Kernel, Names, Question};
    use crate::machine::doctor::finding::Severity;
    use crate::machine::testing::tree;

    /// The severity of each check on a machine with these files.
    fn with_files(files: &[(&str, &str)]) -> impl Fn(&str) -> Severity {
        let (_folder, tree) = tree(files);
        let mut facts = facts();
        facts.kernel = Kernel::read(&tree);
        let findings = all(&facts, P, P.cores);
        move |check| {
            let found = findings.iter().find(|finding| finding.check == check);
            found.expect(check).severity
        }
    }

    #[test]
    fn a_machine_as_the_profile_wants_it_is_all_ok() {
        for finding in all(&facts(), P, P.cores) {
            assert_eq!(finding.severity, Severity::Ok, "{finding:?}");
        }
    }

    #[test]
    fn files_of_a_machine_as_wanted_give_no_warning() {
        let found = with_files(&[
            ("proc/sys/net/ipv4/ip_local_port_range", "10240\t65535\n"),
            ("proc/sys/net/ipv4/tcp_tw_reuse", "1\n"),
            ("proc/sys/net/ipv4/tcp_timestamps", "1\n"),
            ("proc/sys/fs/file-nr", "1000\t0\t9223372036854775807\n"),
            ("proc/sys/fs/file-max", "9223372036854775807\n"),
            ("proc/self/cgroup", "0::/run\n"),
            ("sys/fs/cgroup/run/cpu.max", "max 100000\n"),
            ("proc/meminfo", "MemTotal: 67108864 kB\n"),
        ]);
        for check in [
            "ports",
            "port reuse",
            "file table",
            "cpu quota",
            "memory",
            "connection tracking",
        ] {
            assert_eq!(found(check), Severity::Ok, "{check}");
        }
    }

    #[test]
    fn files_of_a_machine_that_lacks_everything_give_what_it_lacks() {
        let found = with_files(&[
            ("proc/sys/net/ipv4/ip_local_port_range", "60000\t60999\n"),
            ("proc/sys/net/ipv4/tcp_tw_reuse", "0\n"),
            ("proc/sys/net/netfilter/nf_conntrack_count", "65000\n"),
            ("proc/sys/net/netfilter/nf_conntrack_max", "65536\n"),
            ("proc/sys/fs/file-nr", "1000\t0\t2000\n"),
            ("proc/sys/fs/file-max", "2000\n"),
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/cpu.max", "100000 100000\n"),
            ("sys/fs/cgroup/memory.max", "268435456\n"),
            ("sys/fs/cgroup/pids.max", "20\n"),
        ]);
        assert_eq!(found("ports"), Severity::Warn);
        assert_eq!(found("port reuse"), Severity::Warn);
        assert_eq!(found("file table"), Severity::Warn);
        for check in ["connection tracking", "cpu quota", "memory", "threads"] {
            assert_eq!(found(check), Severity::Fail, "{check}");
        }
    }

    #[test]
    fn a_machine_of_which_nothing_can_be_read_gets_every_finding_and_no_failure() {
        let found = with_files(&[]);
        for check in [
            "ports",
            "port reuse",
            "receive buffer",
            "socket memory",
            "page cache",
        ] {
            assert_eq!(found(check), Severity::Note, "{check}");
        }
    }

    #[test]
    fn a_missing_resolv_conf_is_a_failure() {
        let (_folder, tree) = tree(&[]);
        let mut facts = facts();
        facts.names = Names::read(&tree, &[], Question::default());
        let findings = all(&facts, P, P.cores);
        let names = findings
            .iter()
            .find(|finding| finding.check == "name servers");
        assert_eq!(names.expect("a finding").severity, Severity::Fail);
    }
}
