//! Owns X-Robots-Tag: whether its directives forbid the use of an image.
//!
//! A value is a comma-separated list of directives. A `token:` in front limits what follows to one
//! agent; but some directives carry a colon of their own (`unavailable_after: date`), so a name in
//! front of a colon is an agent only where it is none of those.

/// Directives whose value comes behind a colon.
const WITH_VALUE: [&str; 4] =
    ["unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"];

/// Whether any of the header values forbids the use, for everybody or for `token` (lower case).
pub fn disallowed(values: &[Vec<u8>], token: Option<&str>, directives: &[String]) -> bool {
    !directives.is_empty()
        && values.iter().any(|value| value_disallows(value, token, directives))
}

fn value_disallows(value: &[u8], token: Option<&str>, directives: &[String]) -> bool {
    let value = String::from_utf8_lossy(value).to_ascii_lowercase();
    // What stands before the first agent is for everybody.
    let mut meant = true;
    value.split(',').any(|part| {
        let mut directive = part.trim();
        if let Some((name, rest)) = directive.split_once(':')
            && !WITH_VALUE.contains(&name.trim())
        {
            meant = token.is_some_and(|token| token == name.trim());
            directive = rest.trim();
        }
        meant && directives.iter().any(|forbidden| forbidden == directive)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forbids(values: &[&str], token: Option<&str>) -> bool {
        let directives: Vec<String> =
            ["noai", "noimageai", "noindex", "noimageindex"].map(str::to_owned).to_vec();
        let values: Vec<Vec<u8>> = values.iter().map(|value| value.as_bytes().to_vec()).collect();
        disallowed(&values, token, &directives)
    }

    #[test]
    fn a_directive_for_everybody_forbids() {
        assert!(forbids(&["noai"], None));
        assert!(forbids(&["nofollow", "nosnippet , NoIndex"], None));
        assert!(!forbids(&["nofollow, all"], None));
        assert!(!forbids(&["noaix"], None));
    }

    #[test]
    fn a_directive_for_another_agent_does_not() {
        assert!(!forbids(&["googlebot: noindex"], None));
        assert!(!forbids(&["googlebot: noindex, noai"], Some("mybot")));
        assert!(forbids(&["MyBot: noindex"], Some("mybot")));
        assert!(forbids(&["googlebot: nofollow, mybot: noai"], Some("mybot")));
    }

    #[test]
    fn a_directive_with_a_value_is_no_agent() {
        assert!(forbids(&["noindex, unavailable_after: 25 Jun 2010 15:00:00 PST"], None));
        assert!(forbids(&["unavailable_after: 25 Jun 2010 15:00:00 PST, noindex"], None));
        assert!(forbids(&["max-snippet: 5, noai"], None));
    }

    #[test]
    fn an_empty_list_of_directives_turns_the_check_off() {
        assert!(!disallowed(&[b"noai".to_vec()], None, &[]));
    }
}
