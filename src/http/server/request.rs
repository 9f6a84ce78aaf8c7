//! What an endpoint may know of a request: no body, because nothing here takes one.

use std::net::SocketAddr;

use hyper::{HeaderMap, Method, Uri};

/// The head of one HTTP request.
#[derive(Debug, Clone)]
pub struct Request {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    peer: SocketAddr,
}

impl Request {
    /// A request as it would come from `peer`.
    pub fn new(method: Method, uri: Uri, headers: HeaderMap, peer: SocketAddr) -> Self {
        Self { method, uri, headers, peer }
    }

    /// The method; a route for GET also gets HEAD, and its body is left out later.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path as it was sent, still percent-encoded.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// What follows the question mark, still percent-encoded.
    pub fn query(&self) -> Option<&str> {
        self.uri.query()
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The other end of the connection, which may be a proxy.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }
}
