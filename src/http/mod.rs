//! The web server: listening, limits, negotiation, compression, dispatch, and what this exporter answers.
//!
//! An endpoint gets a [`Request`], returns a [`Response`], and must not block, because it runs on the thread that
//! drives other connections. Every connection is bounded in time, in header size and in number, since the port is
//! often open to a whole network. `web` is the one file that knows sites and metrics.

pub mod api;
mod compress;
mod connection;
mod copies_json;
mod copies_section;
mod database_json;
mod database_section;
mod html;
mod listen;
mod negotiate;
mod request;
mod response;
mod restart;
mod routes;
mod server;
mod services;
mod sql_server;
mod status_page;
#[cfg(test)]
mod tests;
mod web;

pub use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
pub use hyper::{Method, StatusCode, Uri};
pub use listen::{BindError, Listeners};
pub use negotiate::{Escaping, Exposition, Negotiated, accepts_gzip, negotiate};
pub use request::Request;
pub use response::Response;
pub use routes::Routes;
pub use server::Limits;
pub use web::Web;
