//! `turbo2ds doctor` over a folder in a store: what it finds, and that nothing of it stays.

use serde_json::Value;
use turbo2ds_tests::harness::tool_in;
use turbo2ds_tests::stores::{Action, FaultProxy, Rule};

use super::Check;
use super::place::Place;

pub const CHECKS: &[Check] = &[
    ("doctor over a store as it should be", whole),
    ("doctor names a right that is missing", missing_right),
    ("doctor with a key that the store does not know", wrong_key),
    ("doctor with rights to read alone", reader),
];

/// What doctor finds of the store, by check.
fn findings(place: &Place<'_>, env: Vec<(String, String)>, folder: &str) -> Vec<Value> {
    let (url, dns) = (place.server.url(folder), place.web.dns_server());
    let line = [
        "doctor",
        "--json",
        "--output_folder",
        &url,
        "--dns_servers",
        &dns,
    ];
    let said = tool_in(env, line);
    let report: Value = serde_json::from_str(&said.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", said.stdout, said.stderr));
    let mut findings = report["findings"].as_array().unwrap().clone();
    findings.retain(|finding| finding["check"].as_str().unwrap().contains("store"));
    findings
}

fn of<'a>(findings: &'a [Value], check: &str) -> &'a Value {
    let found = findings.iter().find(|finding| finding["check"] == check);
    found.unwrap_or_else(|| panic!("no {check} in {findings:?}"))
}

fn check_nothing_left(place: &Place<'_>, folder: &str) {
    assert!(place.bucket.list(folder).is_empty());
    let unfinished = place.bucket.unfinished(folder).unwrap_or_default();
    assert!(unfinished.is_empty(), "{unfinished:?}");
}

fn whole(place: &Place<'_>) {
    let kind = place.server.kind();
    let findings = findings(place, place.server.env(), "doctor");
    for finding in &findings {
        assert_ne!(finding["severity"], "fail", "{finding}");
    }
    for check in [
        "output store",
        "store: complete upload",
        "store: upload",
        "store: download",
    ] {
        assert_ne!(
            of(&findings, check)["found"],
            "not measured",
            "{findings:?}"
        );
    }
    if kind.keeps_conditions() {
        assert_eq!(of(&findings, "store: conditions")["severity"], "ok");
    }
    assert!(
        !findings
            .iter()
            .any(|finding| finding["check"] == "store: left behind")
    );
    check_nothing_left(place, "doctor");
}

fn missing_right(place: &Place<'_>) {
    if !place.server.kind().is_s3() {
        return;
    }
    let proxy = FaultProxy::before(place.server.endpoint_port()).unwrap();
    let env = place.server.env_through(proxy.port());
    type Meets = fn(&str) -> bool;
    let rights: [(&str, &str, Meets); 3] = [
        ("store: remove", "s3:DeleteObject", |line| {
            let is_removal = line.starts_with("DELETE") && !line.contains("uploadId=");
            // Several objects at a time.
            is_removal || line.starts_with("POST") && line.contains("?delete")
        }),
        ("store: abort upload", "s3:AbortMultipartUpload", |line| {
            line.starts_with("DELETE") && line.contains("uploadId=")
        }),
        (
            "store: list uploads",
            "s3:ListBucketMultipartUploads",
            |line| {
                line.starts_with("GET") && line.contains("uploads") && !line.contains("uploadId=")
            },
        ),
    ];
    for (check, action, meets) in rights {
        proxy.clear();
        proxy.add(Rule::new(Action::AccessDenied).on(meets));
        let findings = findings(place, env.clone(), "doctor-denied");
        let failed = findings
            .iter()
            .filter(|finding| finding["severity"] == "fail");
        assert_eq!(failed.count(), 1, "{check}: {findings:?}");
        let finding = of(&findings, check);
        assert_eq!(finding["severity"], "fail", "{finding}");
        let fix = finding["fix"].as_str().unwrap();
        assert!(fix.contains(action), "{finding}");
        if check == "store: remove" {
            // Nothing large is left where nothing can be removed.
            let left = place.bucket.list("doctor-denied");
            assert!(
                left.len() == 1 && left.values().all(|bytes| *bytes < 100),
                "{left:?}"
            );
            let said = of(&findings, "store: left behind")["found"]
                .as_str()
                .unwrap();
            for key in left.keys() {
                assert!(said.contains(key.as_str()), "{said}");
                place.bucket.delete(key);
            }
        }
    }
}

fn wrong_key(place: &Place<'_>) {
    let Some(env) = place.server.env_of_stranger() else {
        return;
    };
    let findings = findings(place, env, "doctor-stranger");
    assert_eq!(findings.len(), 1, "{findings:?}");
    let contact = of(&findings, "output store");
    assert_eq!(contact["severity"], "fail", "{contact}");
    assert!(
        contact["found"].as_str().unwrap().contains("credentials"),
        "{contact}"
    );
    check_nothing_left(place, "doctor-stranger");
}

fn reader(place: &Place<'_>) {
    let Some(env) = place.server.env_of_reader() else {
        return;
    };
    let findings = findings(place, env, "doctor-reader");
    assert_eq!(
        of(&findings, "store: list")["severity"],
        "ok",
        "{findings:?}"
    );
    let write = of(&findings, "store: write");
    assert_eq!(write["severity"], "fail", "{write}");
    assert!(
        write["fix"].as_str().unwrap().contains("s3:PutObject"),
        "{write}"
    );
    check_nothing_left(place, "doctor-reader");
}
