//! Owns the texts of `--help` and `--version`, and finding the option that a misspelt name means. All
//! of it comes from the table. Never prints.

use crate::text;

use super::table::{Group, OptionSpec, TABLE};

/// Width of `--help`, columns.
const WIDTH: usize = 100;
/// Column where the help text of an option begins.
const INDENT: usize = 8;

/// The text of `--help`.
pub(super) fn help() -> String {
    let mut out = format!(
        "turbo2ds {}: turns a list of image URLs into a sharded, training-ready image dataset\n\n\
         Usage: turbo2ds URL_LIST [--option value]...\n\
         \x20      turbo2ds doctor [--option value]...   checks this machine (doctor --help)\n\
         \x20      turbo2ds log FOLDER                   lists a dataset's versions (log --help)\n\
         \x20      turbo2ds redact FOLDER --urls FILE    takes samples out for good (redact --help)\n\
         \x20      turbo2ds resolve NAME...              shows how names are resolved (resolve --help)\n\
         \x20      turbo2ds tune --print [FILE]...       prints a machine profile (tune --help)\n\
         \x20      turbo2ds snapshot FOLDER              makes a version of what is there (snapshot --help)\n\
         \x20      turbo2ds verify FOLDER [--repair]     reads a dataset back (verify --help)\n",
        env!("CARGO_PKG_VERSION")
    );
    for group in Group::ALL {
        out.push_str(&format!("\n{}:\n", group.title()));
        for spec in TABLE.iter().filter(|spec| spec.group == group) {
            out.push_str(&format!("  --{} {}\n", spec.name, spec.kind.placeholder()));
            wrap(&mut out, &described(spec), INDENT);
        }
    }
    out.push_str(
        "\nOther:\n  -h, --help\n        this text\n  -V, --version\n        version, target, and the versions of the C libraries in it\n",
    );
    out.push_str(
        "\nDashes may stand for underscores in names. Lists are written as JSON or Python does.\n",
    );
    out
}

/// The text of `--version`. It belongs in bug reports, so it also lists the C libraries that are
/// compiled in.
pub(super) fn version() -> String {
    let mut out = format!(
        "turbo2ds {} ({}-{})\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        std::env::consts::OS
    );
    for (name, version) in turbo2ds_codec::libraries() {
        out.push_str(&format!("{name} {version}\n"));
    }
    out.push_str(&format!("zstd {}\n", zstd::zstd_safe::version_string()));
    out
}

fn described(spec: &OptionSpec) -> String {
    if spec.default.is_empty() {
        return format!("{} [required]", spec.help);
    }
    format!("{} [default: {}]", spec.help, spec.default)
}

/// Wraps `text` into lines that begin at column `indent`.
pub(super) fn wrap(out: &mut String, text: &str, indent: usize) {
    text::wrap(out, &" ".repeat(indent), text, WIDTH);
}

/// The nearest of `names` to `name`, if it is near enough.
pub(super) fn nearest(
    name: &str,
    names: impl Iterator<Item = &'static str>,
) -> Option<&'static str> {
    // Longer input is not a typing error, and computing the distance is quadratic.
    if name.len() > 64 {
        return None;
    }
    names
        .map(|known| (distance(name, known), known))
        .filter(|(distance, known)| *distance <= 1 + known.len() / 3)
        .min()
        .map(|(_, known)| known)
}

/// The Levenshtein distance in bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
