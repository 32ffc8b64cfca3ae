//! The options that identify the sender, as a user types them.

use super::*;

/// The user agent of these arguments, and the token other than turbo2ds.
fn agent(args: &[&str]) -> (String, Option<String>) {
    let fetch = run(&[&["l.csv"], args].concat()).unwrap().fetch;
    let agent = fetch.sender.user_agent().to_owned();
    let (own, mut others): (Vec<_>, Vec<_>) = fetch
        .robots_tokens
        .into_iter()
        .partition(|token| token == "turbo2ds");
    assert_eq!(
        own.len(),
        usize::from(agent.to_ascii_lowercase().contains("turbo2ds")),
        "{agent}"
    );
    assert!(others.len() < 2);
    (agent, others.pop())
}

#[test]
fn the_user_agent_is_honest() {
    let own = concat!("turbo2ds/", env!("CARGO_PKG_VERSION"));
    let bot = "mybot/1.0 (+https://example.org/bot; bot@example.org)";
    for (args, said, token) in [
        (&[][..], String::new(), None),
        (&["--user_agent_token", "None"], String::new(), None),
        (&["--user_agent_token="], String::new(), None),
        (
            &["--user_agent_token", "MyBot"],
            " (compatible; MyBot)".into(),
            Some("mybot"),
        ),
        (
            &["--user_agent_token", "Mozilla/5.0"],
            " (compatible; Mozilla/5.0)".into(),
            Some("mozilla"),
        ),
        (
            &["--user_agent_token", bot],
            format!(" (compatible; {bot})"),
            Some("mybot"),
        ),
        (
            &["--contact", "https://example.org/bot"],
            " (+https://example.org/bot)".into(),
            None,
        ),
        (
            &["--contact", "bot@example.org"],
            " (+mailto:bot@example.org)".into(),
            None,
        ),
        (
            &[
                "--contact",
                "bot@example.org",
                "--user_agent_token",
                "MyBot",
            ],
            " (compatible; MyBot; +mailto:bot@example.org)".into(),
            Some("mybot"),
        ),
    ] {
        let found = agent(args);
        assert_eq!(
            found,
            (format!("{own}{said}"), token.map(str::to_owned)),
            "{args:?}"
        );
    }
}

#[test]
fn a_given_user_agent_replaces_the_default() {
    let whole = agent(&["--user_agent", "Wget/1.2 (x)"]);
    assert_eq!(whole, ("Wget/1.2 (x)".into(), Some("wget".into())));
    let named = agent(&["--user_agent", "Wget/1.2", "--user_agent_token", "MyBot/2"]);
    assert_eq!(named, ("Wget/1.2".into(), Some("mybot".into())));
    let ours_within = agent(&["--user_agent", "MyBot/2 (Turbo2ds/1.0)"]);
    assert_eq!(ours_within.1.as_deref(), Some("mybot"));
    let text = refused(&["l.csv", "--user_agent", "x", "--contact", "a@b.example"]);
    assert!(text.contains("contradict"), "{text}");
}

#[test]
fn a_header_is_kept_as_written() {
    let fields = |args: &[&str]| {
        let config = run(&[&["l.csv"], args].concat()).unwrap();
        format!("{:?}", config.fetch.sender)
    };
    for args in [
        &["--header", "X-One: a, b", "--header=X-Two:c"][..],
        &[r#"--header=["X-One: a, b", "X-Two: c"]"#],
        &["--header", "['X-One: a, b', 'X-Two: c']"],
    ] {
        assert!(fields(args).contains("[X-One, X-Two]"), "{args:?}");
    }
    assert!(fields(&["--header", "None"]).contains("extra: []"));
    assert_eq!(
        run(&["l.csv", "--header=A: b", "--referer=auto"])
            .unwrap()
            .recorded,
        run(&["l.csv"]).unwrap().recorded
    );
}

#[test]
fn a_reserved_header_is_refused_without_showing_its_value() {
    for (header, hint) in [
        ("s3cret", "Name: value"),
        (": s3cret", "Name: value"),
        ("X One: s3cret", "Name: value"),
        ("X-One: s3cret\r\nX-Two: 1", "Name: value"),
        ("X-One: s3cret\u{e9}", "Name: value"),
        ("X-One: s3cret\0", "Name: value"),
        ("Host: s3cret", "--resolve"),
        ("content-length : s3cret", "framing"),
        ("Transfer-Encoding: s3cret", "framing"),
        ("TE: s3cret", "framing"),
        ("Accept-Encoding: s3cret", "compressed"),
        ("Range: s3cret", "whole"),
        ("If-None-Match: s3cret", "whole"),
        ("User-Agent: s3cret", "--user_agent"),
        ("Referer: s3cret", "--referer"),
        ("Proxy-Authorization: s3cret", "http_proxy"),
        (r#"["X-One: s3cret]"#, "list"),
    ] {
        let text = refused(&["l.csv", "--header", header]);
        assert!(
            text.lines().nth(1).unwrap().contains(hint),
            "{header:?}: {text}"
        );
        assert!(!text.contains("s3cret"), "{text}");
    }
    let many = vec!["--header=X-One: 1"; 51];
    assert!(refused(&[&["l.csv"], &many[..]].concat()).contains("51 fields"));
    let large = format!("--header=X-One: {}", "x".repeat(16 * 1024));
    assert!(refused(&["l.csv", &large]).contains("bytes"));
}
