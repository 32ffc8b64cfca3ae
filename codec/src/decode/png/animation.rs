//! Owns finding the first frame of an animated PNG like OpenCV: the default image if a frame control precedes
//! it, else the first frame after it. Never reads a second frame.
//!
//! OpenCV ignores checksums here and reads nothing after the first frame except the control that ends it.
//! If the stream of a frame is broken, OpenCV keeps what came before, over uninitialised memory, or crashes;
//! such a frame is refused here. A default image that is not shown is not inflated, so errors in it do not
//! matter, as they do in OpenCV.

use super::chunk::{Chunk, Chunks};
use super::file::{File, Region};
use super::header::Color;
use crate::error::CodecError;
use crate::pixels::Size;

/// Largest dispose and blend operations.
const DISPOSE_MAX: u8 = 2;
const BLEND_MAX: u8 = 1;

/// The number of frames of an animation control.
pub(super) fn frames(data: &[u8]) -> Result<u32, CodecError> {
    let frames = u32_at(data, 0).ok_or(CodecError::Decode)?;
    if frames == 0 {
        Err(CodecError::Decode)
    } else {
        Ok(frames)
    }
}

/// The region of a frame control. On an empty canvas both blend operations copy.
pub(super) fn control(data: &[u8]) -> Result<Region, CodecError> {
    let read = |data: &[u8]| {
        let size = Size::new(u32_at(data, 4)?, u32_at(data, 8)?);
        let (x, y) = (u32_at(data, 12)?, u32_at(data, 16)?);
        let known = *data.get(24)? <= DISPOSE_MAX && *data.get(25)? <= BLEND_MAX;
        known.then_some(Region { x, y, size })
    };
    read(data).ok_or(CodecError::Decode)
}

/// Whether the region is within the canvas.
pub(super) fn is_on_canvas(region: Region, canvas: Size) -> bool {
    let ends = |start: u32, length: u32| u64::from(start) + u64::from(length);
    ends(region.x, region.size.width) <= u64::from(canvas.width)
        && ends(region.y, region.size.height) <= u64::from(canvas.height)
}

/// Collects the data of the frame, from `first` on, the first chunk of the default image.
pub(super) fn first_frame<'a>(
    mut chunks: Chunks<'a>,
    first: Chunk<'a>,
    control_before: Option<Region>,
    file: &mut File<'a>,
) -> Result<(), CodecError> {
    let mut region = control_before;
    let mut chunk = first;
    loop {
        if !chunk.passes_opencv() {
            return Err(CodecError::Decode);
        }
        match &chunk.name {
            b"IDAT" => file.data.push(chunk.data),
            b"fdAT" if region.is_some() => {
                file.data
                    .push(chunk.data.get(4..).ok_or(CodecError::Decode)?);
            }
            b"fcTL" => {
                let next = control(chunk.data)?;
                if !is_on_canvas(next, file.canvas.size) {
                    return Err(CodecError::Decode);
                }
                if region.is_some() {
                    break;
                }
                if next.size.width == 0 || next.size.height == 0 {
                    return Err(CodecError::Decode);
                }
                region = Some(next);
                file.frame.size = next.size;
                file.data.clear();
            }
            b"IEND" => break,
            b"PLTE" if file.canvas.color != Color::Palette => {}
            _ if chunk.is_critical() => return Err(CodecError::Decode),
            _ => {}
        }
        chunk = chunks.next()?;
    }
    // Without a control no frame covers any region.
    file.region = Some(region.unwrap_or(Region {
        x: 0,
        y: 0,
        size: Size::new(0, 0),
    }));
    Ok(())
}

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    let bytes = data.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_be_bytes(bytes))
}
