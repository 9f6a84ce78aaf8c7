use std::path::Path;
use std::time::Duration;

use super::*;

fn shell(script: &str) -> Vec<String> {
    ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
}

fn text(text: &str) -> CommandAnswer {
    CommandAnswer::Text(text.to_owned())
}

/// A controller whose state is told by a script, and which can neither start nor stop.
fn config(state: &str) -> CommandConfig {
    CommandConfig {
        state: shell(state),
        running: text("running"),
        stopped: text("STOPPED"),
        start: None,
        stop: None,
        timeout: Duration::from_secs(60),
    }
}

fn controller(config: CommandConfig) -> CommandServices {
    CommandServices::new(config, Some("cm01"))
}

#[track_caller]
fn refused(result: Result<impl std::fmt::Debug, ServiceError>, kind: ServiceErrorKind, parts: &[&str]) {
    let error = result.unwrap_err();
    assert_eq!(error.kind, kind, "{error}");
    assert_eq!(error.message.lines().count(), 1, "{error}");
    assert!(error.message.contains("SMS_SITE_BACKUP of cm01: "), "{error}");
    for part in parts {
        assert!(error.message.contains(part), "{part}: {error}");
    }
}

#[test]
fn a_state_is_one_of_two_answers() {
    use ServiceState::{Running, Stopped};
    let (zero, three) = (CommandAnswer::Exit(0), CommandAnswer::Exit(3));
    for (script, running, stopped, state) in [
        ("echo STATE: 4 Running", text("running"), text("STOPPED"), Running),
        ("echo; echo '  STATE : 1  stopped '", text("running"), text("STOPPED"), Stopped),
        (r"printf '\377\376 RUNNING \303'", text("running"), text("STOPPED"), Running),
        ("echo LÄUFT", text("läuft"), text("STOPPED"), Running),
        ("exit 0", zero.clone(), three.clone(), Running),
        ("echo RUNNING; exit 3", zero.clone(), three.clone(), Stopped),
        ("echo STOPPED", zero.clone(), text("STOPPED"), Stopped),
        ("echo something else", zero.clone(), text("STOPPED"), Running),
        ("echo RUNNING; exit 3", text("RUNNING"), three, Stopped),
    ] {
        let config = CommandConfig { running, stopped, ..config(script) };
        assert_eq!(controller(config).state(SiteService::Backup), Ok(state), "{script}");
    }
}

#[test]
fn any_other_answer_is_an_error_with_its_first_line() {
    for (script, parts) in [
        ("echo RUNNING and STOPPED", &["says both", "exited with 0", r#"printed "RUNNING and STOPPED""#][..]),
        ("true", &["says neither", "exited with 0 and printed nothing"]),
        ("echo RUNNING; exit 1", &["says neither", r#"exited with 1 and printed "RUNNING""#]),
        ("echo RUNNING >&2", &["says neither", r#"printed "RUNNING""#]),
        ("echo; echo no such host; echo more", &[r#"printed "no such host""#]),
        (r"printf 'a\033[31mb\r\nc'", &[r#"printed "a?[31mb""#]),
        (r"printf '\377\376'", &["printed \"\u{fffd}\u{fffd}\""]),
        ("yes x | head -n 400 | tr -d '\n'", &["xxx...\""]),
        ("kill -KILL $$", &["was ended by signal: 9", "printed nothing"]),
    ] {
        refused(controller(config(script)).state(SiteService::Backup), ServiceErrorKind::Refused, parts);
    }
}

#[test]
fn a_program_that_cannot_be_run_is_named_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    std::fs::write(&plain, "#!/bin/sh\n").unwrap();
    let run = |program: &Path| {
        let state = vec![program.display().to_string(), "--password=hunter2".to_owned()];
        let controller = controller(CommandConfig { state, ..config("") });
        let result = controller.state(SiteService::Backup);
        assert!(!format!("{result:?} {}", controller.location()).contains("hunter2"));
        result
    };
    let missing = folder.path().join("missing");
    let parts =
        [missing.to_str().unwrap(), "cannot be started", "check the path in `services.command.state`"];
    refused(run(&missing), ServiceErrorKind::NotFound, &parts);
    refused(run(&plain), ServiceErrorKind::AccessDenied, &["let the exporter's account run it"]);
    refused(run(folder.path()), ServiceErrorKind::AccessDenied, &["let the exporter's account run it"]);
}

#[test]
fn a_hang_is_a_timeout() {
    let config = CommandConfig { timeout: Duration::from_millis(300), ..config("sleep 600") };
    let parts = ["cannot ask for the state of", "was killed", "it has 300ms (`services.command.timeout`)"];
    refused(controller(config).state(SiteService::Backup), ServiceErrorKind::Timeout, &parts);
}

#[test]
fn one_look_sees_the_backup_service_and_the_machine() {
    let seen = controller(config("echo STOPPED")).look().unwrap();
    assert_eq!(seen.machine.as_deref(), Some("cm01"));
    assert_eq!(seen.of(SiteService::Backup), Some(&Service::in_state(ServiceState::Stopped)));
    assert_eq!(seen.services.len(), 1);
    assert_eq!((seen.booted, seen.site_servers, seen.paused), (None, None, None));
    refused(controller(config("exit 1")).look(), ServiceErrorKind::Refused, &[]);
}

#[test]
fn what_is_done_is_told_by_the_exit_code_and_only_what_is_needed_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let calls = folder.path().join("calls");
    let run = |state: &str, act: &str| {
        let _ = std::fs::remove_file(&calls);
        let act = shell(&format!("echo called >> {}; {act}", calls.display()));
        let controller =
            controller(CommandConfig { start: Some(act.clone()), stop: Some(act), ..config(state) });
        let started = controller.start(SiteService::Backup);
        let starts = std::fs::read_to_string(&calls).unwrap_or_default().lines().count();
        let stopped = controller.stop(SiteService::Backup);
        let all = std::fs::read_to_string(&calls).unwrap_or_default().lines().count();
        (started, starts, stopped, all - starts)
    };
    assert_eq!(run("echo STOPPED", "true"), (Ok(Start::Accepted), 1, Ok(()), 0));
    assert_eq!(
        run("echo RUNNING", "true"),
        (Ok(Start::Accepted), 1, Ok(()), 1),
        "whoever starts has asked before"
    );
    let (started, starts, ..) = run("echo RUNNING", "exit 1");
    refused(started, ServiceErrorKind::Refused, &["cannot start", "exited with 1"]);
    assert_eq!(starts, 1);

    let (started, starts, ..) = run("echo STOPPED", "echo out; echo Access is denied. >&2; exit 5");
    refused(
        started,
        ServiceErrorKind::Refused,
        &["cannot start", r#"exited with 5 and printed "Access is denied.""#],
    );
    assert_eq!(starts, 1);
    let (_, _, stopped, stops) = run("echo RUNNING", "kill -TERM $$");
    refused(stopped, ServiceErrorKind::Refused, &["cannot stop", "was ended by signal: 15"]);
    assert_eq!(stops, 1);

    // A service whose state is not known is not stopped.
    let (.., stopped, stops) = run("echo neither", "true");
    refused(stopped, ServiceErrorKind::Refused, &["cannot ask for the state of"]);
    assert_eq!(stops, 0);
}

#[test]
fn what_no_program_does_cannot_be_done() {
    let stopped = controller(config("echo STOPPED"));
    let parts = ["cannot start", "no program does it", "`services.command.start`"];
    refused(stopped.start(SiteService::Backup), ServiceErrorKind::Refused, &parts);
    let running = controller(config("echo RUNNING"));
    refused(running.stop(SiteService::Backup), ServiceErrorKind::Refused, &["`services.command.stop`"]);
    // Another service is not started by the program that starts this one.
    let able = controller(CommandConfig { start: Some(shell("true")), ..config("echo STOPPED") });
    for service in SiteService::ALL.iter().filter(|service| **service != SiteService::Backup) {
        let errors = [able.state(*service).err(), able.start(*service).err(), able.stop(*service).err()];
        for error in errors {
            assert!(error.unwrap().message.contains("knows SMS_SITE_BACKUP only"), "{service}");
        }
    }
}
