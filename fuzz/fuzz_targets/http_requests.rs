//! Any bytes as what a client sends: the server answers or closes, never with 500, and goes on serving others.
//!
//! The server is the real one on a socket of this machine, with the endpoints of one site. The first byte chooses whether
//! a password is asked for, and whether the bytes come at once or in two pieces.

#![no_main]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use configmgr_backup_exporter::clock::Clock;
use configmgr_backup_exporter::config::{SiteSettings, WebConfig};
use configmgr_backup_exporter::http::{Limits, Listeners, Request, Web, WebSettings};
use configmgr_backup_exporter::site::{SiteCode, Timings};
use configmgr_backup_exporter::state::{Published, SiteState};
use configmgr_backup_exporter::watchdog::Watchdog;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A hash of the cheapest kind, of the password `x`.
const USERS: &str = "basic_auth_users: { x: $2b$04$rJtjhILiw2T6czBJgpz/2.8O8FOIykXOFk/N/gXn6PygA9OCob6Ve }";

/// More than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Nothing here is to end by the clock: every input comes to its end at once.
const LIMITS: Limits = Limits {
    max_connections: 256,
    header_read_timeout: Duration::from_secs(300),
    response_timeout: Duration::from_secs(300),
    max_header_bytes: 16 * 1024,
    max_headers: 100,
    max_body_bytes: 64 * 1024,
    drain_timeout: Duration::from_secs(5),
};

struct Servers {
    _runtime: Runtime,
    /// The one that everybody may ask, and the one that wants a password.
    addresses: [SocketAddr; 2],
}

static SERVERS: LazyLock<Servers> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("a runtime");
    let users = WebConfig::parse(USERS, "web.yml", Path::new("/")).expect("a web configuration").users;
    let addresses = runtime.block_on(async {
        [BTreeMap::new(), users].map(|users| {
            let code: SiteCode = "P01".parse().expect("a code");
            let now = Clock::System.now();
            let state = Arc::new(SiteState::new(Arc::new(SiteSettings::new(code)), now));
            let published = Published { sites: BTreeMap::from([(code, state)]), ..Published::default() };
            let published = watch::channel(published).1;
            let path = "/metrics".to_owned();
            let web =
                Web::new(published, Clock::System, Timings::DEFAULT, Watchdog::default(), None, path, None);
            let listeners = Listeners::bind(&[([127, 0, 0, 1], 0).into()]).expect("a free port");
            let address = listeners.local_addrs()[0];
            let settings = watch::channel(Arc::new(WebSettings { users, ..WebSettings::default() })).1;
            let handler = Arc::new(move |request: &Request| web.respond(request));
            tokio::spawn(listeners.serve(handler, LIMITS, settings, true, CancellationToken::new()));
            address
        })
    });
    Servers { _runtime: runtime, addresses }
});

/// What the server answers until it closes.
fn ask(address: SocketAddr, pieces: [&[u8]; 2]) -> Vec<u8> {
    let mut client = TcpStream::connect(address).expect("the server accepts");
    client.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    for piece in pieces {
        // Whoever is refused may be cut off before the end.
        let _ = client.write_all(piece);
    }
    let _ = client.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    match client.read_to_end(&mut answer) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("the server hangs"),
        _ => answer,
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = data.split_first() else { return };
    let address = SERVERS.addresses[usize::from(choice & 1)];
    let cut = if choice & 2 == 0 { 0 } else { usize::from(choice >> 2).min(data.len()) };
    let (first, second) = data.split_at(cut);
    let answer = ask(address, [first, second]);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{}", answer.escape_ascii());
    let failed = |part: &[u8]| part == b"HTTP/1.1 500" || part == b"HTTP/1.0 500";
    assert!(!answer.windows(12).any(failed), "{}", answer.escape_ascii());

    let honest = ask(address, [b"GET /-/healthy HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", b""]);
    assert!(honest.starts_with(b"HTTP/1.1 200"), "{}", honest.escape_ascii());
});
