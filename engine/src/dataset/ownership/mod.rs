//! Owns which files of an output folder are the dataset's own. A file belongs to a run if a record says who
//! owns its shard's number and a mark or an intent names the shard; a name alone proves nothing. Decides but
//! changes nothing: [`crate::dataset::commit`] publishes, undoes and removes.
//!
//! - A **record** (`.turbo2ds.json`) says who owns which shard numbers and how their files are named.
//! - A **mark** (`00000_stats.json`) names the files of its shard. A mark without content names them too;
//!   its shard is to be done again.
//! - An **intent** is a whole mark that still has its temporary name. It names those files of its shard
//!   whose own temporary names are gone: the rename that gives a file its final name also takes its
//!   temporary name away.
//! - A **temporary name** has this program's form, `.NAME.WORD.part`.
//!
//! Everything else is foreign and stays as it is, whatever its name. Before a run writes its first byte,
//! [`refuse`] finds foreign files under names that the run's shards would take.

mod members;
mod refuse;
mod standing;
mod user_files;

pub(crate) use members::{Keys, Members};
pub(crate) use refuse::{Wanted, said};
pub(crate) use standing::{Intent, Mark, Standing, mark_of};
pub(crate) use user_files::UserFiles;
