//! The policy: one table, whose first row that applies decides.

use super::Inputs;
use crate::site::Decision;

/// What is to be done.
pub fn decide(_: &Inputs) -> Decision {
    Decision::Nothing
}
