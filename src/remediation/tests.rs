//! The decision table: each row from real evidence, from its own inputs alone, and all rows together.

mod amiss;
mod around;
mod hours;
mod limits;
mod rows;
mod runs;
pub(super) mod site;
mod table;
mod unseen;
