//! Owns the table of faults: a name, what the server does, what turbo2ds must record for it.
//!
//! Each fault is at `/fault/NAME` of any host of the fake web. Expectations hold under
//! [`OPTIONS`] and no retries. Never depends on what was asked before: a fault is a constant.

mod body;
mod framing;
mod status;

use super::reply::Reply;
use super::site::Ask;

/// The token under which robots directives address us.
pub const USER_AGENT_TOKEN: &str = "fakeweb";
/// The options the expectations are made for. The limit of a body is low, so that one without an end
/// meets it long before the timeout on a busy machine too.
pub const OPTIONS: [&str; 6] = [
    "--timeout",
    "2",
    "--max_body_bytes",
    "4000000",
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

/// A row of the table.
pub struct Fault {
    /// The last part of its path; also a valid host label.
    pub name: &'static str,
    /// What the server does, in words.
    pub does: &'static str,
    /// What the row must say.
    pub expect: Expect,
    reply: fn(&Ask<'_>) -> Reply,
}

impl Fault {
    pub(crate) fn reply(&self, ask: &Ask<'_>) -> Reply {
        (self.reply)(ask)
    }
}

/// Every fault, by what it is about.
pub const FAULTS: [&[Fault]; 3] = [status::FAULTS, framing::FAULTS, body::FAULTS];

/// Every fault, in the table's order.
pub fn all() -> impl Iterator<Item = &'static Fault> {
    FAULTS.into_iter().flatten()
}

/// The fault of a name.
pub fn find(name: &str) -> Option<&'static Fault> {
    all().find(|fault| fault.name == name)
}

/// Shorthand of the tables.
const fn fault(
    name: &'static str,
    does: &'static str,
    expect: Expect,
    reply: fn(&Ask<'_>) -> Reply,
) -> Fault {
    Fault {
        name,
        does,
        expect,
        reply,
    }
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
}
