//! Owns stores that are reached over the network: S3, Google Cloud Storage, Azure, HDFS, and the lists of web
//! servers and of the Hugging Face hub. A store that is open is an [`Objects`]: keys, bytes, versions and
//! conditions. Requests run on one thread of their own ([`thread`]), wait for their turn ([`pace`]) and are
//! tried again ([`Objects::persist`]). Never knows what a list or a dataset is.
//!
//! A key is the whole path of an object in its bucket or file system, without a slash at its beginning.

mod contact;
mod error;
mod hdfs;
#[cfg(test)]
mod hdfs_double;
mod hdfs_error;
mod hdfs_files;
mod hdfs_store;
#[cfg(test)]
mod hdfs_tests;
mod hdfs_upload;
mod hf;
mod http_files;
mod http_files_answer;
#[cfg(test)]
pub(crate) mod http_files_double;
mod http_files_store;
mod objects;
mod open;
mod pace;
mod read_ahead;
#[cfg(test)]
pub(crate) mod read_ahead_double;
mod read_ahead_stream;
mod settings;
mod thread;
mod trial;
mod upload;
#[cfg(test)]
mod uploads_double;
mod uploads_list;
#[cfg(test)]
mod uploads_tests;
mod uploads_xml;
mod webhdfs;
mod webhdfs_answer;
#[cfg(test)]
mod webhdfs_tests;

pub(crate) use error::{Kind, StorageError};
pub(crate) use objects::{Entry, Found, Objects, Put};
pub(crate) use open::open;
pub(crate) use read_ahead::{HELD_BYTES_MAX, ReadAhead, UNKNOWN_BYTES};
pub(crate) use upload::PartUpload;
