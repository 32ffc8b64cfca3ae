//! Owns the one spelling in which names are compared: ASCII lower case, no final dot.
//! Never translates IDNA (URL parsing did) and never checks that a name could exist.

use std::borrow::Cow;

/// `name` in the compared spelling; borrows where it already is.
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
