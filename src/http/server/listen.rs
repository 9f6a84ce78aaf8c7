//! The sockets that are listened on, bound before anything runs, so that a taken port is found at start.
//!
//! `[::]` listens for IPv4 as well, on every platform: Windows needs to be asked for that. Where the machine has no
//! IPv6 at all, `0.0.0.0` takes its place.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::task::{Context, Poll};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

/// Connections that the system queues until they are accepted; further ones are refused, or try again after a second or
/// more. So a scraper must find room in it although thousands come at the same moment.
const BACKLOG: i32 = 4096;

/// The listening sockets of the server, at least one.
#[derive(Debug)]
pub struct Listeners {
    listeners: Vec<TcpListener>,
    /// Which listener is asked first, so that a busy one cannot starve the others.
    next: usize,
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// No address was given.
    #[error("no listen address is given: set at least one --web.listen-address")]
    NoAddress,
    /// Another socket has the port.
    #[error("cannot listen on {address}: the port is in use; stop the other program or choose another port")]
    InUse {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system does not let this account have the port.
    #[error(
        "cannot listen on {address}: not permitted; choose a port above 1023 that no other service has reserved"
    )]
    NotPermitted {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// No network interface has the address.
    #[error("cannot listen on {address}: this machine does not have that address; use one it has, or :{port}", port = .address.port())]
    NoSuchAddress {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else.
    #[error("cannot listen on {address}: the system refuses it; choose another address")]
    Refused {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl BindError {
    fn new(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { address, source },
            io::ErrorKind::PermissionDenied => Self::NotPermitted { address, source },
            io::ErrorKind::AddrNotAvailable => Self::NoSuchAddress { address, source },
            _ => Self::Refused { address, source },
        }
    }
}

impl Listeners {
    /// Listens on all of `addresses` or, at the first that fails, on none; panics outside a tokio runtime.
    pub fn bind(addresses: &[SocketAddr]) -> Result<Self, BindError> {
        if addresses.is_empty() {
            return Err(BindError::NoAddress);
        }
        let listeners = addresses
            .iter()
            .map(|&address| listen(address).map_err(|source| BindError::new(address, source)))
            .collect::<Result<_, _>>()?;
        Ok(Self { listeners, next: 0 })
    }

    /// The addresses really listened on, with the ports that the system chose for port 0.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// The next connection of any listener, in turn.
    pub(super) fn poll_accept(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let count = self.listeners.len();
        for offset in 0..count {
            let index = (self.next + offset) % count;
            if let Poll::Ready(accepted) = self.listeners[index].poll_accept(context) {
                self.next = index + 1;
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let outcome = open(address);
    let any_v6 = address.is_ipv6() && address.ip().is_unspecified();
    match outcome {
        // A machine without IPv6 refuses in one of several ways; these two mean that it has it.
        Err(error)
            if any_v6
                && !matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) =>
        {
            tracing::debug!(%address, %error, "IPv6 is not available, listening on IPv4 only");
            open((Ipv4Addr::UNSPECIFIED, address.port()).into())
        }
        outcome => outcome,
    }
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // On Unix this allows a restart while old connections linger; on Windows it would let others steal the port.
    socket.set_reuse_address(cfg!(unix))?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named_with_its_remedy() {
        let taken = Listeners::bind(&["127.0.0.1:0".parse().unwrap()]).unwrap().local_addrs();
        let held = Listeners::bind(&taken).unwrap();
        let error = Listeners::bind(&held.local_addrs()).unwrap_err();
        assert!(matches!(error, BindError::InUse { address, .. } if address == taken[0]), "{error:?}");
        assert!(error.to_string().contains(&taken[0].to_string()), "{error}");
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_named_with_its_remedy() {
        // 192.0.2.0/24 is reserved for documentation.
        let error = Listeners::bind(&["192.0.2.1:9100".parse().unwrap()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot listen on 192.0.2.1:9100: this machine does not have that address; use one it has, or :9100"
        );
    }

    #[tokio::test]
    async fn no_address_is_an_error() {
        assert!(matches!(Listeners::bind(&[]), Err(BindError::NoAddress)));
    }

    #[tokio::test]
    async fn an_empty_host_is_reached_over_ipv4() {
        let listeners = Listeners::bind(&["[::]:0".parse().unwrap()]).unwrap();
        let port = listeners.local_addrs()[0].port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    }
}
