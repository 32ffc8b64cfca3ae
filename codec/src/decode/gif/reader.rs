//! Owns the position in a GIF's bytes. Never interprets a block.

/// A position in the body. It may be moved past the end, but not read there.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) body: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a [u8], at: usize) -> Self {
        Self { body, at }
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let byte = *self.body.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    pub(super) fn word(&mut self) -> Option<usize> {
        let low = self.byte()?;
        Some(usize::from(u16::from_le_bytes([low, self.byte()?])))
    }

    pub(super) fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    pub(super) fn skip_sub_blocks(&mut self) -> Option<()> {
        loop {
            match self.byte()? {
                0 => return Some(()),
                len => self.skip(len.into()),
            }
        }
    }
}
