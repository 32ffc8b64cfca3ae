//! Owns the record types that a lookup can ask for. Never parses a record.

use hickory_proto::rr::RecordType;

/// The record type of a lookup.
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
