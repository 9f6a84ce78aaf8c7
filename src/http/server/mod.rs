//! The web server: listening, limits, who may ask, negotiation, compression, dispatch.
//!
//! Every connection is bounded in time, in header size and in number, since the port is often open to a whole network.

mod accept;
mod auth;
mod compress;
mod connection;
mod connections;
mod exchange;
mod guard;
mod limits;
mod listen;
mod negotiate;
mod rate;
mod request;
mod response;
mod routes;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use limits::Limits;
pub use listen::{BindError, Listeners};
pub(super) use negotiate::{Exposition, negotiate};
pub use request::Request;
pub use response::{Answer, Response};
pub use routes::Routes;

/// What a mutex holds, whole even if somebody panicked who held it: nothing here is left half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
