//! Connections over real sockets: kept, lost, replaced, refused, slow, and to servers that are not what they should be.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use configmgr_backup_exporter::config::{Authentication, DatabaseConfig, PasswordSource, ServerAddress};
use configmgr_backup_exporter::source::FailureKind;
use configmgr_backup_exporter::source::site_database::{Answer, Question, SiteDatabase, Unanswered};
use rig::{
    DATABASE, Garbled, LogOn, PASSWORD, Proxy, Server, Stub, Table, USER, config, database, int, text,
};

/// What every test asks: one number.
const ASKED: Question = Question::NewestRecord;

fn newest_record(record: i64) -> Table {
    Table::new([int("RecordID")]).row([record.into()])
}

fn known(record: i64) -> Result<Answer, Unanswered> {
    Ok(Answer::NewestRecord(Some(record)))
}

async fn failure(database: &mut dyn SiteDatabase, question: Question) -> (FailureKind, bool, String) {
    let Unanswered { failure, disconnected } = database.ask(question).await.expect_err("no answer");
    assert!(failure.message.starts_with("CM_P01 on "), "{}", failure.message);
    assert!(!failure.message.contains(char::is_control), "{}", failure.message);
    (failure.kind, disconnected, failure.message)
}

#[track_caller]
fn assert_told(
    (kind, disconnected, message): (FailureKind, bool, String),
    expected: (FailureKind, bool),
    parts: &[&str],
) {
    assert_eq!((kind, disconnected), expected, "{message}");
    for part in parts {
        assert!(message.contains(part), "{part} in {message}");
    }
}

#[tokio::test]
async fn one_connection_is_kept_whatever_the_server_answers() {
    let server = Server::start();
    server.answer(ASKED, &newest_record(42));
    server.refuse(
        Question::Site,
        229,
        "The SELECT permission was denied on the object 'v_Site'.\r\nSecond line.",
    );
    server.refuse(Question::Task, 1222, "Lock request time out period exceeded.");
    server.answer(Question::SiteStatus, &Table::new([text("Nonsense")]).nulls());
    let mut database = database(&config(server.address()));
    for _ in 0..3 {
        assert_eq!(database.ask(ASKED).await, known(42));
        let denied = failure(database.as_mut(), Question::Site).await;
        let parts = [
            "(error 229: The SELECT permission was denied on the object 'v_Site'.)",
            "docs/sql-permissions.md",
        ];
        assert_told(denied, (FailureKind::Permission, false), &parts);
        let locked = failure(database.as_mut(), Question::Task).await;
        assert_told(locked, (FailureKind::Timeout, false), &["error 1222", "the next poll asks again"]);
        let nonsense = failure(database.as_mut(), Question::SiteStatus).await;
        assert_told(
            nonsense,
            (FailureKind::Malformed, false),
            &["the answer about site_status is not what it should be"],
        );
    }
    assert_eq!((server.connections(), server.databases()), (1, vec![DATABASE.to_owned()]));
}

#[tokio::test]
async fn an_answer_past_its_deadline_costs_the_connection_and_not_the_next_question() {
    let server = Server::start();
    server.answer_late(Question::Site, &Table::new([int("a")]), Duration::from_secs(3600));
    server.answer(ASKED, &newest_record(42));
    let config = DatabaseConfig { query_timeout: Duration::from_millis(300), ..config(server.address()) };
    let mut database = database(&config);
    let late = failure(database.as_mut(), Question::Site).await;
    assert_told(late, (FailureKind::Timeout, true), &["no answer about site within 0.3 s", "query_timeout"]);
    assert_eq!(database.ask(ASKED).await, known(42));
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_question_that_is_given_up_costs_the_connection_and_nothing_else() {
    let server = Server::start();
    server.answer_late(Question::Site, &Table::new([int("a")]), Duration::from_secs(3600));
    server.answer(ASKED, &newest_record(42));
    let mut database = database(&config(server.address()));
    assert_eq!(database.ask(ASKED).await, known(42));
    tokio::time::timeout(Duration::from_millis(100), database.ask(Question::Site))
        .await
        .expect_err("given up");
    assert_eq!(database.ask(ASKED).await, known(42));
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_kept_connection_that_is_dead_is_replaced_within_the_same_question() {
    let mut server = Server::start();
    let address = server.address();
    let mut database = database(&config(address));
    for record in [42, 43, 44] {
        server.answer(ASKED, &newest_record(record));
        assert_eq!(database.ask(ASKED).await, known(record));
        drop(server);
        server = Server::at(address);
    }
}

/// A poll, and the rest after it.
async fn poll(database: &mut dyn SiteDatabase) -> Result<Answer, Unanswered> {
    let answer = database.ask(ASKED).await;
    assert_eq!(database.ask(ASKED).await, answer);
    database.rest();
    answer
}

#[tokio::test]
async fn a_connection_outlives_a_poll_only_where_the_next_one_is_near() {
    for (seconds, connections) in [(10, 1), (59, 1), (60, 3), (300, 3)] {
        let server = Server::start();
        server.answer(ASKED, &newest_record(42));
        let interval = Duration::from_secs(seconds);
        let mut database = database(&DatabaseConfig { interval, ..config(server.address()) });
        for _ in 0..3 {
            assert_eq!(poll(database.as_mut()).await, known(42));
        }
        assert_eq!(server.connections(), connections, "{seconds} s");
    }
}

#[tokio::test]
async fn a_connection_that_died_between_polls_without_a_sign_is_replaced_once() {
    let server = Server::start();
    server.answer(ASKED, &newest_record(42));
    let proxy = Proxy::to(server.address());
    let config = DatabaseConfig {
        interval: Duration::from_secs(10),
        query_timeout: Duration::from_millis(500),
        ..config(proxy.address())
    };
    let mut database = database(&config);
    for polls in 1..=3 {
        assert_eq!(poll(database.as_mut()).await, known(42));
        assert_eq!(proxy.connections(), polls);
        proxy.forget();
    }
    // Within a poll a server that does not answer is a slow one.
    assert_eq!(database.ask(ASKED).await, known(42));
    proxy.forget();
    let late = failure(database.as_mut(), ASKED).await;
    assert_told(late, (FailureKind::Timeout, true), &["no answer about status_messages within 0.5 s"]);
}

#[tokio::test]
async fn a_server_that_went_away_is_refused_until_it_is_back() {
    let server = Server::start();
    let address = server.address();
    server.answer(ASKED, &newest_record(42));
    let mut database = database(&config(address));
    assert_eq!(database.ask(ASKED).await, known(42));
    drop(server);
    for _ in 0..2 {
        let gone = failure(database.as_mut(), ASKED).await;
        assert_told(gone, (FailureKind::Unreachable, true), &["refused", "is SQL Server running there"]);
    }
    let server = Server::at(address);
    server.answer(ASKED, &newest_record(43));
    assert_eq!(database.ask(ASKED).await, known(43));
}

#[tokio::test]
async fn a_reset_in_the_middle_of_an_answer_is_a_lost_connection() {
    let server = Server::start();
    server.answer(ASKED, &newest_record(42));
    let proxy = Proxy::to(server.address());
    let mut database = database(&config(proxy.address()));
    assert_eq!(database.ask(ASKED).await, known(42));
    let whole = proxy.most();
    // The log-on as well is cut at several places.
    for bytes in (1..whole).step_by(7).chain([whole - 1]) {
        proxy.reset_after(bytes);
        let reset = failure(database.as_mut(), ASKED).await;
        assert_told(reset, (FailureKind::Unreachable, true), &["the connection was lost"]);
    }
    proxy.reset_after(usize::MAX);
    assert_eq!(database.ask(ASKED).await, known(42));
}

#[tokio::test]
async fn a_log_on_that_is_refused_is_told_with_its_remedy() {
    for (number, text, kind, parts) in [
        (
            18456,
            "Login failed for user 'cm_monitor'.",
            FailureKind::Authentication,
            ["(error 18456: Login failed for user '…'.)", "check user and password"],
        ),
        (
            4060,
            "Cannot open database \"CM_P01\" requested by the login. The login failed.",
            FailureKind::NotFound,
            ["error 4060: Cannot open database", "check sites[].database.name"],
        ),
        (
            976,
            "The target database is participating in an availability group.",
            FailureKind::Unreachable,
            ["error 976", "write its listener in sites[].database.server"],
        ),
    ] {
        let stub = Stub::open(LogOn::Refused(number, text.to_owned()));
        let refused = failure(database(&config(stub.address())).as_mut(), ASKED).await;
        assert_told(refused, (kind, true), &parts);
        assert_eq!(stub.credentials(), [(USER.to_owned(), PASSWORD.to_owned())]);
    }
}

/// A wrong password with every poll would lock the login.
#[tokio::test]
async fn a_refused_password_is_not_tried_again_soon_unless_it_is_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("password");
    let stub = Stub::open(LogOn::Refused(18456, "Login failed.".to_owned()));
    let password = PasswordSource::File(path.clone());
    let authentication = Authentication::Login { user: USER.to_owned(), password };
    let mut database = database(&DatabaseConfig { authentication, ..config(stub.address()) });
    let mut seen = Vec::new();
    for password in ["an old one", "another \u{1f511}"] {
        std::fs::write(&path, password).expect("the password's file");
        seen.push((USER.to_owned(), password.to_owned()));
        let first = failure(database.as_mut(), ASKED).await;
        assert_eq!(failure(database.as_mut(), ASKED).await, first);
        assert_eq!(stub.credentials(), seen);
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(601)).await;
    tokio::time::resume();
    failure(database.as_mut(), ASKED).await;
    assert_eq!(stub.credentials().len(), 3);
}

#[tokio::test]
async fn text_of_a_server_is_one_short_line_in_a_message() {
    let text = format!("one\u{7}two\u{2028}three {}\nfour", "x".repeat(5000));
    let stub = Stub::open(LogOn::Refused(50000, text));
    let refused = failure(database(&config(stub.address())).as_mut(), ASKED).await;
    assert!(refused.2.len() < 400, "{}", refused.2);
    assert_told(refused, (FailureKind::Protocol, true), &["error 50000: one two three xxx", "x…)"]);
}

#[tokio::test]
async fn an_answer_without_end_ends() {
    for endless in [LogOn::EndlessValue, LogOn::EndlessRows] {
        let stub = Stub::open(endless);
        let too_long = failure(database(&config(stub.address())).as_mut(), ASKED).await;
        assert_told(too_long, (FailureKind::Protocol, true), &["longer than any of a site database"]);
    }
}

/// Whatever byte is wrong, there is an answer or a failure, and the next connection is as good as new.
#[tokio::test]
async fn a_server_that_says_one_byte_wrong_is_survived() {
    // All that the stub sends until its answer is over.
    const LENGTH: usize = 200;
    let garbled = Arc::new(Mutex::new(Garbled { place: usize::MAX, byte: 0 }));
    let stub = Stub::garbled(Arc::clone(&garbled));
    let config = DatabaseConfig { query_timeout: Duration::from_secs(5), ..config(stub.address()) };
    let well_said = failure(database(&config).as_mut(), ASKED).await;
    assert_told(
        well_said,
        (FailureKind::Malformed, false),
        &["the answer about status_messages is not what"],
    );
    let mut kinds = BTreeSet::new();
    for place in 0..LENGTH {
        for byte in [0, 1, 0x7f, 0xd1, 0xff] {
            *garbled.lock().expect("the byte") = Garbled { place, byte };
            if let Err(unanswered) = database(&config).ask(ASKED).await {
                let message = unanswered.failure.message;
                assert!(message.len() < 600 && !message.contains(char::is_control), "{message}");
                kinds.insert(unanswered.failure.kind);
            }
        }
    }
    assert!(kinds.contains(&FailureKind::Protocol) && kinds.contains(&FailureKind::Unreachable), "{kinds:?}");
}

/// Time stands still but for what is waited for.
#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = Stub::open(LogOn::Silence);
    for address in [listener.local_addr().expect("its address"), silent.address()] {
        let given_up = failure(database(&config(address)).as_mut(), ASKED).await;
        let port = format!("TCP port {} through", address.port());
        assert_told(given_up, (FailureKind::Timeout, true), &["no log-on within 15 s", &port]);
    }
}

#[tokio::test]
async fn what_does_not_speak_tds_is_told() {
    // An exporter, say: a web server that answers and closes.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            use std::io::{Read, Write};
            let mut request = [0; 4096];
            let _ = client.read(&mut request);
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        }
    });
    let (kind, disconnected, message) = failure(database(&config(address)).as_mut(), ASKED).await;
    assert!(
        disconnected && matches!(kind, FailureKind::Protocol | FailureKind::Unreachable),
        "{kind}: {message}"
    );
}

#[tokio::test]
async fn names_that_lead_nowhere_are_told() {
    let nowhere = |host: &str, instance: Option<&str>, port| ServerAddress {
        host: host.to_owned(),
        instance: instance.map(str::to_owned),
        port,
    };
    let here: SocketAddr = "127.0.0.1:1".parse().expect("an address");
    let has_ipv6 = TcpListener::bind("[::1]:0").is_ok();
    for (server, parts) in [
        (nowhere("sql..01", None, None), ["no such host", "check sites[].database.server"]),
        (nowhere("::1", None, Some(1)), ["refused", "is SQL Server running there"]),
        (nowhere("[::1]", None, Some(1)), ["refused", "is SQL Server running there"]),
        (nowhere("127.0.0.1", Some("CM"), None), ["SQL Server Browser", "write sites[].database.port"]),
        (nowhere("127.0.0.1", Some("CM"), Some(1)), ["refused", "is SQL Server running there"]),
    ] {
        if server.host.contains("::1") && !has_ipv6 {
            continue;
        }
        let config = DatabaseConfig { server, ..config(here) };
        let lost = failure(database(&config).as_mut(), ASKED).await;
        assert_told(lost, (FailureKind::Unreachable, true), &parts);
    }
}

#[tokio::test]
async fn a_replica_is_asked_about_the_site_database_from_msdb() {
    let server = Server::start();
    server.answer(ASKED, &newest_record(42));
    let database = database(&config(server.address()));
    let mut replica = database.replica("127.0.0.1");
    assert_eq!(replica.ask(ASKED).await, known(42));
    assert_eq!(server.databases(), ["msdb"]);
}

#[tokio::test]
async fn the_password_is_in_no_message_and_in_no_debug_text() {
    let server = Server::start();
    server.answer(ASKED, &newest_record(42));
    let config = config(server.address());
    let mut connected = database(&config);
    assert_eq!(connected.ask(ASKED).await, known(42));
    let stub = Stub::open(LogOn::Refused(18456, format!("Login failed for user '{USER}'.")));
    let refused = DatabaseConfig {
        server: ServerAddress { port: Some(stub.address().port()), ..config.server.clone() },
        ..config.clone()
    };
    let mut database = database(&refused);
    let failure = failure(database.as_mut(), ASKED).await;
    for shown in [format!("{connected:?}"), format!("{database:?}"), format!("{config:?}")] {
        assert!(shown.contains(USER) && !shown.contains(PASSWORD), "{shown}");
    }
    // Whoever reads the page need not know who logs on.
    assert!(!failure.2.contains(USER) && !failure.2.contains(PASSWORD), "{}", failure.2);
}
