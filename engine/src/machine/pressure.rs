//! Owns the reading of how much time the machine lost to lack of memory, as the kernel counts it
//! (pressure stall information, Linux 4.20). Never waits.

use std::time::Duration;

use super::files::Tree;

/// What the kernel has counted when it was last asked.
#[derive(Debug)]
pub(crate) struct MemoryPressure {
    tree: Tree,
    seen: Option<Duration>,
}

impl MemoryPressure {
    /// Of a machine whose files are these.
    pub(crate) fn new(tree: Tree) -> Self {
        let seen = total(&tree);
        Self { tree, seen }
    }

    /// The time, since it was last asked, in which nothing could run because all that would waited for
    /// memory. Nothing where the kernel does not count it.
    pub(crate) fn since_last(&mut self) -> Duration {
        let Some(seen) = self.seen else {
            return Duration::ZERO;
        };
        let now = total(&self.tree).unwrap_or(seen);
        self.seen = Some(now);
        now.saturating_sub(seen)
    }
}

/// The count, of microseconds, in the line of all tasks.
fn total(tree: &Tree) -> Option<Duration> {
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
    fn only_what_came_since_is_told() {
        let (folder, tree) = tree(&[("proc/pressure/memory", &text(2_000_000))]);
        let mut pressure = MemoryPressure::new(tree);
        assert_eq!(pressure.since_last(), Duration::ZERO);
        let path = folder.path().join("proc/pressure/memory");
        std::fs::write(path, text(2_300_000)).unwrap();
        assert_eq!(pressure.since_last(), Duration::from_millis(300));
        assert_eq!(pressure.since_last(), Duration::ZERO);
    }

    #[test]
    fn a_kernel_that_does_not_count_tells_nothing() {
        let (_folder, empty) = tree(&[]);
        assert_eq!(MemoryPressure::new(empty).since_last(), Duration::ZERO);
    }
}
