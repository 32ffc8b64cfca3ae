//! Owns `turbo2ds tune --print`: a profile as files that an administrator installs. Never writes a
//! file.

use super::profile::{CLASSES, Profile};
use super::settings::{self, Setting};
use crate::text::wrap;

/// Line width of the files, columns.
const WIDTH: usize = 100;

/// A file to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sheet {
    /// For /etc/sysctl.d.
    Sysctl,
    /// For /etc/security/limits.d.
    Limits,
    /// For /etc/systemd/system.
    Systemd,
    /// The planned figures of the classes, as a table.
    Classes,
}

impl Sheet {
    /// The values on the command line.
    pub const WORDS: [(&'static str, Self); 4] = [
        ("sysctl", Self::Sysctl),
        ("limits", Self::Limits),
        ("systemd", Self::Systemd),
        ("classes", Self::Classes),
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Sysctl => "sysctl",
            Self::Limits => "limits",
            Self::Systemd => "systemd",
            Self::Classes => "classes",
        }
    }

    /// Where the file is installed.
    const fn target(self) -> &'static str {
        match self {
            Self::Sysctl => "/etc/sysctl.d/90-turbo2ds.conf",
            Self::Limits => "/etc/security/limits.d/90-turbo2ds.conf",
            Self::Systemd => "/etc/systemd/system/turbo2ds@.service",
            Self::Classes => "",
        }
    }

    /// How it takes effect.
    const fn applied_by(self) -> &'static str {
        match self {
            Self::Sysctl => "Then `sysctl --system`.",
            Self::Limits => {
                "Then log in anew. Services do not read it: they have the unit's Limit lines."
            }
            Self::Systemd => {
                "Then `systemctl daemon-reload`; `systemctl start turbo2ds@NAME` begins a run."
            }
            Self::Classes => "",
        }
    }
}

/// Prints the given sheets, or all three files if none is given.
pub(super) fn print(profile: Profile, sheets: &[Sheet]) -> String {
    let all = [Sheet::Sysctl, Sheet::Limits, Sheet::Systemd];
    let chosen = if sheets.is_empty() { &all } else { sheets };
    let texts: Vec<String> = chosen.iter().map(|&sheet| one(profile, sheet)).collect();
    texts.join("\n")
}

fn one(profile: Profile, sheet: Sheet) -> String {
    if sheet == Sheet::Classes {
        return settings::classes(&CLASSES);
    }
    let mut out = format!(
        "# {}\n# Printed by `turbo2ds tune --print --profile {profile} {}`.\n",
        sheet.target(),
        sheet.word()
    );
    let planned = format!(
        "Planned for {} cores, {} Gb/s and {}. {}",
        profile.cores,
        profile.link_gbit,
        settings::rate_of(profile),
        sheet.applied_by()
    );
    wrap(&mut out, "# ", &planned, WIDTH);
    match sheet {
        Sheet::Sysctl => {
            for setting in settings::sysctl(profile) {
                explained(&mut out, &setting);
                out.push_str(&format!("{} = {}\n", setting.key, setting.value));
            }
        }
        Sheet::Limits => {
            for setting in settings::session_limits(profile) {
                explained(&mut out, &setting);
                // The star does not include root; the dash sets the soft and the hard limit.
                for who in ["*", "root"] {
                    out.push_str(&format!(
                        "{who:<4}  -  {}  {}\n",
                        setting.key, setting.value
                    ));
                }
            }
        }
        Sheet::Systemd => {
            for (section, lines) in settings::systemd(profile) {
                out.push_str(&format!("\n[{section}]\n"));
                for setting in lines {
                    explained(&mut out, &setting);
                    out.push_str(&format!("{}={}\n", setting.key, setting.value));
                }
            }
        }
        Sheet::Classes => {}
    }
    out
}

/// Appends a setting's comment.
fn explained(out: &mut String, setting: &Setting) {
    // The comment on the previous line covers it.
    if setting.unit.is_empty() && setting.why.is_empty() {
        return;
    }
    // No blank line after a section's name.
    if !out.ends_with("]\n") {
        out.push('\n');
    }
    if setting.unit.is_empty() {
        wrap(out, "# ", &capitalised(&setting.why), WIDTH);
        return;
    }
    wrap(out, "# ", &format!("Unit: {}.", setting.unit), WIDTH);
    wrap(out, "# ", &format!("Why: {}.", setting.why), WIDTH);
    wrap(out, "# ", &format!("Without: {}.", setting.without), WIDTH);
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        format!("{}{}.", first.to_uppercase(), chars.as_str())
    })
}
