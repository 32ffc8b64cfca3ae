//! Owns `~` in front of a path, which shells leave alone behind `--name=`. Reads HOME, the one thing of
//! the environment that an option's text can mean, and nothing else of it.

use std::borrow::Cow;

/// The path with `~` or `~/` in front made whole by HOME; `./~` is a file of that name.
pub(super) fn expand(text: &str) -> Result<Cow<'_, str>, String> {
    let home = std::env::var_os("HOME");
    expand_by(text, home.as_deref().and_then(std::ffi::OsStr::to_str))
}

fn expand_by<'a>(text: &'a str, home: Option<&str>) -> Result<Cow<'a, str>, String> {
    let Some(rest) = text.strip_prefix('~') else {
        return Ok(Cow::Borrowed(text));
    };
    if !rest.is_empty() && !rest.starts_with('/') {
        return Err(format!(
            "a path; another user's folder is to be written in full, and a file of this name as `./{text}`"
        ));
    }
    match home.filter(|home| home.starts_with('/')) {
        Some(home) => Ok(Cow::Owned(whole(home, rest))),
        None => Err(format!(
            "a path that needs no HOME, which is not set to one; write it in full, or a file of this \
             name as `./{text}`"
        )),
    }
}

/// HOME itself, or what stands in it.
fn whole(home: &str, rest: &str) -> String {
    match format!("{}{rest}", home.trim_end_matches('/')) {
        root if root.is_empty() => "/".to_owned(),
        path => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str, home: Option<&str>) -> Option<String> {
        expand_by(text, home).ok().map(Cow::into_owned)
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
    fn a_tilde_elsewhere_is_a_letter() {
        for text in ["./~", "./~x", "a~", "/~/b", "", "x/~"] {
            assert_eq!(expanded(text, None).as_deref(), Some(text));
        }
    }

    #[test]
    fn without_home_or_for_another_user_nothing_is_guessed() {
        for home in [None, Some(""), Some("relative")] {
            let refused = expand_by("~/x", home).expect_err("no HOME");
            assert!(refused.contains("HOME") && refused.contains("`./~/x`"));
        }
        let refused = expand_by("~x/y", Some("/home/me")).expect_err("another user");
        assert!(refused.contains("in full") && refused.contains("`./~x/y`"));
    }
}
