//! Owns the framing of tar members: POSIX.1-1988 ustar headers with the owner, group and mode that
//! webdataset's own writer gives them. Never buffers a member.

use tar::{EntryType, Header};

use crate::{Sink, WriterError};

const BLOCK: usize = 512;
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
        let mut header = self.template.clone();
        header.set_path(name)?;
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        sink.append(header.as_bytes());
        sink.append(bytes);
        sink.append(&ZERO_BLOCK[..bytes.len().next_multiple_of(BLOCK) - bytes.len()]);
        Ok(())
    }

    /// Appends the two zero blocks that end a tar.
    pub(crate) fn end(sink: &mut dyn Sink) {
        sink.append(&ZERO_BLOCK);
        sink.append(&ZERO_BLOCK);
    }
}
