//! The web server: listening, limits, negotiation, compression, dispatch, and what this exporter answers.
//!
//! An endpoint gets a [`Request`], returns a [`Response`], and must not block, because it runs on the thread that
//! drives other connections. Every connection is bounded in time, in header size and in number, since the port is
//! often open to a whole network. Only `web`, `page`, `api` and `outlook` know sites.

pub mod api;
mod auth;
mod compress;
mod connection;
mod connections;
mod exchange;
mod guard;
mod listen;
mod negotiate;
mod outlook;
mod page;
mod rate;
mod request;
mod rereading;
mod response;
mod routes;
#[cfg(test)]
mod samples;
mod server;
mod settings;
#[cfg(test)]
mod tests;
mod tls;
mod web;
mod words;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
pub use hyper::{Method, StatusCode, Uri};
pub use listen::{BindError, Listeners};
pub use negotiate::{Escaping, Exposition, Negotiated, accepts_gzip, negotiate};
pub use outlook::outlook_from_outside;
pub use request::Request;
pub use rereading::{NotTakenOver, Rereading, WebConfigReader};
pub use response::{Answer, Response};
pub use routes::Routes;
pub use server::Limits;
pub use settings::{Material, WebSettings};
pub use web::Web;
pub use words::schedule;

/// What a mutex holds, whole even if somebody panicked who held it: nothing here is left half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
