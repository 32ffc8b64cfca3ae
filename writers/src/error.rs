//! Owns the errors of writing a shard. Each is caused by the run (its input table, configuration or caller),
//! never by one URL.

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;

/// Why a shard cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// An input column has the name of a column or member that the format adds.
    #[error("the input column `{0}` has a name that this output format needs for itself")]
    ColumnNameTaken(String),
    /// A row number at or past the shard's number of rows.
    #[error("row {row} is outside the shard's {rows} rows")]
    RowOutOfRange {
        /// The requested row, from 0.
        row: usize,
        /// Rows in the shard.
        rows: usize,
    },
    /// A row was written as a sample twice.
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
    /// The outcome of a row is a success without a written sample, or the reverse.
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
    /// A row without a key was written as a sample.
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
