//! Owns the framing of tar members: POSIX.1-1988 ustar headers with the owner, group and mode that
//! webdataset's own writer gives them, and before a member whose name does not fit one the `path`
//! record of POSIX.1-2001 (pax), as Python's tarfile writes it. Never buffers a member.

use tar::{EntryType, Header};

use crate::{Sink, WriterError};

const BLOCK: usize = 512;
/// Bytes of a name that a ustar header holds.
const NAME_BYTES_MAX: usize = 100;
/// Name of the header before a long-named member; nobody who knows pax looks at it.
const PAX_NAME: &str = "@PaxHeader";
/// Padding after a member and, as a whole, each of the two blocks that end a tar.
static ZERO_BLOCK: [u8; BLOCK] = [0; BLOCK];
/// Every member's time, in unix seconds: 1980-01-01. Fixed, so that equal input gives equal bytes;
/// not 0, which some tools call implausible; within what zip can hold, so shards convert.
const MTIME_S: u64 = 315_532_800;

/// The one header of which members' headers are copies.
pub(crate) struct TarMembers {
    template: Header,
}

impl TarMembers {
    /// Prepares what all members share.
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

/// `LENGTH path=NAME\n`, the length being that of the whole record, its own digits among it.
fn path_record(name: &str) -> Vec<u8> {
    let rest = format!(" path={name}\n");
    let mut digits = 1;
    while (rest.len() + digits).to_string().len() > digits {
        digits += 1;
    }
    format!("{}{rest}", rest.len() + digits).into_bytes()
}
