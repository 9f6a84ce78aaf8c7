//! A SQL Server that answers from tables: Microsoft's mock in a thread of its own, whose clock a test cannot stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use configmgr_backup_exporter::source::site_database::{Question, query_text};
use mssql_mock_tds::create_test_identity;
use mssql_mock_tds::{ConnectionStore, MockTdsServer, QueryRegistry, QueryResponse, TerminalError};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Mutex;

use crate::{DATABASE, Identity, Table, site};

/// The port 0 of this machine.
const ANY_PORT: &str = "127.0.0.1:0";

/// The most that stopping takes.
const STOP: Duration = Duration::from_secs(10);

/// A running server; its connections end with its value.
pub struct Server {
    address: SocketAddr,
    answers: Arc<Mutex<QueryRegistry>>,
    connections: Arc<Mutex<ConnectionStore>>,
    runtime: Option<Runtime>,
}

impl Server {
    /// One without encryption, on any port.
    pub fn start() -> Self {
        Self::at(ANY_PORT.parse().expect("an address"))
    }

    /// One without encryption, at an address that nobody uses.
    pub fn at(address: SocketAddr) -> Self {
        let address = address.to_string();
        Self::run(|| MockTdsServer::new(&address))
    }

    /// One that speaks TLS before anything else, on any port.
    pub fn strict(identity: &Identity) -> Self {
        let identity =
            create_test_identity(identity.certificate.as_bytes(), identity.key.serialize_pem().as_bytes())
                .expect("an identity");
        Self::run(|| MockTdsServer::new_with_strict_tls(ANY_PORT, identity))
    }

    fn run<M: Future<Output = std::io::Result<MockTdsServer>> + Send>(
        make: impl FnOnce() -> M + Send,
    ) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime of the server");
        let server = beside(&runtime, async { make().await }).expect("the server starts");
        let (address, answers, connections) =
            (server.local_addr(), server.query_registry(), server.connection_store());
        runtime.spawn(server.run());
        Self { address, answers, connections, runtime: Some(runtime) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers a question of the site with a table from now on.
    pub fn answer(&self, question: Question, table: &Table) {
        self.register(question, table.response());
    }

    /// Answers a question with a table after a while.
    pub fn answer_late(&self, question: Question, table: &Table, delay: Duration) {
        self.register(question, table.response().with_delay(delay));
    }

    /// Answers a question with an error.
    pub fn refuse(&self, question: Question, number: u32, message: &str) {
        self.register(question, QueryResponse::error_only(TerminalError::new(number, 14, message)));
    }

    fn register(&self, question: Question, response: QueryResponse) {
        let text = query_text(question, site(), DATABASE);
        self.wait(async { self.answers.lock().await.register(text.trim(), response) });
    }

    /// How many connections have asked something so far.
    pub fn connections(&self) -> usize {
        self.wait(async { self.connections.lock().await.count() })
    }

    /// The databases that were logged on to.
    pub fn databases(&self) -> Vec<String> {
        self.wait(async {
            let connections = self.connections.lock().await;
            connections.all().values().filter_map(|connection| connection.received_database.clone()).collect()
        })
    }

    fn wait<T: Send>(&self, future: impl Future<Output = T> + Send) -> T {
        beside(self.runtime.as_ref().expect("a server that runs"), future)
    }
}

/// Waits for a future of the server's runtime, whatever runtime the test has.
fn beside<T: Send>(runtime: &Runtime, future: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| scope.spawn(|| runtime.block_on(future)).join()).expect("the server's thread")
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Until then the port would still be open.
            std::thread::scope(|scope| drop(scope.spawn(|| runtime.shutdown_timeout(STOP)).join()));
        }
    }
}
