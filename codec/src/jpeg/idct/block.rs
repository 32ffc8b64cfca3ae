//! Owns the layout of a block of coefficients. Never transforms one.

/// Coefficients of a block, row by row.
pub(crate) type Block = [i16; 64];
