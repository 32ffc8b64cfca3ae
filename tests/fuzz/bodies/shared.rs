//! What targets share that hand files to readers of parquet. Never a target itself.

use std::path::PathBuf;

/// The bytes as a file in memory, of a name of the target's own.
pub fn file(target: &str, content: &[u8]) -> PathBuf {
    let path = PathBuf::from(format!(
        "/dev/shm/turbo2ds-fuzz-{target}-{}",
        std::process::id()
    ));
    std::fs::write(&path, content).expect("/dev/shm takes a file");
    path
}

/// The product contains panics of arrow and parquet; libFuzzer's hook would end the process at them.
pub fn quieten() {
    let fatal = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().map_or("", |location| location.file());
        if !place.contains("/arrow-") && !place.contains("/parquet-") {
            fatal(info);
        }
    }));
}
