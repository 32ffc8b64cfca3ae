//! Owns the options that identify the sender of requests: user agent, contact, additional fields,
//! referrer. Never repeats a field's value in a message, since it may be a secret.

use url::Url;

use crate::error::Error;
use crate::http::{ExtraField, Referer, Sender};
use crate::limits::{EXTRA_FIELDS_BYTES_MAX, EXTRA_FIELDS_MAX};

use super::value::{Values, is_none, optional, text};

/// Longest user agent, token or contact, characters.
const AGENT_CHARS_MAX: usize = 1024;
/// Fields that the user cannot set, in lower case, and what to do instead.
const RESERVED_FIELDS: [(&str, &str); 23] = [
    ("accept-encoding", CODING),
    ("connection", FRAMING),
    ("content-encoding", FRAMING),
    ("content-length", FRAMING),
    ("content-type", FRAMING),
    ("expect", FRAMING),
    (
        "host",
        "it is what the URL says; --resolve sends a host elsewhere",
    ),
    ("http2-settings", FRAMING),
    ("if-match", WHOLE),
    ("if-modified-since", WHOLE),
    ("if-none-match", WHOLE),
    ("if-range", WHOLE),
    ("if-unmodified-since", WHOLE),
    ("keep-alive", FRAMING),
    (
        "proxy-authorization",
        "write it into the proxy's URL, as in http_proxy=http://USER:PASSWORD@HOST",
    ),
    ("proxy-connection", FRAMING),
    ("range", WHOLE),
    ("referer", "use --referer"),
    ("te", FRAMING),
    ("trailer", FRAMING),
    ("transfer-encoding", FRAMING),
    ("upgrade", FRAMING),
    ("user-agent", "use --user_agent"),
];
const FRAMING: &str = "a request's framing and connection are turbo2ds' own; leave it out";
const WHOLE: &str = "images are asked for whole and unconditionally; leave it out";
const CODING: &str = "images are compressed already; leave it out";

/// The product name of turbo2ds in a user agent.
const OWN_NAME: &str = "turbo2ds";

/// Reads the sender of requests, and the tokens that mean it in `X-Robots-Tag`.
pub(super) fn sender(v: &Values) -> Result<(Sender, Vec<String>), Error> {
    let token = v.read("user_agent_token", agent_token)?;
    let contact = v.read("contact", optional(contact))?;
    let whole = v.read("user_agent", optional(agent))?;
    if whole.is_some() && contact.is_some() {
        return Err(Error::usage(
            "`--contact` and `--user_agent` contradict each other",
            "write the contact into the user agent, or leave --user_agent out",
        ));
    }
    let robots_token = token.as_deref().or(whole.as_deref()).and_then(product_name);
    let user_agent =
        whole.unwrap_or_else(|| default_user_agent(token.as_deref(), contact.as_deref()));
    let has_own_name = user_agent.to_ascii_lowercase().contains(OWN_NAME);
    let mut robots_tokens = Vec::from_iter(robots_token);
    if has_own_name && !robots_tokens.iter().any(|token| token == OWN_NAME) {
        robots_tokens.push(OWN_NAME.to_owned());
    }
    let sender = Sender::with(&user_agent, extra_fields(v)?, v.read("referer", referer)?);
    Ok((sender, robots_tokens))
}

/// The default user agent, with a comment in the form that crawlers use.
fn default_user_agent(token: Option<&str>, contact: Option<&str>) -> String {
    let own = concat!("turbo2ds/", env!("CARGO_PKG_VERSION"));
    match (token, contact) {
        (None, None) => own.to_owned(),
        (None, Some(contact)) => format!("{own} (+{contact})"),
        (Some(token), None) => format!("{own} (compatible; {token})"),
        (Some(token), Some(contact)) => format!("{own} (compatible; {token}; +{contact})"),
    }
}

/// The first product name in a user agent, in lower case: the text before the first character that a
/// product name cannot contain, such as a slash or a space (RFC 9110, 10.1.5).
fn product_name(agent: &str) -> Option<String> {
    let end = agent.bytes().position(|byte| !is_token_byte(byte));
    let name = &agent[..end.unwrap_or(agent.len())];
    (!name.is_empty()).then(|| name.to_ascii_lowercase())
}

/// Whether a token may contain this byte (RFC 9110, 5.6.2).
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// A token; as in img2dataset, an empty one is none.
fn agent_token(given: &str) -> Result<Option<String>, String> {
    if given.trim().is_empty() {
        return Ok(None);
    }
    optional(agent)(given)
}

/// A user agent, or a part of one.
fn agent(given: &str) -> Result<String, String> {
    let agent = text(given)?.trim().to_owned();
    let is_printable = agent.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if is_printable && (1..=AGENT_CHARS_MAX).contains(&agent.len()) {
        Ok(agent)
    } else {
        Err(format!(
            "printable ASCII on one line, at most {AGENT_CHARS_MAX} characters"
        ))
    }
}

/// A URL or a `mailto:`, without characters that would end a comment.
fn contact(given: &str) -> Result<String, String> {
    let given = text(given)?;
    let contact = if given.contains("://") {
        contact_url(&given)
    } else {
        let address = given.strip_prefix("mailto:").unwrap_or(&given);
        is_mail_address(address).then(|| format!("mailto:{address}"))
    };
    contact
        .filter(|contact| contact.len() <= AGENT_CHARS_MAX)
        .ok_or_else(|| {
            "a URL such as https://example.org/bot or an address such as bot@example.org".to_owned()
        })
}

fn contact_url(given: &str) -> Option<String> {
    let url = Url::parse(given).ok()?;
    let is_public = url.username().is_empty() && url.password().is_none();
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    let text = url.as_str().replace('(', "%28").replace(')', "%29");
    (is_public && is_web).then_some(text)
}

/// Whether `text` is a mail address in its usual form, without quotes and comments (RFC 5322, 3.4.1).
fn is_mail_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let of_atoms = |text: &str| {
        text.split('.')
            .all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_byte))
    };
    let of_labels = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
    };
    of_atoms(local) && of_atoms(domain) && of_labels(domain) && domain.contains('.')
}

const fn is_atom_byte(byte: u8) -> bool {
    is_token_byte(byte) || matches!(byte, b'/' | b'=' | b'?' | b'{' | b'}')
}

fn referer(given: &str) -> Result<Referer, String> {
    match given {
        none if is_none(none) => Ok(Referer::None),
        "auto" => Ok(Referer::Auto),
        url => Referer::url(&text(url)?)
            .ok_or_else(|| "auto, a URL such as https://example.org/gallery, or None".to_owned()),
    }
}

fn extra_fields(v: &Values) -> Result<Vec<ExtraField>, Error> {
    let mut fields = Vec::new();
    for (at, text) in v.texts("header")?.iter().enumerate() {
        fields.push(extra_field(at + 1, text)?);
    }
    let bytes: usize = fields
        .iter()
        .map(|field| field.name.len() + field.value.len() + 4)
        .sum();
    if fields.len() > EXTRA_FIELDS_MAX || bytes > EXTRA_FIELDS_BYTES_MAX {
        return Err(Error::usage(
            format!("`--header` gives {} fields of {bytes} bytes", fields.len()),
            format!("at most {EXTRA_FIELDS_MAX} fields of {EXTRA_FIELDS_BYTES_MAX} bytes together"),
        ));
    }
    Ok(fields)
}

/// Parses one field; `at` is its number, for messages.
fn extra_field(at: usize, text: &str) -> Result<ExtraField, Error> {
    let malformed = |what: &str| {
        Error::usage(
            format!("`--header` number {at} {what}"),
            "write `--header 'Name: value'`, the value in printable ASCII on one line",
        )
    };
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| malformed("has no colon between name and value"))?;
    let (name, value) = (name.trim(), value.trim_matches([' ', '\t']));
    if name.is_empty() || !name.bytes().all(is_token_byte) {
        return Err(malformed("has a name that no field can have"));
    }
    if !value
        .bytes()
        .all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
    {
        return Err(malformed("has a value that no field can have"));
    }
    let lower = name.to_ascii_lowercase();
    if let Some((reserved, hint)) = RESERVED_FIELDS
        .iter()
        .find(|(reserved, _)| *reserved == lower)
    {
        return Err(Error::usage(
            format!("`--header` does not take the field `{reserved}`"),
            *hint,
        ));
    }
    Ok(ExtraField {
        name: name.to_owned(),
        value: value.replace('\t', " "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_name_comes_first() {
        for (agent, name) in [
            ("MyBot", Some("mybot")),
            ("Mozilla/5.0", Some("mozilla")),
            (
                "mybot/1.0 (+https://example.org/bot; bot@example.org)",
                Some("mybot"),
            ),
            ("My Bot", Some("my")),
            ("my-bot_2.1;x", Some("my-bot_2.1")),
            ("(compatible)", None),
            ("/1.0", None),
        ] {
            assert_eq!(product_name(agent).as_deref(), name, "{agent}");
        }
    }

    #[test]
    fn a_contact_is_a_url_or_an_address() {
        for (given, written) in [
            ("https://example.org/bot", "https://example.org/bot"),
            ("http://Example.ORG", "http://example.org/"),
            (
                "https://example.org/a(b) c",
                "https://example.org/a%28b%29%20c",
            ),
            ("bot@example.org", "mailto:bot@example.org"),
            (
                "mailto:a.b+c@x-y.example.org",
                "mailto:a.b+c@x-y.example.org",
            ),
        ] {
            assert_eq!(contact(given).as_deref(), Ok(written), "{given}");
        }
        let long = format!("https://example.org/{}", "x".repeat(AGENT_CHARS_MAX));
        for given in [
            "",
            "example.org",
            "example.org/bot",
            "ftp://example.org/",
            "https://",
            "https://u:p@example.org/",
            "me",
            "@example.org",
            "me@",
            "me@localhost",
            "me@a..b",
            "a@b@example.org",
            "me (x)@example.org",
            "me@example.org\r\nX: 1",
            "mé@example.org",
            "javascript://x",
            &long,
        ] {
            assert!(contact(given).is_err(), "{given}");
        }
    }
}
