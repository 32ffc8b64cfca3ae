//! Owns reading what control groups let this process have: the least of each limit on the way from
//! its group to the top, under version 2, version 1, or both at once. Never changes a group.

use std::path::{Component, Path, PathBuf};

use super::files::Tree;

const MOUNT: &str = "sys/fs/cgroup";
/// What version 1 says for no limit is near the largest number of pages.
const NO_LIMIT: u64 = 1 << 60;

/// What the groups allow; `None` is no limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cgroup {
    /// CPU time each second, in cores.
    pub(crate) cpu_quota: Option<f64>,
    /// Bytes of memory.
    pub(crate) memory_bytes: Option<u64>,
    /// Threads, kernel workers among them.
    pub(crate) tasks: Option<u64>,
}

impl Cgroup {
    /// What the groups of this process allow, read below `tree`.
    pub(crate) fn read(tree: &Tree) -> Self {
        let mut found = Self::default();
        for line in tree.text("proc/self/cgroup").unwrap_or_default().lines() {
            // hierarchy-ID:controllers:path (cgroups(7)); version 2 has no controllers here.
            let mut parts = line.splitn(3, ':');
            let (Some(_), Some(controllers), Some(path)) =
                (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            let group = clean(path);
            if controllers.is_empty() {
                for mount in [MOUNT.to_owned(), format!("{MOUNT}/unified")] {
                    found.add_v2(tree, &way_up(Path::new(&mount), &group));
                }
                continue;
            }
            for controller in controllers.split(',') {
                for folder in [controllers, controller] {
                    let mount = Path::new(MOUNT).join(clean(folder));
                    found.add_v1(tree, controller, &way_up(&mount, &group));
                }
            }
        }
        found
    }

    fn add_v2(&mut self, tree: &Tree, groups: &[PathBuf]) {
        for group in groups {
            let cpu = tree.text(group.join("cpu.max"));
            lower(&mut self.cpu_quota, cpu.as_deref().and_then(quota_v2));
            lower(&mut self.memory_bytes, tree.one(group.join("memory.max")));
            lower(&mut self.tasks, tree.one(group.join("pids.max")));
        }
    }

    fn add_v1(&mut self, tree: &Tree, controller: &str, groups: &[PathBuf]) {
        for group in groups {
            match controller {
                "cpu" => {
                    let quota: Option<i64> = tree.one(group.join("cpu.cfs_quota_us"));
                    let period: Option<u32> = tree.one(group.join("cpu.cfs_period_us"));
                    let both = quota
                        .zip(period)
                        .filter(|(quota, period)| *quota > 0 && *period > 0);
                    lower(
                        &mut self.cpu_quota,
                        both.map(|(quota, period)| quota as f64 / f64::from(period)),
                    );
                }
                "memory" => {
                    let limit: Option<u64> = tree.one(group.join("memory.limit_in_bytes"));
                    lower(
                        &mut self.memory_bytes,
                        limit.filter(|&limit| limit < NO_LIMIT),
                    );
                }
                "pids" => lower(&mut self.tasks, tree.one(group.join("pids.max"))),
                _ => {}
            }
        }
    }
}

/// The quota of version 2: `200000 100000`, or `max 100000`.
fn quota_v2(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period): (u64, u64) = (quota.parse().ok()?, period.parse().ok()?);
    (period > 0).then(|| quota as f64 / period as f64)
}

/// A group's path without its root and without ways out of it: in a container it may be `/../..`.
fn clean(path: &str) -> PathBuf {
    let normal = |part: &Component| matches!(part, Component::Normal(_));
    Path::new(path).components().filter(normal).collect()
}

/// The folder of the group, then of each group around it, up to the mount.
fn way_up(mount: &Path, group: &Path) -> Vec<PathBuf> {
    group.ancestors().map(|part| mount.join(part)).collect()
}

fn lower<T: PartialOrd>(limit: &mut Option<T>, other: Option<T>) {
    if let Some(other) = other
        && limit.as_ref().is_none_or(|limit| other < *limit)
    {
        *limit = Some(other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::files::testing::tree;

    #[test]
    fn version_2_takes_the_least_on_the_way_up() {
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
    fn a_container_sees_its_limits_at_the_mount_whatever_its_path_says() {
        let (_folder, tree) = tree(&[
            ("proc/self/cgroup", "0::/../../docker/abc\n"),
            ("sys/fs/cgroup/cpu.max", "50000 100000\n"),
        ]);
        assert_eq!(Cgroup::read(&tree).cpu_quota, Some(0.5));
    }

    #[test]
    fn a_machine_without_groups_or_with_nonsense_has_no_limit() {
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
