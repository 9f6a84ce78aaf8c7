//! A server that gets as far as the log-on: PRELOGIN, TLS inside TDS packets as SQL Server has it, LOGIN7, and then what
//! the test wants. TLS is 1.2, because SQL Server speaks 1.3 with TDS 8.0 alone.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::Identity;

const BATCH: u8 = 1;
const RESPONSE: u8 = 4;
const LOGIN: u8 = 0x10;
const PRELOGIN: u8 = 0x12;
const HEADER: usize = 8;
const END_OF_MESSAGE: u8 = 1;

/// What PRELOGIN says of encryption.
const ENCRYPTION_ON: u8 = 1;
const ENCRYPTION_NOT_SUPPORTED: u8 = 2;

/// So much of an answer without end goes into a packet.
const CHUNK: usize = 4000;

/// What happens once somebody has logged on.
#[derive(Debug, Clone)]
pub enum LogOn {
    /// An error token with this number and text.
    Refused(u32, String),
    /// It succeeds, and every batch but the first gets one value without end.
    EndlessValue,
    /// It succeeds, and every batch but the first gets rows of NULL without end.
    EndlessRows,
    /// Nothing: the server says no more.
    Silence,
    /// It succeeds, and every batch but the first gets one row of a text and a number.
    Answered,
}

/// One byte of the whole that a server sends on a connection, as another one.
#[derive(Debug, Clone, Copy)]
pub struct Garbled {
    /// Which one.
    pub place: usize,
    /// What it is turned into.
    pub byte: u8,
}

/// A client that waits for a garbled server is left after this.
const PATIENCE: Duration = Duration::from_millis(100);

/// A running stub; it ends with the test's process.
#[derive(Debug)]
pub struct Stub {
    address: SocketAddr,
    credentials: Seen,
}

/// The logins and passwords of all LOGIN7 messages.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

impl Stub {
    /// One that does not know encryption.
    pub fn open(log_on: LogOn) -> Self {
        Self::run(move |client, seen| serve(client, None, &log_on, seen))
    }

    /// One that does not know encryption, answers, and says one byte wrong; it is another one for each connection.
    pub fn garbled(garbled: Arc<Mutex<Garbled>>) -> Self {
        Self::run(move |client, seen| {
            client.set_read_timeout(Some(PATIENCE))?;
            let garbled = *garbled.lock().expect("the byte");
            serve(Garbling { client, sent: 0, garbled }, None, &LogOn::Answered, seen)
        })
    }

    /// One that wants TLS before anybody logs on.
    pub fn encrypted(identity: &Identity, log_on: LogOn) -> Self {
        let key = PrivateKeyDer::try_from(identity.key.serialize_der()).expect("the key");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS12])
            .expect("TLS 1.2")
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(identity.der.clone())], key)
            .expect("the server's certificate");
        let config = Arc::new(config);
        Self::run(move |client, seen| serve(client, Some(Arc::clone(&config)), &log_on, seen))
    }

    fn run(serve: impl Fn(TcpStream, &Seen) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of the stub");
        let address = listener.local_addr().expect("its address");
        let serve = Arc::new(serve);
        let credentials = Seen::default();
        let seen = Arc::clone(&credentials);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (serve, seen) = (Arc::clone(&serve), Arc::clone(&seen));
                // A client that goes away is what the test is about.
                thread::spawn(move || drop(serve(client, &seen)));
            }
        });
        Self { address, credentials }
    }

    /// With which login and password somebody tried to log on, in their order.
    pub fn credentials(&self) -> Vec<(String, String)> {
        self.credentials.lock().expect("what was seen").clone()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn serve<S: Read + Write>(
    mut client: S,
    tls: Option<Arc<ServerConfig>>,
    log_on: &LogOn,
    seen: &Seen,
) -> io::Result<()> {
    expect(&mut client, PRELOGIN)?;
    let encryption = if tls.is_some() { ENCRYPTION_ON } else { ENCRYPTION_NOT_SUPPORTED };
    // Two options, VERSION and ENCRYPTION: token, offset, length; then their values.
    let version = [0, 0, 11, 0, 6];
    let prelogin = [&version[..], &[1, 0, 17, 0, 1, 0xff, 16, 0, 4, 0, 0, 0, encryption]].concat();
    send(&mut client, RESPONSE, &prelogin)?;
    match tls {
        None => answer(&mut client, log_on, seen),
        Some(config) => {
            let connection = ServerConnection::new(config).map_err(io::Error::other)?;
            let mut stream =
                StreamOwned::new(connection, Wrapped { client, packet: Vec::new(), wraps: true });
            while stream.conn.is_handshaking() {
                stream.conn.complete_io(&mut stream.sock)?;
            }
            stream.sock.wraps = false;
            answer(&mut stream, log_on, seen)
        }
    }
}

fn answer(client: &mut (impl Read + Write), log_on: &LogOn, seen: &Seen) -> io::Result<()> {
    let login = expect(client, LOGIN)?;
    seen.lock().expect("what was seen").extend(credentials(&login));
    match log_on {
        LogOn::Refused(number, message) => {
            send(client, RESPONSE, &[error(*number, message), done()].concat())?
        }
        LogOn::EndlessValue | LogOn::EndlessRows => {
            send(client, RESPONSE, &done())?;
            expect(client, BATCH)?;
            send(client, RESPONSE, &done())?;
            expect(client, BATCH)?;
            endless(client, matches!(log_on, LogOn::EndlessValue))?;
        }
        LogOn::Answered => {
            for payload in [&done()[..], &done(), &row()] {
                send(client, RESPONSE, payload)?;
                expect(client, BATCH)?;
            }
        }
        LogOn::Silence => {}
    }
    // What the client still sends is read, so that closing is no reset.
    io::copy(client, &mut io::sink()).map(drop)
}

/// A result with one column of type `nvarchar(max)`.
fn endless(client: &mut impl Write, in_one_value: bool) -> io::Result<()> {
    // COLMETADATA: one column without user type and flags, nvarchar of 0xffff bytes, a collation, the name "a".
    let column =
        [&[0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0xe7, 0xff, 0xff, 9, 4, 0xd0, 0, 0x34, 1][..], b"a\0"].concat();
    part(client, RESPONSE, 0, &column)?;
    if in_one_value {
        // ROW, then a value of unknown length.
        part(client, RESPONSE, 0, &[&[0xd1][..], &(u64::MAX - 1).to_le_bytes()].concat())?;
    }
    let chunk = if in_one_value {
        let length = u32::try_from(CHUNK).map_err(io::Error::other)?;
        [&length.to_le_bytes()[..], &[b'a'; CHUNK]].concat()
    } else {
        // NBCROW, whose one column is NULL.
        [0xd2, 1].repeat(CHUNK / 2)
    };
    loop {
        part(client, RESPONSE, 0, &chunk)?;
    }
}

/// A result of one row: COLMETADATA of an nvarchar(20) "a" and a bigint "b", ROW, DONE.
fn row() -> Vec<u8> {
    let text = [&[0, 0, 0, 0, 0, 0, 0xe7, 40, 0, 9, 4, 0xd0, 0, 0x34, 1][..], b"a\0"].concat();
    let number = [&[0, 0, 0, 0, 0, 0, 0x26, 8, 1][..], b"b\0"].concat();
    let values = [&[0xd1, 6, 0][..], b"P\x000\x001\0", &[8, 42, 0, 0, 0, 0, 0, 0, 0]].concat();
    [&[0x81, 2, 0][..], &text, &number, &values, &done()].concat()
}

/// ERROR: number, state, class, text, server, procedure, line.
fn error(number: u32, message: &str) -> Vec<u8> {
    let text: Vec<u8> = message.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let units = u16::try_from(text.len() / 2).expect("a short text");
    let body =
        [&number.to_le_bytes()[..], &[1, 14], &units.to_le_bytes(), &text, &[0, 0], &1_u32.to_le_bytes()]
            .concat();
    let length = u16::try_from(body.len()).expect("a short token");
    [&[0xaa][..], &length.to_le_bytes(), &body].concat()
}

/// DONE without a count.
fn done() -> Vec<u8> {
    [&[0xfd][..], &[0; 12]].concat()
}

/// Sends a message of one packet.
fn send(client: &mut impl Write, kind: u8, payload: &[u8]) -> io::Result<()> {
    part(client, kind, END_OF_MESSAGE, payload)
}

fn part(client: &mut impl Write, kind: u8, status: u8, payload: &[u8]) -> io::Result<()> {
    client.write_all(&packet(kind, status, payload)?)?;
    client.flush()
}

fn packet(kind: u8, status: u8, payload: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(HEADER + payload.len()).map_err(io::Error::other)?.to_be_bytes();
    Ok([&[kind, status, length[0], length[1], 0, 0, 1, 0][..], payload].concat())
}

/// The login and the password in a LOGIN7 message; `None` if they are not where they should be.
fn credentials(login: &[u8]) -> Option<(String, String)> {
    let number = |place: usize| {
        let bytes = login.get(place..place + 2)?;
        Some(usize::from(u16::from_le_bytes([bytes[0], bytes[1]])))
    };
    // An offset and a length in characters, for the password with its bytes swapped by halves and turned over by 0xa5.
    let text = |place: usize, plain: fn(u8) -> u8| {
        let (offset, length) = (number(place)?, number(place + 2)?);
        let bytes = login.get(offset..offset + 2 * length)?;
        let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([plain(pair[0]), plain(pair[1])]));
        String::from_utf16(&units.collect::<Vec<_>>()).ok()
    };
    Some((text(40, |byte| byte)?, text(44, |byte| (byte ^ 0xa5).rotate_left(4))?))
}

/// Reads a whole message of one kind.
fn expect(client: &mut impl Read, kind: u8) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let (status, payload) = receive(client, kind)?;
        message.extend(payload);
        if status & END_OF_MESSAGE != 0 {
            return Ok(message);
        }
    }
}

/// The status and the payload of a packet of one kind; another kind is refused by its header, as SQL Server does.
fn receive(client: &mut impl Read, kind: u8) -> io::Result<(u8, Vec<u8>)> {
    let mut header = [0; HEADER];
    client.read_exact(&mut header)?;
    if header[0] != kind {
        return Err(io::Error::other(format!("packet {:#x} instead of {kind:#x}", header[0])));
    }
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let mut payload = vec![0; length.saturating_sub(HEADER)];
    client.read_exact(&mut payload)?;
    Ok((header[1], payload))
}

/// A stream whose bytes travel in PRELOGIN packets as long as TLS is being agreed on.
struct Wrapped<S> {
    client: S,
    /// What came in a packet and was not read yet.
    packet: Vec<u8>,
    wraps: bool,
}

impl<S: Read> Read for Wrapped<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.wraps && self.packet.is_empty() {
            (_, self.packet) = receive(&mut self.client, PRELOGIN)?;
        }
        if self.packet.is_empty() {
            return self.client.read(buffer);
        }
        let taken = self.packet.len().min(buffer.len());
        buffer[..taken].copy_from_slice(&self.packet[..taken]);
        self.packet.drain(..taken);
        Ok(taken)
    }
}

impl<S: Write> Write for Wrapped<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.wraps {
            send(&mut self.client, PRELOGIN, bytes)?;
            Ok(bytes.len())
        } else {
            self.client.write(bytes)
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.client.flush()
    }
}

/// A stream that says one byte wrong.
struct Garbling {
    client: TcpStream,
    sent: usize,
    garbled: Garbled,
}

impl Read for Garbling {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.client.read(buffer)
    }
}

impl Write for Garbling {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut bytes = bytes.to_vec();
        if let Some(byte) = self.garbled.place.checked_sub(self.sent).and_then(|place| bytes.get_mut(place)) {
            *byte = self.garbled.byte;
        }
        self.client.write_all(&bytes)?;
        self.sent += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.client.flush()
    }
}
