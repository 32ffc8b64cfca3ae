//! Owns the record types that are looked up. Never any other type of the DNS.

use hickory_proto::rr::RecordType;

/// What is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    A,
    Aaaa,
}

impl Kind {
    pub(crate) const fn record_type(self) -> RecordType {
        match self {
            Self::A => RecordType::A,
            Self::Aaaa => RecordType::AAAA,
        }
    }
}
