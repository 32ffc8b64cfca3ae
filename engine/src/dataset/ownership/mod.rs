//! Owns which files of an output folder are the dataset's own. A file is a run's where a record says whose
//! numbers those are and a mark or an intent names its shard; a name alone proves nothing. Decides, and
//! changes nothing: [`crate::dataset::commit`] publishes, undoes and removes.
//!
//! - A **record** (`.turbo2ds.json`) tells which numbers are whose and how their files are named.
//! - A **mark** (`00000_stats.json`) names the files of its shard. One without content names them too: such
//!   a shard is to be done again.
//! - An **intent** is a whole mark that still has its temporary name. It names those files of its shard
//!   whose own temporary names are gone: what makes a commit take a file's last name takes the first from it.
//! - A **temporary name** is this program's shape, `.NAME.WORD.part`.
//!
//! Everything else is somebody's and stays as it is, whatever it is called: [`refuse`] finds what of it
//! stands where a run's shards would go, before the run writes its first byte.

mod members;
mod refuse;
mod standing;
mod user_files;

pub(crate) use members::{Keys, Members};
pub(crate) use refuse::{Wanted, said};
pub(crate) use standing::{Intent, Mark, Standing, mark_of};
pub(crate) use user_files::UserFiles;
