//! Owns formatting the resolution of a name as text and as JSON. The resolver escapes the names that
//! servers sent. Never shows anything else of theirs.

use std::time::Duration;

use serde_json::{Value, json};
use turbo2ds_dns::recursive::{Step, StepOutcome};

use super::{Resolution, ResolvedBy};

/// The resolution of a name: one line for each query, and the result.
pub(super) fn text(path: &Resolution) -> String {
    let mut out = format!("{}\n", path.name);
    for step in &path.steps {
        let asked = if step.name.trim_end_matches('.') == path.name && step.kind == "A" {
            String::new()
        } else {
            format!("{} {}: ", step.name, step.kind)
        };
        out += &format!(
            "  {:<20} {:<20} {} {:>7.1} ms  {asked}{}\n",
            step.zone,
            step.server.to_string(),
            if step.tcp { "tcp" } else { "udp" },
            milliseconds(step.took),
            outcome_text(&step.outcome)
        );
    }
    let end = match &path.result {
        Ok(answer) => {
            let addrs: Vec<String> = answer.addrs.iter().map(ToString::to_string).collect();
            format!("{} (for {} s)", addrs.join(" "), answer.ttl.as_secs())
        }
        Err(error) => error.to_string(),
    };
    out += &format!(
        "  = {end}, {:.1} ms, {} queries{}\n",
        milliseconds(path.took),
        path.steps.len(),
        by_text(path.by)
    );
    out
}

const fn by_text(by: ResolvedBy) -> &'static str {
    match by {
        ResolvedBy::Authorities => "",
        ResolvedBy::Servers => ", by the name servers given",
        ResolvedBy::PrivateServers => ", by resolv.conf's servers: a name of private networks",
        ResolvedBy::ServersInstead => ", by resolv.conf's servers: no root server answers",
    }
}

fn outcome_text(outcome: &StepOutcome) -> String {
    match outcome {
        StepOutcome::Addrs(addrs) => {
            let addrs: Vec<String> = addrs.iter().map(ToString::to_string).collect();
            addrs.join(" ")
        }
        StepOutcome::Alias(target) => format!("is an alias of {target}"),
        StepOutcome::Referral { zone, addrs, names } => {
            let by_name = match names {
                0 => String::new(),
                names => format!(", {names} by name"),
            };
            format!("-> {zone} ({addrs} addresses of servers{by_name})")
        }
        other => outcome_word(other).replace('_', " "),
    }
}

const fn outcome_word(outcome: &StepOutcome) -> &'static str {
    match outcome {
        StepOutcome::Addrs(_) => "addresses",
        StepOutcome::Alias(_) => "alias",
        StepOutcome::NotFound => "not_found",
        StepOutcome::UnsureNotFound => "not_found_without_authority",
        StepOutcome::Referral { .. } => "referral",
        StepOutcome::Refused => "refused",
        StepOutcome::Lame => "does_not_serve_the_zone",
        StepOutcome::Unsupported => "not_understood",
        StepOutcome::Malformed => "malformed",
        StepOutcome::Truncated => "truncated",
        StepOutcome::Silent => "no_answer",
        StepOutcome::TcpFailed => "tcp_failed",
        StepOutcome::Unreachable => "unreachable",
    }
}

/// All resolutions as one object.
pub(super) fn json(paths: &[Resolution]) -> Value {
    let names: Vec<Value> = paths.iter().map(path_json).collect();
    json!({ "names": names })
}

fn path_json(path: &Resolution) -> Value {
    let (addresses, ttl_s, error) = match &path.result {
        Ok(answer) => (answer.addrs.to_vec(), Some(answer.ttl.as_secs()), None),
        Err(error) => (Vec::new(), None, Some(error.to_string())),
    };
    json!({
        "name": path.name,
        "addresses": addresses,
        "ttl_s": ttl_s,
        "error": error,
        "ms": milliseconds(path.took),
        "queries": path.steps.len(),
        "asked": match path.by {
            ResolvedBy::Authorities => "authorities",
            ResolvedBy::Servers => "servers",
            ResolvedBy::PrivateServers => "servers, as a private name",
            ResolvedBy::ServersInstead => "servers, as no authority answers",
        },
        "steps": path.steps.iter().map(step_json).collect::<Vec<_>>(),
    })
}

fn step_json(step: &Step) -> Value {
    let mut value = json!({
        "name": step.name,
        "type": step.kind,
        "zone": step.zone,
        "server": step.server,
        "transport": if step.tcp { "tcp" } else { "udp" },
        "ms": milliseconds(step.took),
        "outcome": outcome_word(&step.outcome),
    });
    match &step.outcome {
        StepOutcome::Addrs(addrs) => value["addresses"] = json!(addrs),
        StepOutcome::Alias(target) => value["target"] = json!(target),
        StepOutcome::Referral { zone, addrs, names } => {
            value["zone_below"] = json!(zone);
            value["server_addresses"] = json!(addrs);
            value["server_names"] = json!(names);
        }
        _ => {}
    }
    value
}

fn milliseconds(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e4).round() / 10.0
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use turbo2ds_dns::{Answer, DnsError};

    use super::*;

    fn step(zone: &str, outcome: StepOutcome) -> Step {
        Step {
            name: "www.a.test.".into(),
            kind: "A",
            zone: zone.into(),
            server: IpAddr::from([192, 0, 2, 1]),
            tcp: false,
            took: Duration::from_micros(12_340),
            outcome,
        }
    }

    fn path(result: Result<Answer, DnsError>) -> Resolution {
        let referral = StepOutcome::Referral {
            zone: "test.".into(),
            addrs: 2,
            names: 1,
        };
        Resolution {
            name: "www.a.test".into(),
            result,
            steps: vec![
                step(".", referral),
                step("test.", StepOutcome::Silent),
                step("test.", StepOutcome::Addrs(vec![[198, 51, 100, 7].into()])),
            ],
            took: Duration::from_millis(37),
            by: ResolvedBy::Authorities,
        }
    }

    fn found() -> Result<Answer, DnsError> {
        Ok(Answer {
            addrs: [IpAddr::from([198, 51, 100, 7])].into(),
            ttl: Duration::from_secs(60),
        })
    }

    #[test]
    fn a_resolution_is_shown_from_the_root_down() {
        let text = text(&path(found()));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "www.a.test");
        assert!(
            lines[1].contains("192.0.2.1")
                && lines[1].ends_with("12.3 ms  -> test. (2 addresses of servers, 1 by name)"),
            "{text}"
        );
        assert!(
            lines[2].ends_with("no answer") && lines[3].ends_with("198.51.100.7"),
            "{text}"
        );
        assert_eq!(lines[4], "  = 198.51.100.7 (for 60 s), 37.0 ms, 3 queries");
    }

    #[test]
    fn a_resolution_in_json_has_its_steps_and_its_error() {
        let value = json(&[path(Err(DnsError::TimedOut)), path(found())]);
        let names = value["names"].as_array().unwrap();
        assert_eq!(names[0]["error"], "dns timed out");
        assert_eq!(names[1]["addresses"][0], "198.51.100.7");
        assert_eq!(names[1]["steps"][0]["zone_below"], "test.");
        assert_eq!(names[1]["steps"][1]["outcome"], "no_answer");
    }
}
