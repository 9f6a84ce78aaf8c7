//! What this exporter answers over HTTP, and the server under it.
//!
//! An endpoint gets a [`Request`], returns a [`Response`], and must not block, because it runs on the thread that
//! drives other connections. `server` knows no site and `web_config` none either; only `web`, `page`, `api` and `outlook`
//! do.

pub mod api;
mod outlook;
mod page;
#[cfg(test)]
mod samples;
mod server;
mod web;
mod web_config;
mod words;

pub use hyper::StatusCode;
pub use outlook::outlook_from_outside;
pub use server::{Answer, BindError, Limits, Listeners, Request, Response, Routes};
use server::{Exposition, negotiate};
pub use web::Web;
pub use web_config::{Material, NotTakenOver, WebConfigHandle, WebConfigReader, WebSettings};
pub use words::schedule;
