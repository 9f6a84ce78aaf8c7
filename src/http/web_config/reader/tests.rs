//! A web configuration that changes while it is in use: files in a folder, and who reads them again.

use std::fs;
use std::path::Path;

use tokio::task::JoinHandle;

use super::*;
use crate::http::web_config::tls::samples::{Authority, Identity, expired};

const TLS: &str = "tls_server_config: { cert_file: server.crt, key_file: server.key }\n";
const USERS: &str =
    "basic_auth_users: { alice: $2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG }\n";

/// Waits, but not for ever, by the clock of the machine: that of the runtime is moved by the tests.
async fn soon<F: Future>(what: F) -> F::Output {
    let mut what = std::pin::pin!(what);
    let began = std::time::Instant::now();
    loop {
        tokio::select! {
            biased;
            result = what.as_mut() => return result,
            () = tokio::task::yield_now() => {}
        }
        assert!(began.elapsed() < Duration::from_secs(60), "it did not happen in time");
    }
}

struct Running {
    folder: tempfile::TempDir,
    settings: watch::Receiver<Arc<WebSettings>>,
    handle: WebConfigHandle,
    reloads: LastReloads,
    watchdog: Watchdog,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(folder: tempfile::TempDir) -> Self {
        let material = Material::read(&folder.path().join("web.yml")).unwrap();
        let clock = Clock::System;
        let reloads = LastReloads::new(clock.now());
        let watchdog = Watchdog::default();
        let (reader, settings, handle) =
            WebConfigReader::new(&material, clock, reloads.clone(), &watchdog).unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(reader.run(stop.clone()));
        Self { folder, settings, handle, reloads, watchdog, stop, task }
    }

    fn of(text: &str) -> Self {
        Self::start(folder(text))
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    async fn reread(&self) -> Result<(), String> {
        soon(self.handle.reread()).await.map_err(|error| error.to_string())
    }

    /// Reads again, which must fail with this, and change nothing.
    async fn refused(&mut self, what: &str) {
        let error = self.reread().await.unwrap_err();
        assert!(error.contains(what), "{error}");
        assert!(!self.settings.has_changed().unwrap());
        assert!(!self.reloads.outcome().web_config_successful);
    }

    /// Reads again, which must go well; the settings if they are new.
    async fn taken(&mut self) -> Option<Arc<WebSettings>> {
        self.reread().await.unwrap();
        assert!(self.reloads.outcome().web_config_successful);
        let changed = self.settings.has_changed().unwrap();
        changed.then(|| Arc::clone(&self.settings.borrow_and_update()))
    }

    async fn stop(self) {
        self.stop.cancel();
        soon(self.task).await.unwrap();
        // Nobody answers any more, and nobody waits.
        soon(self.handle.reread()).await.unwrap_err();
        assert!(self.watchdog.silent().is_empty());
    }
}

fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("web.yml"), text).unwrap();
    write_identity(folder.path(), &renewed());
    folder
}

fn renewed() -> Identity {
    Authority::new("corp").issue(&["cm01.corp.example"])
}

fn write_identity(folder: &Path, identity: &Identity) {
    fs::write(folder.join("server.crt"), &identity.certificate).unwrap();
    fs::write(folder.join("server.key"), &identity.key).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_renewed_certificate_is_found_without_being_asked() {
    let mut running = Running::of(TLS);
    let before = Arc::clone(&running.settings.borrow_and_update());
    write_identity(running.folder.path(), &renewed());
    running.settings.changed().await.unwrap();
    let after = Arc::clone(&running.settings.borrow_and_update());
    assert!(!Arc::ptr_eq(before.tls.as_ref().unwrap(), after.tls.as_ref().unwrap()));
    assert!(running.reloads.outcome().web_config_successful);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn it_keeps_its_pace_where_nobody_can_ask() {
    let folder = folder(TLS);
    let material = Material::read(&folder.path().join("web.yml")).unwrap();
    let clock = Clock::System;
    let (reader, mut settings, handle) =
        WebConfigReader::new(&material, clock, LastReloads::new(clock.now()), &Watchdog::default()).unwrap();
    drop(handle);
    let (began, stop) = (tokio::time::Instant::now(), CancellationToken::new());
    let task = tokio::spawn(reader.run(stop.clone()));
    write_identity(folder.path(), &renewed());
    settings.changed().await.unwrap();
    assert_eq!(began.elapsed().as_secs(), PACE.as_secs());
    stop.cancel();
    soon(task).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_same_content_is_not_taken_over_again() {
    let mut running = Running::of(TLS);
    assert!(running.taken().await.is_none());
    // Written anew, with another time.
    running.write("web.yml", TLS);
    assert!(running.taken().await.is_none());
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn everything_but_tls_is_taken_over_too() {
    let mut running = Running::of("");
    running.write("web.yml", USERS);
    assert_eq!(running.taken().await.unwrap().users.len(), 1);
    running.write("web.yml", &format!("{USERS}rate_limit: {{ interval: 1s, burst: 3 }}\n"));
    assert_eq!(running.taken().await.unwrap().rate_limit.unwrap().burst, 3);
    running.write(
        "web.yml",
        &format!("{USERS}http_server_config: {{ headers: {{ X-Frame-Options: deny }} }}\n"),
    );
    let settings = running.taken().await.unwrap();
    assert_eq!((settings.headers["x-frame-options"].to_str().unwrap(), settings.rate_limit), ("deny", None));
    running.write("web.yml", &format!("{USERS}{TLS}"));
    assert!(running.taken().await.unwrap().tls.is_some());
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn tls_begins_anew_only_where_it_has_changed() {
    let mut running = Running::of(TLS);
    let mut before = Arc::clone(&running.settings.borrow_and_update());
    let newer = TLS.replace(" }", ", min_version: TLS13 }");
    for (text, stays) in [
        (format!("{TLS}{USERS}"), true),
        (format!("{TLS}{USERS}rate_limit: {{ interval: 1s, burst: 3 }}\n"), true),
        (format!("{newer}{USERS}"), false),
        (format!("{newer}{USERS}http_server_config: {{ http2: false }}\n"), false),
    ] {
        running.write("web.yml", &text);
        let after = running.taken().await.unwrap();
        assert_eq!(Arc::ptr_eq(before.tls.as_ref().unwrap(), after.tls.as_ref().unwrap()), stays, "{text}");
        before = after;
    }
    write_identity(running.folder.path(), &renewed());
    let after = running.taken().await.unwrap();
    assert!(!Arc::ptr_eq(before.tls.as_ref().unwrap(), after.tls.as_ref().unwrap()));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_broken_leaves_the_last_good_one_in_use_and_heals_by_itself() {
    let mut running = Running::of(TLS);
    running.write("web.yml", "tls_server_config: { cert_file: server.crt, min_version: TLS11 }\n");
    running.refused("one of key and key_file is missing").await;
    let error = running.reread().await.unwrap_err();
    assert!(error.lines().count() == 2 && error.contains("web.yml:1"), "{error}");
    fs::remove_file(running.folder.path().join("web.yml")).unwrap();
    running.refused("there is no such file").await;
    running.write("web.yml", TLS);
    let healed = async {
        while !running.reloads.outcome().web_config_successful {
            sleep(SETTLE).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), healed).await.unwrap();
    assert!(running.taken().await.is_none());
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_new_certificate_waits_for_its_key() {
    let mut running = Running::of(TLS);
    let Identity { certificate, key } = renewed();
    running.write("server.crt", &certificate);
    running.refused("the key does not belong to the certificate").await;
    running.write("server.key", &key);
    assert!(running.taken().await.is_some());
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_protects_is_not_taken_away_by_a_file() {
    let any = "tls_server_config: { cert_file: server.crt, key_file: server.key, client_auth_type: RequireAnyClientCert }\n";
    let verified = "tls_server_config: { cert_file: server.crt, key_file: server.key, client_ca_file: server.crt, \
                    client_auth_type: RequireAndVerifyClientCert }\n";
    let named = verified.replace(" }", ", client_allowed_sans: [prometheus.corp.example] }");
    for (before, after, lost) in [
        (TLS, "", "tls_server_config"),
        (TLS, USERS, "tls_server_config"),
        (USERS, "", "basic_auth_users"),
        (USERS, "basic_auth_users: {}", "basic_auth_users"),
        (any, TLS, "the client_auth_type that is in use"),
        (verified, any, "the client_auth_type that is in use"),
        (&named, verified, "client_allowed_sans"),
    ] {
        let mut running = Running::of(before);
        running.write("web.yml", after);
        running.refused(&format!("no longer has {lost}; restart the exporter to switch that off")).await;
        running.write("web.yml", before);
        assert!(running.taken().await.is_none());
        running.stop().await;

        // The other way round it is taken over at once.
        let mut running = Running::of(after);
        running.write("web.yml", before);
        if before.contains("basic_auth_users") || after != USERS {
            assert!(running.taken().await.is_some(), "{after} {before}");
        } else {
            running.refused("basic_auth_users").await;
        }
        running.stop().await;
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_believes_is_used_and_told_of_once() {
    let folder = folder(TLS);
    let identity = Authority::new("corp").issue_with(&["cm01.corp.example"], expired);
    write_identity(folder.path(), &identity);
    let read = || Material::read(&folder.path().join("web.yml")).unwrap();
    let clock = Clock::System;
    let (mut reader, settings, _) =
        WebConfigReader::new(&read(), clock, LastReloads::new(clock.now()), &Watchdog::default()).unwrap();
    assert!(settings.borrow().tls.is_some() && reader.told_of_lifetime);
    write_identity(folder.path(), &renewed());
    let material = read();
    let made = material.make().unwrap();
    reader.apply(Ok(Some((material, made))), false).unwrap();
    reader.note_lifetime();
    assert!(settings.has_changed().unwrap() && !reader.told_of_lifetime);
}

#[tokio::test(start_paused = true)]
async fn all_who_ask_are_answered() {
    let running = Running::of(TLS);
    let asking: Vec<_> = (0..3 * REQUESTS)
        .map(|_| {
            let handle = running.handle.clone();
            tokio::spawn(async move { handle.reread().await })
        })
        .collect();
    for asked in asking {
        soon(asked).await.unwrap().unwrap();
    }
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_just_being_written_is_no_failure_unless_it_stays_so() {
    let folder = folder(TLS);
    let material = Material::read(&folder.path().join("web.yml")).unwrap();
    let reloads = LastReloads::new(Clock::System.now());
    let (mut reader, _settings, _) =
        WebConfigReader::new(&material, Clock::System, reloads.clone(), &Watchdog::default()).unwrap();
    let failure = || Err(NotTakenOver(vec!["half of it is missing".to_owned()]));
    for (looked, is_good) in
        [(failure(), true), (Ok(None), true), (failure(), true), (failure(), false), (Ok(None), true)]
    {
        let failed = looked.is_err();
        assert_eq!(reader.apply(looked, false).is_err(), failed);
        assert_eq!(reloads.outcome().web_config_successful, is_good);
    }
    // Whoever asks is told at once.
    reader.apply(failure(), true).unwrap_err();
    assert!(!reloads.outcome().web_config_successful);
}

/// A pipe that nobody writes: who opens it to read hangs, until this goes.
#[cfg(unix)]
struct Pipe(PathBuf);

#[cfg(unix)]
impl Drop for Pipe {
    fn drop(&mut self) {
        // For both it is opened at once, and then nobody waits for a writer any more.
        let _ = fs::File::options().read(true).write(true).open(&self.0);
    }
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_share_that_hangs_holds_up_neither_requests_nor_the_stop() {
    let mut running = Running::of(TLS);
    let [file, aside] = ["web.yml", "hung.yml"].map(|name| running.folder.path().join(name));
    fs::remove_file(&file).unwrap();
    // To open it waits until somebody writes.
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    // Also where an assertion fails: the runtime waits for its threads.
    let mut pipe = Pipe(file.clone());
    for _ in 0..2 {
        let handle = running.handle.clone();
        let asked = tokio::spawn(async move { handle.reread().await });
        // Time does not pass by itself while a blocking thread is busy.
        soon(async {
            while !asked.is_finished() {
                tokio::time::advance(Duration::from_secs(1)).await;
            }
        })
        .await;
        let error = asked.await.unwrap().unwrap_err().to_string();
        assert!(
            error.ends_with("not read within 10 s; look at the volume of it and of what it names"),
            "{error}"
        );
        assert!(!running.reloads.outcome().web_config_successful);
        assert!(running.watchdog.silent().is_empty());
    }
    fs::rename(&file, &aside).unwrap();
    pipe.0 = aside;
    running.write("web.yml", &format!("{TLS}{USERS}"));
    drop(pipe);
    assert_eq!(running.taken().await.unwrap().users.len(), 1);
    running.stop().await;
}
