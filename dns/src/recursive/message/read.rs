//! Owns parsing messages (RFC 1035, section 4) in place: header, question, records.
//! Never allocates, never trusts a count or length, and never interprets a message.
//!
//! It replaces hickory's `Message`, which allocates every record: a cold name takes two messages of
//! some twenty records, of which a handful matter. Tests use hickory's as the oracle.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use crate::recursive::wire_name::NameBuf;

pub(crate) const HEADER_BYTES: usize = 12;
/// Class IN.
pub(crate) const CLASS_IN: u16 = 1;
/// Most records read of one message. An answer of 64 KB could hold many more than are ever needed.
const RECORDS_MAX: u32 = 400;

/// A message with a valid header, and a valid question if it has one.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    bytes: &'a [u8],
    /// The question as sent: name, type and class.
    question: Option<&'a [u8]>,
    records_at: usize,
}

/// How the question of a message compares with the one that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuestionMatch {
    Exact,
    /// Equal except for the case of letters.
    CaseDiffers,
    Absent,
    Other,
}

/// The section of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    Answer,
    Authority,
    Additional,
}

/// A record, borrowed from its message.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) section: Section,
    pub(crate) owner: NameBuf,
    pub(crate) kind: RecordType,
    pub(crate) class: u16,
    pub(crate) ttl_s: u32,
    message: &'a [u8],
    data_at: usize,
    data: &'a [u8],
}

impl<'a> Message<'a> {
    /// `None` if the message is too short, or has several questions or a malformed one.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (records_at, question) = match be16(bytes, 4)? {
            _ if bytes.len() < HEADER_BYTES => return None,
            0 => (HEADER_BYTES, None),
            1 => {
                let end = plain_name_end(bytes, HEADER_BYTES)? + 4;
                (end, Some(bytes.get(HEADER_BYTES..end)?))
            }
            _ => return None,
        };
        Some(Self {
            bytes,
            question,
            records_at,
        })
    }

    pub(crate) fn id(&self) -> u16 {
        be16(self.bytes, 0).unwrap_or_default()
    }

    pub(crate) fn is_response(&self) -> bool {
        self.flags() & 0x8000 != 0
    }

    pub(crate) fn is_query_opcode(&self) -> bool {
        self.flags() & 0x7800 == 0
    }

    pub(crate) fn authoritative(&self) -> bool {
        self.flags() & 0x0400 != 0
    }

    pub(crate) fn truncated(&self) -> bool {
        self.flags() & 0x0200 != 0
    }

    pub(crate) fn code(&self) -> ResponseCode {
        let [_, low] = self.flags().to_be_bytes();
        ResponseCode::from(0, low & 0xf)
    }

    /// Compares the question with `sent`: name, type and class in wire format.
    pub(crate) fn question_is(&self, sent: &[u8]) -> QuestionMatch {
        match self.question {
            None => QuestionMatch::Absent,
            Some(question) if question == sent => QuestionMatch::Exact,
            Some(question) if same_but_case(question, sent) => QuestionMatch::CaseDiffers,
            Some(_) => QuestionMatch::Other,
        }
    }

    /// The records in order. An `Err` means that the rest is malformed, and is the last item.
    pub(crate) fn records(&self) -> Records<'a> {
        let count = |at| u32::from(be16(self.bytes, at).unwrap_or_default());
        let (answers, authorities, additionals) = (count(6), count(8), count(10));
        Records {
            message: self.bytes,
            at: self.records_at,
            number: 0,
            answers_end: answers,
            authorities_end: answers + authorities,
            end: answers + authorities + additionals,
        }
    }

    /// The records of one section, up to the first malformed one.
    pub(crate) fn section(&self, section: Section) -> impl Iterator<Item = Record<'a>> {
        self.records()
            .map_while(Result::ok)
            .skip_while(move |record| record.section < section)
            .take_while(move |record| record.section == section)
            .filter(|record| record.class == CLASS_IN)
    }

    fn flags(&self) -> u16 {
        be16(self.bytes, 2).unwrap_or_default()
    }
}

/// A record that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// See [`Message::records`].
pub(crate) struct Records<'a> {
    message: &'a [u8],
    at: usize,
    number: u32,
    answers_end: u32,
    authorities_end: u32,
    end: u32,
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.number >= self.end.min(RECORDS_MAX) {
            return None;
        }
        let section = match self.number {
            n if n < self.answers_end => Section::Answer,
            n if n < self.authorities_end => Section::Authority,
            _ => Section::Additional,
        };
        self.number += 1;
        let record = self.read(section);
        if record.is_none() {
            self.end = 0;
        }
        Some(record.ok_or(Malformed))
    }
}

impl<'a> Records<'a> {
    fn read(&mut self, section: Section) -> Option<Record<'a>> {
        let (owner, at) = name_at(self.message, self.at)?;
        let kind = RecordType::from(be16(self.message, at)?);
        let class = be16(self.message, at + 2)?;
        let ttl = self.message.get(at + 4..at + 8)?;
        let ttl = u32::from_be_bytes(ttl.try_into().ok()?);
        let data_at = at + 10;
        let data_end = data_at + usize::from(be16(self.message, at + 8)?);
        let data = self.message.get(data_at..data_end)?;
        self.at = data_end;
        Some(Record {
            section,
            owner,
            kind,
            class,
            // A TTL with its highest bit set counts as zero (RFC 2181, section 8).
            ttl_s: if ttl >> 31 == 0 { ttl } else { 0 },
            message: self.message,
            data_at,
            data,
        })
    }
}

impl Record<'_> {
    /// The address of an A or AAAA record.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        match self.kind {
            RecordType::A => Some(Ipv4Addr::from(<[u8; 4]>::try_from(self.data).ok()?).into()),
            RecordType::AAAA => Some(Ipv6Addr::from(<[u8; 16]>::try_from(self.data).ok()?).into()),
            _ => None,
        }
    }

    /// The name in a CNAME or NS record, if it fills the data exactly.
    pub(crate) fn target(&self) -> Option<NameBuf> {
        let (name, end) = name_at(self.message, self.data_at)?;
        (end == self.data_at + self.data.len()).then_some(name)
    }

    /// The last field of a SOA record: the TTL of negative answers (RFC 2308, section 4).
    pub(crate) fn soa_minimum_s(&self) -> Option<u32> {
        let tail = self.data.get(self.data.len().checked_sub(4)?..)?;
        Some(u32::from_be_bytes(tail.try_into().ok()?))
    }
}

/// The name at `start`, in lower case, and the offset after it. Each compression pointer must lead to
/// before the part that it ends, so the loop terminates; the maximum length of a name bounds it too.
fn name_at(message: &[u8], start: usize) -> Option<(NameBuf, usize)> {
    let mut name = NameBuf::new();
    let mut at = start;
    let mut part_start = start;
    let mut end = None;
    loop {
        let len = *message.get(at)?;
        match len >> 6 {
            0 => {
                let next = at + 1 + usize::from(len);
                name.push(message.get(at..next)?)?;
                at = next;
                if len == 0 {
                    return Some((name, end.unwrap_or(at)));
                }
            }
            3 => {
                let target = usize::from(be16(message, at)? & 0x3fff);
                if target >= part_start {
                    return None;
                }
                end.get_or_insert(at + 2);
                (at, part_start) = (target, target);
            }
            _ => return None,
        }
    }
}

/// The end of an uncompressed name at `start`: a question has no earlier name to point to.
fn plain_name_end(message: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let len = *message.get(at)?;
        if len > 63 || at - start > 254 {
            return None;
        }
        at += 1 + usize::from(len);
        if len == 0 {
            return Some(at);
        }
    }
}

/// Whether two questions are equal but for the case of the name; type and class must be identical.
fn same_but_case(question: &[u8], sent: &[u8]) -> bool {
    let (Some((name, tail)), Some((sent_name, sent_tail))) = (
        question.split_last_chunk::<4>(),
        sent.split_last_chunk::<4>(),
    ) else {
        return false;
    };
    tail == sent_tail && name.eq_ignore_ascii_case(sent_name)
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes(two.try_into().ok()?))
}
