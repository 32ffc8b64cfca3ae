//! Owns reading the limits of control groups on this process: the lowest of each limit from its group
//! up to the root, under version 2, version 1, or both. Never changes a group.

use std::path::{Component, Path, PathBuf};

use super::system_files::SystemFiles;

const MOUNT: &str = "sys/fs/cgroup";
/// Values from here on mean no limit: version 1 reports a number near the maximum instead.
const NO_LIMIT: u64 = 1 << 60;

/// The limits of the control groups; `None` is no limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cgroup {
    /// CPU time per second, in cores.
    pub(crate) cpu_quota: Option<f64>,
    /// Bytes of memory.
    pub(crate) memory_bytes: Option<u64>,
    /// Threads, including kernel workers.
    pub(crate) tasks: Option<u64>,
}

impl Cgroup {
    /// The limits on this process, read below `tree`.
    pub(crate) fn read(tree: &SystemFiles) -> Self {
        let mut found = Self::default();
        for line in tree.text("proc/self/cgroup").unwrap_or_default().lines() {
            // hierarchy-ID:controllers:path (cgroups(7)); version 2 lists no controllers here.
            let mut parts = line.splitn(3, ':');
            let (Some(_), Some(controllers), Some(path)) =
                (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            let group = clean(path);
            if controllers.is_empty() {
                for mount in [MOUNT.to_owned(), format!("{MOUNT}/unified")] {
                    found.add_v2(tree, &ancestors(Path::new(&mount), &group));
                }
                continue;
            }
            for controller in controllers.split(',') {
                for folder in [controllers, controller] {
                    let mount = Path::new(MOUNT).join(clean(folder));
                    found.add_v1(tree, controller, &ancestors(&mount, &group));
                }
            }
        }
        found
    }

    fn add_v2(&mut self, tree: &SystemFiles, groups: &[PathBuf]) {
        for group in groups {
            let cpu = tree.text(group.join("cpu.max"));
            lower_limit(&mut self.cpu_quota, cpu.as_deref().and_then(quota_v2));
            lower_limit(&mut self.memory_bytes, tree.value(group.join("memory.max")));
            lower_limit(&mut self.tasks, tree.value(group.join("pids.max")));
        }
    }

    fn add_v1(&mut self, tree: &SystemFiles, controller: &str, groups: &[PathBuf]) {
        for group in groups {
            match controller {
                "cpu" => {
                    let quota: Option<i64> = tree.value(group.join("cpu.cfs_quota_us"));
                    let period: Option<u32> = tree.value(group.join("cpu.cfs_period_us"));
                    let both = quota
                        .zip(period)
                        .filter(|(quota, period)| *quota > 0 && *period > 0);
                    lower_limit(
                        &mut self.cpu_quota,
                        both.map(|(quota, period)| quota as f64 / f64::from(period)),
                    );
                }
                "memory" => {
                    let limit: Option<u64> = tree.value(group.join("memory.limit_in_bytes"));
                    lower_limit(
                        &mut self.memory_bytes,
                        limit.filter(|&limit| limit < NO_LIMIT),
                    );
                }
                "pids" => lower_limit(&mut self.tasks, tree.value(group.join("pids.max"))),
                _ => {}
            }
        }
    }
}

/// Parses a quota of version 2: `200000 100000`, or `max 100000`.
fn quota_v2(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period): (u64, u64) = (quota.parse().ok()?, period.parse().ok()?);
    (period > 0).then(|| quota as f64 / period as f64)
}

/// A group's path relative to the mount, without `..`: in a container it may be `/../..`.
fn clean(path: &str) -> PathBuf {
    let normal = |part: &Component| matches!(part, Component::Normal(_));
    Path::new(path).components().filter(normal).collect()
}

/// The folders of the group and its ancestors, up to the mount.
fn ancestors(mount: &Path, group: &Path) -> Vec<PathBuf> {
    group.ancestors().map(|part| mount.join(part)).collect()
}

fn lower_limit<T: PartialOrd>(limit: &mut Option<T>, other: Option<T>) {
    if let Some(other) = other
        && limit.as_ref().is_none_or(|limit| other < *limit)
    {
        *limit = Some(other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::system_files::testing::tree;

    #[test]
    fn version_2_takes_the_lowest_limit_of_all_ancestors() {
        let (_folder, tree) = tree(&[
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/a/b/cpu.max", "max 100000\n"),
            ("sys/fs/cgroup/a/b/memory.max", "1073741824\n"),
            ("sys/fs/cgroup/a/b/pids.max", "max\n"),
            ("sys/fs/cgroup/a/cpu.max", "250000 100000\n"),
            ("sys/fs/cgroup/a/memory.max", "max\n"),
            ("sys/fs/cgroup/a/pids.max", "100\n"),
        ]);
        let expected = Cgroup {
            cpu_quota: Some(2.5),
            memory_bytes: Some(1 << 30),
            tasks: Some(100),
        };
        assert_eq!(Cgroup::read(&tree), expected);
    }

    #[test]
    fn version_1_has_a_folder_for_each_controller() {
        let (_folder, tree) = tree(&[
            (
                "proc/self/cgroup",
                "8:pids:/\n4:memory:/x\n2:cpu,cpuacct:/x\n0::/\n",
            ),
            ("sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "150000\n"),
            ("sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
            (
                "sys/fs/cgroup/memory/x/memory.limit_in_bytes",
                "2147483648\n",
            ),
            (
                "sys/fs/cgroup/memory/memory.limit_in_bytes",
                "9223372036854771712\n",
            ),
            ("sys/fs/cgroup/pids/pids.max", "max\n"),
        ]);
        let expected = Cgroup {
            cpu_quota: Some(1.5),
            memory_bytes: Some(2 << 30),
            tasks: None,
        };
        assert_eq!(Cgroup::read(&tree), expected);
    }

    #[test]
    fn a_container_sees_its_limits_at_the_mount() {
        let (_folder, tree) = tree(&[
            ("proc/self/cgroup", "0::/../../docker/abc\n"),
            ("sys/fs/cgroup/cpu.max", "50000 100000\n"),
        ]);
        assert_eq!(Cgroup::read(&tree).cpu_quota, Some(0.5));
    }

    #[test]
    fn missing_or_malformed_groups_are_no_limit() {
        let (_empty, none) = tree(&[]);
        let (_folder, odd) = tree(&[
            ("proc/self/cgroup", "nonsense\n0::/\n1:cpu:/\n"),
            ("sys/fs/cgroup/cpu.max", "1 0\n"),
            ("sys/fs/cgroup/memory.max", "lots\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "5"),
        ]);
        assert_eq!(Cgroup::read(&none), Cgroup::default());
        assert_eq!(Cgroup::read(&odd), Cgroup::default());
    }
}
