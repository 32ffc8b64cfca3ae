//! Owns expanding `~` at the start of a path, which shells do not do after `--name=`. Reads HOME, and
//! never any other environment variable.

use std::borrow::Cow;

/// Expands `~` or `~/` at the start of a path to HOME; `./~` is a file of that name.
pub(super) fn expand(text: &str) -> Result<Cow<'_, str>, String> {
    let home = std::env::var_os("HOME");
    expand_with(text, home.as_deref().and_then(std::ffi::OsStr::to_str))
}

fn expand_with<'a>(text: &'a str, home: Option<&str>) -> Result<Cow<'a, str>, String> {
    let Some(rest) = text.strip_prefix('~') else {
        return Ok(Cow::Borrowed(text));
    };
    if !rest.is_empty() && !rest.starts_with('/') {
        return Err(format!(
            "a path; another user's folder is to be written in full, and a file of this name as `./{text}`"
        ));
    }
    match home.filter(|home| home.starts_with('/')) {
        Some(home) => Ok(Cow::Owned(join_home(home, rest))),
        None => Err(format!(
            "a path that needs no HOME, which is not set to one; write it in full, or a file of this \
             name as `./{text}`"
        )),
    }
}

/// HOME itself, or a path in it.
fn join_home(home: &str, rest: &str) -> String {
    match format!("{}{rest}", home.trim_end_matches('/')) {
        root if root.is_empty() => "/".to_owned(),
        path => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str, home: Option<&str>) -> Option<String> {
        expand_with(text, home).ok().map(Cow::into_owned)
    }

    #[test]
    fn a_tilde_alone_or_before_a_slash_is_home() {
        for (text, path) in [
            ("~", "/home/me"),
            ("~/", "/home/me/"),
            ("~/a b/~/c", "/home/me/a b/~/c"),
        ] {
            for home in ["/home/me", "/home/me/"] {
                assert_eq!(expanded(text, Some(home)).as_deref(), Some(path));
            }
        }
        assert_eq!(expanded("~/x", Some("/")).as_deref(), Some("/x"));
        assert_eq!(expanded("~", Some("/")).as_deref(), Some("/"));
    }

    #[test]
    fn a_tilde_elsewhere_is_not_expanded() {
        for text in ["./~", "./~x", "a~", "/~/b", "", "x/~"] {
            assert_eq!(expanded(text, None).as_deref(), Some(text));
        }
    }

    #[test]
    fn another_users_home_or_a_missing_home_is_refused() {
        for home in [None, Some(""), Some("relative")] {
            let refused = expand_with("~/x", home).expect_err("no HOME");
            assert!(refused.contains("HOME") && refused.contains("`./~/x`"));
        }
        let refused = expand_with("~x/y", Some("/home/me")).expect_err("another user");
        assert!(refused.contains("in full") && refused.contains("`./~x/y`"));
    }
}
