//! Owns the record of where figures come from: machine, kernel, libraries. Never names a host.

use std::fs;

use serde_json::{Map, Value, json};

/// The lock file this binary was built from.
const LOCK: &str = include_str!("../../../Cargo.lock");
/// Whose versions a figure depends on.
const LIBRARIES: [&str; 18] = [
    "fast_image_resize",
    "gif",
    "httparse",
    "io-uring",
    "libdeflater",
    "libwebp-sys",
    "md-5",
    "monoio",
    "png",
    "ring",
    "tar",
    "tikv-jemallocator",
    "tokio",
    "tokio-uring",
    "turbo2ds",
    "turbojpeg",
    "turbojpeg-sys",
    "zune-jpeg",
];

/// Machine, kernel and versions of this run.
pub(crate) fn record() -> Value {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    json!({
        "architecture": std::env::consts::ARCH,
        "cpu": cpu_model(&read("/proc/cpuinfo")),
        "cpus": cpus,
        "memory": field(&read("/proc/meminfo"), "MemTotal"),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "optimised": !cfg!(debug_assertions),
        "libraries": libraries(),
    })
}

/// A file of the kernel's; nothing where it has none.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The model as x86 and some ARM kernels name it.
fn cpu_model(cpuinfo: &str) -> Option<String> {
    ["model name", "Model", "CPU part"]
        .iter()
        .find_map(|name| field(cpuinfo, name))
}

/// The value of the first line `name : value`.
fn field(lines: &str, name: &str) -> Option<String> {
    lines.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    })
}

fn libraries() -> Map<String, Value> {
    let versions = |name: &&str| (name.to_string(), json!(versions(LOCK, name)));
    let mut libraries: Map<_, _> = LIBRARIES.iter().map(versions).collect();
    // SAFETY: takes nothing and gives a number, one byte per part of the version.
    let webp = unsafe { libwebp_sys::WebPGetDecoderVersion() };
    let [_, major, minor, patch] = webp.to_be_bytes();
    libraries.insert(
        "libwebp".into(),
        json!([format!("{major}.{minor}.{patch}")]),
    );
    libraries
}

/// The versions of a package in a lock file.
fn versions<'a>(lock: &'a str, package: &str) -> Vec<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines();
    let mut versions = Vec::new();
    while lines.by_ref().any(|line| line == name) {
        let version = lines
            .next()
            .and_then(|line| line.strip_prefix("version = "));
        versions.extend(version.map(|version| version.trim_matches('"')));
    }
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_library_has_a_version() {
        for (name, versions) in libraries() {
            assert_ne!(versions, json!([]), "{name}");
        }
    }

    #[test]
    fn versions_are_those_of_the_whole_name() {
        let lock = "[[package]]\nname = \"tar\"\nversion = \"0.4.1\"\n\n[[package]]\n\
                    name = \"tar-x\"\nversion = \"2.0.0\"\n\n[[package]]\nname = \"tar\"\n\
                    version = \"0.5.0\"\n";
        assert_eq!(versions(lock, "tar"), ["0.4.1", "0.5.0"]);
        assert!(versions(lock, "ta").is_empty());
    }

    #[test]
    fn a_cpu_is_named_by_the_first_line_that_does() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: other\n";
        assert_eq!(cpu_model(cpuinfo).as_deref(), Some("Some CPU @ 2 GHz"));
        assert_eq!(cpu_model("processor: 0\n"), None);
    }
}
