//! Owns the ways in which writing a shard can go wrong. Each is the run's trouble (its input table,
//! its configuration, its caller), never one URL's.

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;

/// Why a shard cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// A saved input column has the name of a column or member the format adds itself.
    #[error("the input column `{0}` has a name that this output format needs for itself")]
    ColumnNameTaken(String),
    /// A row number at or past the shard's number of rows.
    #[error("row {row} is outside the shard's {rows} rows")]
    RowOutOfRange {
        /// The row asked for, from 0.
        row: usize,
        /// Rows in the shard.
        rows: usize,
    },
    /// A row was given as a sample twice.
    #[error("row {0} was written twice")]
    RowRepeated(usize),
    /// The outcomes given at the end are not one per row.
    #[error("{given} outcomes for a shard of {rows} rows")]
    OutcomeCount {
        /// Outcomes given.
        given: usize,
        /// Rows in the shard.
        rows: usize,
    },
    /// A row's outcome says success and no sample was written, or the other way round.
    #[error("the outcome of row {0} does not agree with what was written of it")]
    OutcomeDisagrees(usize),
    /// The keys given are not one per row.
    #[error("{given} keys for a shard of {rows} rows")]
    KeyCount {
        /// Keys given.
        given: usize,
        /// Rows in the shard.
        rows: usize,
    },
    /// A row without a key was given as a sample.
    #[error("row {0} has no key and cannot be a sample")]
    KeyMissing(usize),
    /// The table cannot be built.
    #[error("the shard's table cannot be built: {0}")]
    Arrow(#[from] ArrowError),
    /// The table cannot be stored as parquet (a column type without a parquet form).
    #[error("the shard's table cannot be stored as parquet: {0}")]
    Parquet(#[from] ParquetError),
    /// The tar header cannot hold a name.
    #[error("a member's name does not fit a tar header: {0}")]
    Tar(#[from] std::io::Error),
}
