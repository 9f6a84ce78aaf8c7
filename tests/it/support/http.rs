//! A minimal blocking HTTP/1.1 client, so that tests see the bytes that a server sent.
//!
//! One connection for each request, every step bounded in time. It does not follow redirects, and it undoes
//! the chunked transfer coding but no content coding: a test of compression wants the compressed bytes.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The most that connecting, and each single read or write, may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// More than any answer that a test expects; a server that streams without end fails the test instead of the
/// machine.
const MOST_BYTES: u64 = 256 << 20;

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Response {
    /// The status code.
    pub(crate) status: u16,
    /// Names in lower case and values, in the order in which they came.
    pub(crate) headers: Vec<(String, String)>,
    /// The body without its transfer coding.
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The value of the only header of this name.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let first = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "header {name} came twice: {:?}", self.headers);
        first
    }

    /// The body as text.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body in UTF-8")
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("status {}, not JSON ({error}): {}", self.status, self.body.escape_ascii()),
        }
    }
}

/// Gets `path`, with `headers` besides Host and Connection; a failure of the connection fails the test.
#[track_caller]
pub(crate) fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Response {
    match request("GET", address, path, headers) {
        Ok(response) => response,
        Err(error) => panic!("GET http://{address}{path}: {error}"),
    }
}

/// Sends a request without a body. Errors are those of the connection, and an answer that is not HTTP/1.
pub(crate) fn request(
    method: &str,
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> io::Result<Response> {
    send(method, address, path, headers, b"", TIMEOUT)
}

/// The same with a body of JSON where it is not empty; each step may take so long.
pub(crate) fn send(
    method: &str,
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    timeout: Duration,
) -> io::Result<Response> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;

    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        head.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;

    read_response(method, BufReader::new(stream.take(MOST_BYTES)))
}

/// Reads the answer to a request of `method`, past interim answers (1xx).
fn read_response(method: &str, mut stream: impl BufRead) -> io::Result<Response> {
    loop {
        let status = read_status(&mut stream)?;
        let headers = read_headers(&mut stream)?;
        if (100..200).contains(&status) {
            continue;
        }
        let bodiless = method == "HEAD" || matches!(status, 204 | 304);
        let body = if bodiless { Vec::new() } else { read_body(&mut stream, &headers)? };
        return Ok(Response { status, headers, body });
    }
}

fn read_status(stream: &mut impl BufRead) -> io::Result<u16> {
    let line = read_line(stream)?;
    line.strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| malformed(format!("status line {line:?}")))
}

fn read_headers(stream: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = read_line(stream)?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line.split_once(':').ok_or_else(|| malformed(format!("header {line:?}")))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// Reads a body as its headers delimit it; without any, the end of the connection is the end of the body.
fn read_body(stream: &mut impl BufRead, headers: &[(String, String)]) -> io::Result<Vec<u8>> {
    let header = |name| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let mut body = Vec::new();
    if header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        loop {
            let line = read_line(stream)?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(digits, 16)
                .map_err(|error| malformed(format!("chunk size {line:?}: {error}")))?;
            if size == 0 {
                read_headers(stream)?;
                return Ok(body);
            }
            read_exactly(stream, size, &mut body)?;
            let end = read_line(stream)?;
            if !end.is_empty() {
                return Err(malformed(format!("{end:?} after a chunk of {size} bytes")));
            }
        }
    }
    if let Some(length) = header("content-length") {
        let size =
            length.parse().map_err(|error| malformed(format!("content-length {length:?}: {error}")))?;
        read_exactly(stream, size, &mut body)?;
    } else {
        stream.read_to_end(&mut body)?;
    }
    Ok(body)
}

fn read_exactly(stream: &mut impl BufRead, size: u64, body: &mut Vec<u8>) -> io::Result<()> {
    let read = stream.take(size).read_to_end(body)?;
    if u64::try_from(read).is_ok_and(|read| read == size) {
        return Ok(());
    }
    Err(malformed(format!("the connection ended after {read} of {size} bytes")))
}

/// Reads a line without its CRLF.
fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    line.strip_suffix("\r\n")
        .map(str::to_owned)
        .ok_or_else(|| malformed(format!("the connection ended inside a line: {line:?}")))
}

fn malformed(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn read(method: &str, bytes: &str) -> Response {
        read_response(method, bytes.as_bytes()).expect("a well-formed answer")
    }

    #[test]
    fn a_body_ends_where_its_headers_say() {
        let table = [
            ("length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd", "abc"),
            (
                "chunks",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n",
                "abc",
            ),
            ("end of the connection", "HTTP/1.0 200 OK\r\n\r\nabc", "abc"),
            ("after an interim answer", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nabc", "abc"),
        ];
        for (case, bytes, body) in table {
            assert_eq!(read("GET", bytes).text(), body, "{case}");
        }
    }

    #[test]
    fn an_answer_to_head_has_no_body_whatever_its_length_says() {
        let response =
            read("HEAD", "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nContent-Length: 3\r\n\r\n");
        assert_eq!((response.status, response.header("Allow"), response.body.len()), (405, Some("GET"), 0));
    }

    #[test]
    fn a_body_that_is_cut_short_is_an_error() {
        for bytes in [
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
            "HTTP/1.1 200 OK\r\nContent-Le",
            "",
        ] {
            assert!(read_response("GET", bytes.as_bytes()).is_err(), "{bytes:?}");
        }
    }
}
