//! Owns the form in which names are compared: ASCII lower case without a trailing dot.
//! Never converts IDNA (URL parsing did) and never validates a name.

use std::borrow::Cow;

/// `name` in the form for comparison; borrowed if it is in that form already.
pub(crate) fn folded(name: &str) -> Cow<'_, str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_the_final_dot_make_no_other_name() {
        assert_eq!(folded("WWW.Example.COM."), "www.example.com");
    }

    #[test]
    fn a_folded_name_is_borrowed() {
        assert!(matches!(
            folded("example.com"),
            Cow::Borrowed("example.com")
        ));
        assert!(matches!(
            folded("example.com."),
            Cow::Borrowed("example.com")
        ));
    }
}
