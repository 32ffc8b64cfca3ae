//! Owns parsing `X-Robots-Tag`: values that may repeat, each a list of directives, with an optional
//! `agent:` that limits the directives after it. Never decides which directives forbid use: the run's
//! configuration does.

/// Directives that take a value, so that their colon does not end an agent's name.
const VALUED: [&[u8]; 4] = [
    b"unavailable_after",
    b"max-snippet",
    b"max-image-preview",
    b"max-video-preview",
];

/// Whether any value has one of `directives` for everybody, or for one of our `tokens`. Case does not
/// matter. Without directives, nothing is disallowed.
pub fn disallowed(values: &[Vec<u8>], tokens: &[String], directives: &[String]) -> bool {
    values
        .iter()
        .any(|value| value_disallows(value, tokens, directives))
}

fn value_disallows(value: &[u8], tokens: &[String], directives: &[String]) -> bool {
    let mut for_us = true;
    value.split(|&b| b == b',').any(|item| {
        let (agent, item) = split_agent(item.trim_ascii());
        if let Some(agent) = agent {
            // Repeated fields may have been joined, so an agent applies until the next one.
            let is_ours = |token: &String| agent.eq_ignore_ascii_case(token.as_bytes());
            for_us = agent == b"*" || tokens.iter().any(is_ours);
        }
        let name = item
            .split(|&b| b == b':')
            .next()
            .unwrap_or_default()
            .trim_ascii();
        for_us
            && directives
                .iter()
                .any(|d| name.eq_ignore_ascii_case(d.as_bytes()))
    })
}

fn split_agent(item: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let Some(colon) = item.iter().position(|&b| b == b':') else {
        return (None, item);
    };
    let name = item[..colon].trim_ascii();
    // The time in a date has a colon too, but after a space, which no agent's name contains.
    let is_agent = !name.is_empty()
        && !name.contains(&b' ')
        && !VALUED
            .iter()
            .any(|valued| name.eq_ignore_ascii_case(valued));
    if is_agent {
        (Some(name), item[colon + 1..].trim_ascii())
    } else {
        (None, item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forbids(values: &[&str], token: Option<&str>) -> bool {
        let values: Vec<_> = values.iter().map(|v| v.as_bytes().to_vec()).collect();
        let directives = ["noai", "noimageai", "noindex", "noimageindex"].map(str::to_owned);
        let tokens = Vec::from_iter(token.map(str::to_owned));
        disallowed(&values, &tokens, &directives)
    }

    #[test]
    fn a_directive_without_an_agent_is_for_everybody() {
        assert!(forbids(&["noai"], None));
        assert!(forbids(&["nofollow, NoImageAI "], Some("bot")));
        assert!(forbids(&["*: noindex"], None));
        assert!(!forbids(&["nofollow, all"], None));
        assert!(!forbids(&["noaim, index"], None));
        assert!(!forbids(&[], None));
        assert!(!forbids(&["", ",", ":"], Some("")));
    }

    #[test]
    fn a_directive_with_an_agent_is_for_that_agent() {
        assert!(forbids(&["Our-Bot: nofollow, noai"], Some("our-bot")));
        assert!(!forbids(&["otherbot: noindex, noai"], Some("our-bot")));
        assert!(!forbids(&["otherbot: noindex"], None));
    }

    #[test]
    fn every_token_of_ours_matches() {
        let tokens = ["mybot", "turbo2ds"].map(str::to_owned);
        for value in ["Turbo2ds: noai", "other: all, MyBot: noai"] {
            let values = [value.as_bytes().to_vec()];
            assert!(
                disallowed(&values, &tokens, &["noai".to_owned()]),
                "{value}"
            );
        }
    }

    #[test]
    fn a_valued_directive_does_not_hide_its_neighbours() {
        assert!(forbids(
            &["noindex, unavailable_after: 25 Jun 2010 15:00:00 PST"],
            None
        ));
        assert!(forbids(
            &["unavailable_after: 25 Jun 2010 15:00:00 PST, noindex"],
            None
        ));
        assert!(forbids(
            &["unavailable_after: Friday, 25-Jun-10 15:00:00 UTC, noai"],
            None
        ));
        assert!(forbids(&["max-snippet: 20, noai"], None));
    }

    #[test]
    fn repeated_fields_are_each_read_joined_or_not() {
        assert!(forbids(&["otherbot: noindex", "noai"], None));
        assert!(forbids(&["noai, otherbot: nofollow"], None));
        assert!(forbids(&["otherbot: nofollow, bot: noai"], Some("bot")));
        assert!(!forbids(&["bot: nofollow, otherbot: noai"], Some("bot")));
    }

    #[test]
    fn without_directives_nothing_is_disallowed() {
        assert!(!disallowed(&[b"noai".to_vec()], &[], &[]));
    }

    #[test]
    fn invalid_utf8_is_not_a_directive() {
        assert!(!disallowed(
            &[b"\xff\xfe: noai".to_vec()],
            &[],
            &["noai".to_owned()]
        ));
    }
}
