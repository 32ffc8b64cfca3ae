//! Owns the findings of checks, their severity, and the report of all of them as a table or as JSON.
//! Never looks at the machine.

use serde::Serialize;

use super::profile::Profile;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// As wanted.
    Ok,
    /// Worth knowing; nothing to do.
    Note,
    /// A run works, but more slowly or with avoidable failures.
    Warn,
    /// A run would be refused, fail for many URLs, or stall.
    Fail,
}

impl Severity {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) severity: Severity,
    /// With unit.
    pub(super) found: String,
    /// With unit.
    pub(super) wanted: String,
    /// What to do, in one line: a command if there is one.
    pub(super) fix: Option<String>,
}

impl Finding {
    /// A finding that requires no action.
    pub(super) fn ok(
        check: &'static str,
        found: impl Into<String>,
        wanted: impl Into<String>,
    ) -> Self {
        Self {
            check,
            severity: Severity::Ok,
            found: found.into(),
            wanted: wanted.into(),
            fix: None,
        }
    }

    /// Sets the severity and the fix.
    pub(super) fn at(mut self, severity: Severity, fix: impl Into<String>) -> Self {
        self.severity = severity;
        self.fix = Some(fix.into());
        self
    }

    /// Makes it a note without a fix.
    pub(super) fn noted(mut self) -> Self {
        self.severity = Severity::Note;
        self
    }
}

/// All findings against a profile.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) version: &'static str,
    pub(super) profile: String,
    /// `option`, or `machine` if it was measured.
    pub(super) profile_from: &'static str,
    pub(super) cores: u64,
    pub(super) link_gbit: u64,
    pub(super) failures: usize,
    pub(super) warnings: usize,
    pub(super) notes: usize,
    pub(super) exit_code: u8,
    pub(super) findings: Vec<Finding>,
}

impl Report {
    /// Counts the findings. With `strict` a warning counts as a failure for the exit code.
    pub(super) fn new(profile: Profile, given: bool, strict: bool, findings: Vec<Finding>) -> Self {
        let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
        let (failures, warnings) = (count(Severity::Fail), count(Severity::Warn));
        Self {
            version: env!("CARGO_PKG_VERSION"),
            profile: profile.to_string(),
            profile_from: if given { "option" } else { "machine" },
            cores: profile.cores,
            link_gbit: profile.link_gbit,
            failures,
            warnings,
            notes: count(Severity::Note),
            exit_code: u8::from(failures > 0 || strict && warnings > 0),
            findings,
        }
    }

    /// The report as text: a line for each finding, followed by its fix.
    pub(super) fn table(&self) -> String {
        let width = self
            .findings
            .iter()
            .map(|f| f.check.len())
            .max()
            .unwrap_or(0);
        let from = if self.profile_from == "option" {
            ""
        } else {
            " (measured; --profile names another)"
        };
        let mut out = format!(
            "turbo2ds {} against {}{from}\n\n",
            self.version, self.profile
        );
        for finding in &self.findings {
            let word = finding.severity.word();
            out.push_str(&format!(
                "{word:<4}  {:<width$}  {}\n",
                finding.check, finding.found
            ));
            if finding.severity == Severity::Ok {
                continue;
            }
            let indent = " ".repeat(6 + width + 2);
            if !finding.wanted.is_empty() {
                out.push_str(&format!("{indent}wanted: {}\n", finding.wanted));
            }
            if let Some(fix) = &finding.fix {
                out.push_str(&format!("{indent}fix: {fix}\n"));
            }
        }
        out.push_str(&format!(
            "\n{}, {}, {}",
            counted(self.failures, "failure"),
            counted(self.warnings, "warning"),
            counted(self.notes, "note")
        ));
        out
    }

    /// The report as one JSON object on one line.
    pub(super) fn json(&self) -> String {
        // Serializing numbers and strings cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(strict: bool, severities: &[Severity]) -> Report {
        let finding = |&severity: &Severity| match severity {
            Severity::Ok => Finding::ok("a check", "found", "wanted"),
            other => Finding::ok("a check", "found", "wanted").at(other, "do this"),
        };
        let findings = severities.iter().map(finding).collect();
        Report::new(Profile::new(2, 1), true, strict, findings)
    }

    #[test]
    fn only_a_failure_is_an_exit_code_and_a_warning_under_strict() {
        use Severity::{Fail, Note, Ok, Warn};
        assert_eq!(report(false, &[Ok, Note, Warn]).exit_code, 0);
        assert_eq!(report(true, &[Ok, Note]).exit_code, 0);
        assert_eq!(report(true, &[Warn]).exit_code, 1);
        assert_eq!(report(false, &[Ok, Fail]).exit_code, 1);
    }

    #[test]
    fn the_table_shows_a_fix_only_for_problems() {
        let text = report(false, &[Severity::Ok, Severity::Fail]).table();
        assert_eq!(text.matches("fix: do this").count(), 1, "{text}");
        assert_eq!(text.matches("wanted: wanted").count(), 1, "{text}");
        assert!(text.ends_with("1 failure, 0 warnings, 0 notes"), "{text}");
    }

    #[test]
    fn the_json_is_one_line_with_every_finding() {
        let text = report(false, &[Severity::Ok, Severity::Warn]).json();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(!text.contains('\n'));
        assert_eq!(value["findings"][1]["severity"], "warn");
        assert_eq!(value["findings"][0]["fix"], serde_json::Value::Null);
        assert_eq!(value["profile"], "2-cores-1gbe");
    }
}
