//! The whole of it in a simulated world: the real state, the real ledger and the real policy, with a service, a clock
//! and everything that can happen to them. What must never happen is checked by what is true, not by what is seen.

mod event;
mod exporter;
mod search;
mod walk;
mod world;
