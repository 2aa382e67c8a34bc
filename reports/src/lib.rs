//! Run records in, pages people look at out.
//!
//! A [`Campaign`] is plain data that somebody else filled. [`write()`] puts it into a folder: an index as page and
//! text, a page and a text for every run that did not pass, JUnit XML for continuous integration, and the
//! records themselves as JSON. While a campaign runs, its results go into a file line by line
//! ([`ResultsWriter`]), and the files of several processes make one campaign again ([`merge()`]). A page is one file: no script, no network, readable in light and dark.
//!
//! Must never know: what a store, a simulator or a checker is; only its own record types.

mod columns;
mod failed;
mod html;
mod junit;
mod ledger;
mod merge;
mod overview;
mod record;
mod results;
mod shard;
mod spared;
mod story;
mod text;
mod trim;
mod write;

pub use self::html::{failure_page, index_page};
pub use self::junit::junit;
pub use self::ledger::Ledger;
pub use self::merge::{MergeError, merge};
pub use self::overview::index_text;
pub use self::record::{Campaign, Counts, Coverage, Finding, Floor, Run, Scenario, Verdict, When};
pub use self::results::{Origin, Results, ResultsError, ResultsWriter};
pub use self::shard::{Shard, ShardError};
pub use self::spared::{SparedSteps, spared_steps};
pub use self::story::{
    Bar, Lane, LaneGroup, Mark, Plot, PlotRow, Story, Table, TableAt, Timeline, Tone,
};
pub use self::text::{failure_text, grouped, seconds};
pub use self::write::{Written, failure_name, write};
