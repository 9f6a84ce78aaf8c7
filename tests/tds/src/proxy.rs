//! What stands between a client and a server: it resets connections after so many bytes of the server, or forgets them,
//! as a firewall does with those that were idle.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

/// How often a direction looks whether the other one is over: a socket is only reset when nobody holds it.
const LOOK: Duration = Duration::from_millis(10);

/// A running proxy; it ends with the test's process.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    limit: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    /// Connections before this one are dead: what either side sends is taken and goes nowhere.
    forgotten: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Proxy {
    /// Passes everything on to a server until told otherwise.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of the proxy");
        let address = listener.local_addr().expect("its address");
        let limit = Arc::new(AtomicUsize::new(usize::MAX));
        let most = Arc::new(AtomicUsize::new(0));
        let forgotten = Arc::new(AtomicUsize::new(0));
        let connections = Arc::new(AtomicUsize::new(0));
        let proxy = Self {
            address,
            limit: Arc::clone(&limit),
            most: Arc::clone(&most),
            forgotten: Arc::clone(&forgotten),
            connections: Arc::clone(&connections),
        };
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(server) else { continue };
                let (Ok(from), Ok(to)) = (client.try_clone(), server.try_clone()) else { continue };
                let over = Arc::new(AtomicBool::new(false));
                let is_over = Arc::clone(&over);
                let (number, forgotten) =
                    (connections.fetch_add(1, Ordering::SeqCst), Arc::clone(&forgotten));
                let is_forgotten = move || number < forgotten.load(Ordering::SeqCst);
                thread::spawn(move || ask(from, to, &is_over, is_forgotten));
                let (limit, most) = (Arc::clone(&limit), Arc::clone(&most));
                thread::spawn(move || {
                    pass(server, client, &limit, &most);
                    over.store(true, Ordering::SeqCst);
                });
            }
        });
        proxy
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Every connection that there is dies without a sign.
    pub fn forget(&self) {
        self.forgotten.store(self.connections(), Ordering::SeqCst);
    }

    /// The most bytes that one connection has got from the server.
    pub fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    /// From now on each connection is reset once it has got this many bytes from the server.
    pub fn reset_after(&self, bytes: usize) {
        self.limit.store(bytes, Ordering::SeqCst);
    }
}

/// Passes on what the client sends, and lets go of both as soon as the other direction is over.
fn ask(mut client: TcpStream, mut server: TcpStream, is_over: &AtomicBool, is_forgotten: impl Fn() -> bool) {
    let mut buffer = [0; 4096];
    client.set_read_timeout(Some(LOOK)).expect("a read that ends");
    while !is_over.load(Ordering::SeqCst) {
        match client.read(&mut buffer) {
            Ok(1..) if is_forgotten() => {}
            Ok(read @ 1..) if server.write_all(&buffer[..read]).is_ok() => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            _ => break,
        }
    }
    let _ = server.shutdown(Shutdown::Both);
}

/// Passes on what the server sends, up to the limit.
fn pass(mut server: TcpStream, mut client: TcpStream, limit: &AtomicUsize, most: &AtomicUsize) {
    let mut passed = 0;
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = server.read(&mut buffer) {
        let left = limit.load(Ordering::SeqCst).saturating_sub(passed);
        if client.write_all(&buffer[..read.min(left)]).is_err() {
            return;
        }
        passed += read.min(left);
        most.fetch_max(passed, Ordering::SeqCst);
        if left < read {
            // Without lingering, closing it is a reset.
            let _ = SockRef::from(&client).set_linger(Some(Duration::ZERO));
            let _ = server.shutdown(Shutdown::Both);
            return;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
}
