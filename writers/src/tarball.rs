//! Owns the framing of tar members: POSIX.1-1988 ustar headers with webdataset's owner, group and mode. A name
//! that does not fit gets the `path` record of POSIX.1-2001 (pax), like in Python's tarfile. Never buffers a
//! member.

use tar::{EntryType, Header};

use crate::error::WriterError;
use crate::sink::Sink;

const BLOCK: usize = 512;
/// Longest name in a ustar header, in bytes.
const NAME_BYTES_MAX: usize = 100;
/// Name of the pax header of a member; readers that know pax ignore it.
const PAX_NAME: &str = "@PaxHeader";
/// Padding after a member, and each of the two blocks that end a tar.
static ZERO_BLOCK: [u8; BLOCK] = [0; BLOCK];
/// Modification time of all members in Unix seconds: 1980-01-01. It is fixed, so that equal input gives equal
/// bytes; not 0, which some tools warn about; and valid in zip, so that shards can be converted.
const MTIME_S: u64 = 315_532_800;

/// Writes members; every header is a copy of one template.
pub(crate) struct TarMembers {
    template: Header,
}

impl TarMembers {
    /// Prepares the template.
    pub(crate) fn new() -> Result<Self, WriterError> {
        let mut template = Header::new_ustar();
        template.set_entry_type(EntryType::Regular);
        template.set_mode(0o444);
        template.set_uid(0);
        template.set_gid(0);
        template.set_mtime(MTIME_S);
        template.set_username("bigdata")?;
        template.set_groupname("bigdata")?;
        Ok(Self { template })
    }

    /// Appends one member: header, bytes, padding to the block.
    pub(crate) fn append(
        &self,
        name: &str,
        bytes: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<(), WriterError> {
        let mut held = name.len().min(NAME_BYTES_MAX);
        if held < name.len() {
            let mut long = self.template.clone();
            long.set_entry_type(EntryType::XHeader);
            put(long, PAX_NAME, &path_record(name), sink)?;
        }
        while !name.is_char_boundary(held) {
            held -= 1;
        }
        put(self.template.clone(), &name[..held], bytes, sink)
    }

    /// Appends the two zero blocks that end a tar.
    pub(crate) fn end(sink: &mut dyn Sink) {
        sink.append(&ZERO_BLOCK);
        sink.append(&ZERO_BLOCK);
    }
}

/// Header, bytes, padding to the block.
fn put(
    mut header: Header,
    name: &str,
    bytes: &[u8],
    sink: &mut dyn Sink,
) -> Result<(), WriterError> {
    header.set_path(name)?;
    header.set_size(bytes.len() as u64);
    header.set_cksum();
    sink.append(header.as_bytes());
    sink.append(bytes);
    sink.append(&ZERO_BLOCK[..bytes.len().next_multiple_of(BLOCK) - bytes.len()]);
    Ok(())
}

/// `LENGTH path=NAME\n`, where the length is that of the whole record, including its own digits.
fn path_record(name: &str) -> Vec<u8> {
    let rest = format!(" path={name}\n");
    let mut digits = 1;
    while (rest.len() + digits).to_string().len() > digits {
        digits += 1;
    }
    format!("{}{rest}", rest.len() + digits).into_bytes()
}
