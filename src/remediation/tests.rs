//! The decision table: each row from real evidence, from its own inputs alone, and all rows together.

mod hours;
mod rows;
pub(super) mod site;
mod table;
mod unseen;
