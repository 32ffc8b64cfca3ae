//! Owns the table of faults: a name, what happens, and what turbo2ds must record.
//!
//! Each row is one URL ([`Fault::url`]). The fault is in the response, the TLS handshake, the name
//! server's answer, or the URL itself. Expectations hold with [`OPTIONS`] (and [`NAME_TIMEOUT_S`]) and
//! without retries. Never depends on earlier requests.

mod chunks;
mod coding;
mod connection;
mod fields;
mod framing;
mod handshake;
mod head;
mod image;
mod image_files;
mod name;
mod redirect;
mod status;
mod url;

use super::Web;
use super::reply::Reply;
use super::site::Ask;
pub(crate) use handshake::Handshake;
pub(crate) use name::{Asked, Datagrams};

/// The token under which robots directives address us.
pub const USER_AGENT_TOKEN: &str = "fakeweb";
/// Seconds that one URL may take under [`OPTIONS`].
pub const TIMEOUT_S: u64 = 2;
/// Seconds that one URL may take where its name is the fault: all of them ask one server, which is
/// given the more time the more of its answers are missing.
pub const NAME_TIMEOUT_S: u64 = 10;
/// Most pixels of an image under [`OPTIONS`].
pub(crate) const PIXELS_MAX: u32 = SIDE_AT_LIMIT * SIDE_AT_LIMIT;
/// Both sides of the largest image.
pub(crate) const SIDE_AT_LIMIT: u32 = 6000;
/// The options the expectations are made for. The limit of a body is low, so that one without an end
/// meets it long before the timeout on a busy machine too; that of an image is a third of the usual one,
/// which its memory is in proportion to.
pub const OPTIONS: [&str; 8] = [
    "--timeout",
    "2",
    "--max_body_bytes",
    "4000000",
    "--max_pixels",
    "36000000",
    "--user_agent_token",
    USER_AGENT_TOKEN,
];

/// What the row of a fault must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The image is in the dataset.
    Success,
    /// `failed_to_download` with this error message.
    Download(&'static str),
    /// `failed_to_resize` with this error message.
    Resize(&'static str),
}

impl Expect {
    /// The `status` column.
    pub const fn status(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Download(_) => "failed_to_download",
            Self::Resize(_) => "failed_to_resize",
        }
    }

    /// The `error_message` column.
    pub const fn error_message(self) -> Option<&'static str> {
        match self {
            Self::Success => None,
            Self::Download(message) | Self::Resize(message) => Some(message),
        }
    }
}

/// Where the fault is.
enum Way {
    /// In the answer to a request, plain.
    Answer(fn(&Ask<'_>) -> Reply),
    /// In the answer to a request, over TLS.
    TlsAnswer(fn(&Ask<'_>) -> Reply),
    /// In the TLS handshake.
    Handshake(Handshake),
    /// In what the name server says of the host.
    Name(fn(&Asked<'_>) -> Datagrams),
    /// In the URL.
    Url(fn(&Web) -> String),
}

/// A row of the table.
pub struct Fault {
    /// The last part of its path; also a valid host label.
    pub name: &'static str,
    /// What happens, in words.
    pub does: &'static str,
    /// What the row must say.
    pub expect: Expect,
    way: Way,
}

impl Fault {
    /// The URL of the fault, on a host of its own: what one host does reaches no other row.
    pub fn url(&self, web: &Web) -> String {
        let name = self.name;
        let (host, path) = (format!("{name}.ok.test"), format!("/fault/{name}"));
        match &self.way {
            Way::Answer(_) => web.url_at(&host, &path),
            Way::TlsAnswer(_) => web.tls_url_at(&host, &path),
            Way::Handshake(_) => web.tls_url_at(&host, "/img/7.jpg"),
            Way::Name(_) => web.url_at(&format!("{name}.{NAMES_ZONE}"), "/img/7.jpg"),
            Way::Url(url) => url(web),
        }
    }

    /// Whether it is the name server's.
    pub const fn is_of_name(&self) -> bool {
        matches!(self.way, Way::Name(_))
    }

    /// Whether it is in the bytes of an image, so that the processor decides how long it takes.
    pub fn is_of_image(&self) -> bool {
        [image::FAULTS, image_files::FAULTS]
            .into_iter()
            .flatten()
            .any(|fault| fault.name == self.name)
    }

    pub(crate) fn reply(&self, ask: &Ask<'_>) -> Option<Reply> {
        match &self.way {
            Way::Answer(reply) | Way::TlsAnswer(reply) => Some(reply(ask)),
            _ => None,
        }
    }
}

/// Every fault, by what it is about.
const FAULTS: [&[Fault]; 13] = [
    status::FAULTS,
    redirect::FAULTS,
    connection::FAULTS,
    head::FAULTS,
    fields::FAULTS,
    framing::FAULTS,
    chunks::FAULTS,
    coding::FAULTS,
    image::FAULTS,
    image_files::FAULTS,
    url::FAULTS,
    handshake::FAULTS,
    name::FAULTS,
];

/// The zone of the names whose answers are faults.
const NAMES_ZONE: &str = "dns.test";

/// Every fault, in the table's order.
pub fn all() -> impl Iterator<Item = &'static Fault> {
    FAULTS.into_iter().flatten()
}

/// The fault of a name.
pub fn find(name: &str) -> Option<&'static Fault> {
    all().find(|fault| fault.name == name)
}

/// What is wrong with the handshake of a host of the fake web, if anything is.
pub(crate) fn handshake_of(host: &str) -> Option<&'static Handshake> {
    match &find(host.strip_suffix(".ok.test")?)?.way {
        Way::Handshake(handshake) => Some(handshake),
        _ => None,
    }
}

/// What is wrong with the name server's answer on a name, if anything is.
pub(crate) fn answer_on(name: &str) -> Option<fn(&Asked<'_>) -> Datagrams> {
    let below = name.trim_end_matches('.').to_ascii_lowercase();
    let label = below.strip_suffix(NAMES_ZONE)?.strip_suffix('.')?;
    match &find(label.rsplit('.').next()?)?.way {
        Way::Name(answer) => Some(*answer),
        _ => None,
    }
}

const fn row(name: &'static str, does: &'static str, expect: Expect, way: Way) -> Fault {
    Fault {
        name,
        does,
        expect,
        way,
    }
}

/// Shorthand of the tables.
const fn fault(
    name: &'static str,
    does: &'static str,
    expect: Expect,
    reply: fn(&Ask<'_>) -> Reply,
) -> Fault {
    row(name, does, expect, Way::Answer(reply))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_named_once_and_its_name_is_a_host_label() {
        let mut names: Vec<&str> = all().map(|fault| fault.name).collect();
        let valid = |name: &&str| {
            name.len() <= 63
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        assert!(names.iter().all(valid));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn the_bounds_among_the_options_are_those_that_are_told() {
        assert_eq!(OPTIONS[..2], ["--timeout", &TIMEOUT_S.to_string()]);
        assert_eq!(OPTIONS[4..6], ["--max_pixels", &PIXELS_MAX.to_string()]);
    }
}
