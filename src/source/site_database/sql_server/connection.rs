//! One logged-on connection: made within a deadline, asked one batch at a time, and closed by dropping it.
//!
//! Batches are plain text without parameters. After a deadline the rest of an answer is still on its way, so a
//! connection is of no more use after anything but an answer or an error that the server sent in place of one.

use std::io;
use std::net::Ipv6Addr;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::{FutureExt, TryStreamExt};
use tiberius::error::Error as DriverError;
use tiberius::{AuthMethod, Client, ColumnData, Config, EncryptionLevel, QueryItem, Row, SqlBrowser};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use super::allowance::{Allowance, Bounded};
use super::query;
use super::rows::{Rows, Value};
use crate::config::{DatabaseConfig, Encryption, ServerAddress};

/// How this program calls itself in `sys.dm_exec_sessions`.
const APPLICATION: &str = "configmgr_backup_exporter";

/// The longest answer has some thousand rows of ten columns; a value takes some 30 bytes besides its text.
const MOST_VALUES: usize = 1_000_000;

/// An error token of at least this class is the last thing that a server sends (it closes the connection).
const FATAL_CLASS: u8 = 20;

/// With what to log on and whom to believe, as it was read for this connection.
#[derive(Debug)]
pub(super) struct LogOn {
    /// Who logs on.
    pub(super) method: AuthMethod,
    /// Certificates in PEM that are believed besides those of the operating system; `None` for those alone.
    pub(super) authorities: Option<Vec<u8>>,
    /// Whether any certificate is believed.
    pub(super) trusts_anything: bool,
}

/// No connection could be made.
#[derive(Debug)]
pub(super) enum NotConnected {
    /// The host's name means nothing.
    UnknownHost(io::Error),
    /// The network, TLS, or the server as the driver tells it.
    Driver(DriverError),
}

/// A batch was not answered.
#[derive(Debug)]
pub(super) enum NotAnswered {
    /// The connection was gone before anything was answered.
    Gone(DriverError),
    /// It took too long.
    TimedOut,
    /// The answer is longer than any can be.
    TooLong,
    /// Whatever else, as the driver tells it.
    Driver(DriverError),
}

impl NotAnswered {
    /// Whether the connection can be asked again.
    pub(super) fn leaves_connection(&self) -> bool {
        matches!(self, Self::Driver(DriverError::Server(token)) if token.class() < FATAL_CLASS)
    }
}

/// A connection on which somebody is logged on.
pub(super) struct Connection {
    client: Client<Compat<Bounded<TcpStream>>>,
    allowance: Allowance,
}

impl std::fmt::Debug for Connection {
    /// Without the driver's buffers, which hold what was sent and received.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects and logs on; the caller sets the deadline.
    pub(super) async fn open(config: &DatabaseConfig, log_on: LogOn) -> Result<Self, NotConnected> {
        let opened = AssertUnwindSafe(Self::log_on(config, log_on)).catch_unwind().await;
        opened.unwrap_or_else(|_| Err(NotConnected::Driver(panicked())))
    }

    async fn log_on(config: &DatabaseConfig, log_on: LogOn) -> Result<Self, NotConnected> {
        let mut settings = settings(config, log_on);
        // The driver does not tell a name that nobody knows from a server that nobody reaches.
        let _ = lookup_host(settings.get_addr()).await.map_err(NotConnected::UnknownHost)?;
        let stream = TcpStream::connect_named(&settings).await.map_err(NotConnected::Driver)?;
        // The certificate is for the name without brackets, and a service principal has the port that was found.
        settings.host(plain_host(&config.server));
        if let Ok(address) = stream.peer_addr() {
            settings.port(address.port());
        }
        let allowance = Allowance::new();
        let stream = Bounded::new(stream, allowance.clone()).compat_write();
        let client = Client::connect(settings, stream).await.map_err(NotConnected::Driver)?;
        let mut connection = Self { client, allowance };
        match connection.gather(query::SESSION).await {
            Ok(_) => Ok(connection),
            Err(NotAnswered::Gone(error) | NotAnswered::Driver(error)) => Err(NotConnected::Driver(error)),
            Err(NotAnswered::TimedOut | NotAnswered::TooLong) => {
                Err(NotConnected::Driver(DriverError::Protocol("SET was answered with rows".into())))
            }
        }
    }

    /// Runs one batch, and gives up after `deadline`.
    pub(super) async fn run(&mut self, batch: &str, deadline: Duration) -> Result<Rows, NotAnswered> {
        self.allowance.renew();
        let answered = AssertUnwindSafe(self.gather(batch)).catch_unwind();
        let answered = timeout(deadline, answered).await.unwrap_or(Ok(Err(NotAnswered::TimedOut)));
        answered.unwrap_or_else(|_| Err(NotAnswered::Driver(panicked())))
    }

    /// The first result of a batch; what follows it is read and left.
    async fn gather(&mut self, batch: &str) -> Result<Rows, NotAnswered> {
        let allowance = self.allowance.clone();
        let failed = |error| {
            if allowance.is_used_up() { NotAnswered::TooLong } else { NotAnswered::Driver(error) }
        };
        let mut items = self.client.simple_query(batch).await.map_err(|error| match error {
            error @ DriverError::Io { .. } if !allowance.is_used_up() => NotAnswered::Gone(error),
            error => failed(error),
        })?;
        let mut rows = Rows::default();
        let mut values = 0;
        while let Some(item) = items.try_next().await.map_err(failed)? {
            match item {
                QueryItem::Metadata(metadata) if metadata.result_index() == 0 => {
                    rows.columns = metadata.columns().iter().map(|column| column.name().to_owned()).collect();
                }
                QueryItem::Row(row) if row.result_index() == 0 => {
                    // A row without columns takes room as well.
                    values += 1 + row.len();
                    if values > MOST_VALUES {
                        return Err(NotAnswered::TooLong);
                    }
                    rows.rows.push(values_of(row));
                }
                QueryItem::Metadata(_) | QueryItem::Row(_) => {}
            }
        }
        Ok(rows)
    }
}

/// What the other side sends is the driver's to judge, and whatever it makes of it concerns one connection.
fn panicked() -> DriverError {
    DriverError::Protocol("the driver panicked".into())
}

/// The driver's settings, without its own deadlines.
fn settings(config: &DatabaseConfig, log_on: LogOn) -> Config {
    let ServerAddress { instance, port, .. } = &config.server;
    let mut settings = Config::new();
    let host = plain_host(&config.server);
    if host.parse::<Ipv6Addr>().is_ok() {
        settings.host(format!("[{host}]"));
    } else {
        settings.host(host);
    }
    match (port, instance) {
        (Some(port), _) => settings.port(*port),
        (None, Some(instance)) => settings.instance_name(instance),
        (None, None) => {}
    }
    settings.database(&config.name);
    settings.application_name(APPLICATION);
    settings.authentication(log_on.method);
    settings.encryption(match config.encryption {
        Encryption::Required => EncryptionLevel::Required,
        Encryption::Strict => EncryptionLevel::Strict,
        Encryption::Off => EncryptionLevel::NotSupported,
    });
    if log_on.trusts_anything {
        settings.trust_cert();
    } else if let Some(authorities) = log_on.authorities {
        settings.trust_cert_ca_bundle(authorities);
    }
    // The listener of an availability group has an address in each subnet, and one of them answers.
    settings.multi_subnet_failover(true);
    settings.handshake_timeout(None);
    settings.command_timeout(None);
    settings
}

/// The host's name or address, an IPv6 address without its brackets.
fn plain_host(server: &ServerAddress) -> &str {
    server.host.trim_start_matches('[').trim_end_matches(']')
}

fn values_of(row: Row) -> Vec<Value> {
    let types: Vec<_> = row.columns().iter().map(tiberius::Column::column_type).collect();
    let value = |(data, column): (ColumnData<'static>, _)| match data {
        ColumnData::Bit(Some(bit)) => Value::Int(bit.into()),
        ColumnData::U8(Some(number)) => Value::Int(number.into()),
        ColumnData::I16(Some(number)) => Value::Int(number.into()),
        ColumnData::I32(Some(number)) => Value::Int(number.into()),
        ColumnData::I64(Some(number)) => Value::Int(number),
        ColumnData::String(Some(text)) => Value::text(&text),
        data if is_null(&data) => Value::Null,
        _ => Value::Other(format!("{column:?}").to_lowercase()),
    };
    row.into_iter().zip(types).map(value).collect()
}

fn is_null(data: &ColumnData<'_>) -> bool {
    matches!(
        data,
        ColumnData::Bit(None)
            | ColumnData::U8(None)
            | ColumnData::I16(None)
            | ColumnData::I32(None)
            | ColumnData::I64(None)
            | ColumnData::F32(None)
            | ColumnData::F64(None)
            | ColumnData::String(None)
            | ColumnData::Guid(None)
            | ColumnData::Binary(None)
            | ColumnData::Numeric(None)
            | ColumnData::Xml(None)
            | ColumnData::DateTime(None)
            | ColumnData::SmallDateTime(None)
            | ColumnData::Time(None)
            | ColumnData::Date(None)
            | ColumnData::DateTime2(None)
            | ColumnData::DateTimeOffset(None)
    )
}
