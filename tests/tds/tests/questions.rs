//! Every question over a real socket: the text that is sent, and what comes back by the types of the protocol.

use configmgr_backup_exporter::source::FailureKind;
use configmgr_backup_exporter::source::site_database::{Question, SiteDatabase};
use rig::{Known, Server, config, database, healthy};

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
