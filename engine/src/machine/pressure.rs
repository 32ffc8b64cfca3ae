//! Owns reading how much time the machine lost to memory pressure (pressure stall information, Linux
//! 4.20). Never waits.

use std::time::Duration;

use super::system_files::SystemFiles;

/// The kernel's count of time lost to memory pressure, and its last value.
#[derive(Debug)]
pub(crate) struct MemoryPressure {
    tree: SystemFiles,
    seen: Option<Duration>,
}

impl MemoryPressure {
    /// Starts with the present count.
    pub(crate) fn new(tree: SystemFiles) -> Self {
        let seen = total(&tree);
        Self { tree, seen }
    }

    /// The time since the last call during which every runnable task waited for memory. Zero if the
    /// kernel does not count it.
    pub(crate) fn since_last(&mut self) -> Duration {
        let Some(seen) = self.seen else {
            return Duration::ZERO;
        };
        let now = total(&self.tree).unwrap_or(seen);
        self.seen = Some(now);
        now.saturating_sub(seen)
    }
}

/// The `total` of the `full` line, in microseconds.
fn total(tree: &SystemFiles) -> Option<Duration> {
    let text = tree.text("proc/pressure/memory")?;
    let line = text.lines().find_map(|line| line.strip_prefix("full "))?;
    let mut words = line.split_whitespace();
    let total = words.find_map(|word| word.strip_prefix("total="))?;
    total.parse().ok().map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::super::testing::tree;
    use super::*;

    fn text(full: u64) -> String {
        format!(
            "some avg10=1.00 avg60=0.50 avg300=0.10 total=9000000\n\
             full avg10=0.00 avg60=0.00 avg300=0.00 total={full}\n"
        )
    }

    #[test]
    fn only_the_time_since_the_last_call_is_returned() {
        let (folder, tree) = tree(&[("proc/pressure/memory", &text(2_000_000))]);
        let mut pressure = MemoryPressure::new(tree);
        assert_eq!(pressure.since_last(), Duration::ZERO);
        let path = folder.path().join("proc/pressure/memory");
        std::fs::write(path, text(2_300_000)).unwrap();
        assert_eq!(pressure.since_last(), Duration::from_millis(300));
        assert_eq!(pressure.since_last(), Duration::ZERO);
    }

    #[test]
    fn a_kernel_without_the_count_loses_no_time() {
        let (_folder, empty) = tree(&[]);
        assert_eq!(MemoryPressure::new(empty).since_last(), Duration::ZERO);
    }
}
