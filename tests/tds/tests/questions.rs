//! Every question over a real socket: the text that is sent, and what comes back by the types of the protocol.

use configmgr_backup_exporter::site::FailureCause;
use configmgr_backup_exporter::source::FailureKind;
use configmgr_backup_exporter::source::site_database::{Answer, Depth, Question, SiteDatabase};
use configmgr_backup_exporter::trace::UserPatterns;
use rig::{Known, Server, Table, config, database, database_with, failed_backup, healthy, int, text};

async fn answer(database: &mut dyn SiteDatabase, question: Question) -> String {
    let answer = database.ask(question).await;
    format!(
        "{:?}",
        answer.unwrap_or_else(|unanswered| panic!("{question:?}: {}", unanswered.failure.message))
    )
}

#[tokio::test]
async fn every_question_is_answered_on_one_connection() {
    let server = Server::start();
    for known in healthy() {
        server.answer(known.question, &known.table);
    }
    let mut database = database(&config(server.address()));
    for Known { question, understood, .. } in healthy() {
        let answer = answer(database.as_mut(), question).await;
        for part in understood {
            assert!(answer.contains(part), "{question:?}: {part} in {answer}");
        }
    }
    assert_eq!(server.connections(), 1);
}

/// NULL where nobody expects it says nothing, or is told by its column; it never costs the connection.
#[tokio::test]
async fn a_row_of_nulls_is_an_answer_or_malformed() {
    let server = Server::start();
    for Known { question, table, .. } in healthy() {
        server.answer(question, &table.without_rows().nulls());
    }
    let mut database = database(&config(server.address()));
    for Known { question, .. } in healthy() {
        if let Err(unanswered) = database.ask(question).await {
            let message = unanswered.failure.message;
            assert_eq!(unanswered.failure.kind, FailureKind::Malformed, "{question:?}: {message}");
            assert!(!unanswered.disconnected && message.contains("NULL"), "{question:?}: {message}");
        }
    }
    assert_eq!(server.connections(), 1);
}

/// As from a server that knows none of the site's objects and yet says nothing.
#[tokio::test]
async fn a_batch_without_a_result_is_an_answer_or_malformed() {
    let server = Server::start();
    let mut database = database(&config(server.address()));
    for Known { question, .. } in healthy() {
        if let Err(unanswered) = database.ask(question).await {
            let message = unanswered.failure.message;
            assert_eq!(unanswered.failure.kind, FailureKind::Malformed, "{question:?}: {message}");
            assert!(!unanswered.disconnected, "{question:?}: {message}");
        }
    }
    assert_eq!(server.connections(), 1);
}

/// The cause of each message that is an answer.
fn causes(answer: &Answer) -> Vec<Option<FailureCause>> {
    let Answer::StatusMessages(messages) = answer else { panic!("{answer:?}") };
    messages.iter().map(|(_, message)| message.hint.map(|hint| hint.cause)).collect()
}

#[tokio::test]
async fn the_sites_own_patterns_tell_the_cause_of_an_error() {
    let (messages, reasons) = (Question::StatusMessages(Depth::All), Question::Reasons(Depth::All));
    let server = Server::start();
    server.answer(messages, &failed_backup());
    let said = Table::new([int("RecordID"), int("InsStrIndex"), text("InsStrValue")]);
    server.answer(reasons, &said.row([42.into(), 0.into(), "the tape robot is on fire".into()]));
    let robot = "tape robot".parse().expect("a pattern");
    let patterns =
        UserPatterns { failure: vec![(robot, FailureCause::CopyFailed)], ..UserPatterns::default() };
    for (patterns, cause) in [(UserPatterns::default(), None), (patterns, Some(FailureCause::CopyFailed))] {
        let answer = database_with(&config(server.address()), patterns).ask(messages).await;
        assert_eq!(causes(&answer.expect("messages")), [None, cause]);
    }
}

#[tokio::test]
async fn messages_are_read_without_reasons_that_nobody_may_read_and_the_right_is_named() {
    let (messages, reasons) = (Question::StatusMessages(Depth::Recent), Question::Reasons(Depth::Recent));
    let server = Server::start();
    server.answer(messages, &failed_backup());
    server.refuse(reasons, 229, "The SELECT permission was denied on the object 'v_StatMsgInsStrings'.");
    let mut database = database(&config(server.address()));
    assert_eq!(causes(&database.ask(messages).await.expect("messages")), [None, None]);
    let refused = database.ask(reasons).await.expect_err("no right").failure;
    assert_eq!(refused.kind, FailureKind::Permission);
    assert!(refused.message.contains("grant SELECT ON dbo.v_StatMsgInsStrings"), "{}", refused.message);
    // What passes by itself must not cost a message its reason, nor keep a failure secret for long.
    server.refuse(reasons, 1222, "Lock request time out period exceeded.");
    for _ in 0..2 {
        let busy = database.ask(messages).await.expect_err("no reasons now").failure;
        assert_eq!(busy.kind, FailureKind::Timeout);
    }
    assert_eq!(causes(&database.ask(messages).await.expect("messages")), [None, None]);
}
