//! A real Prometheus that has to show a password or a certificate over TLS: who has it scrapes, who has not does not, and
//! a renewed certificate of the server is noticed by neither.

use serde_json::{Value, json};

use crate::support::authority::{Authority, Identity, NAME, ask};
use crate::support::backups::successes;
use crate::support::process::{DEADLINE, Exporter, ONE_SITE, Place};
use crate::support::prometheus::{Prometheus, Setup, job};
use crate::support::{http, wait};

const PASSWORD: &str = "correct horse";
/// The name that the certificate of a scraper must have.
const SCRAPER: &str = "prometheus.corp.example";
const TLS: &str = "cert_file: server.crt, key_file: server.key";
/// What Go logs of HTTP/2 with [`GODEBUG`], once for each connection.
const HTTP2_CONNECTION: &str = "http2: Transport creating client conn";
const GODEBUG: (&str, &str) = ("GODEBUG", "http2debug=1");
/// How often it scrapes, and how long that may take: busy as this machine may be.
const SCRAPE: &str = "3s";
const ADMITTED: &str = r#"{job=~"password|old_client|certificate"}"#;
const REFUSED: &str = r#"{job=~"wrong_password|no_password|no_certificate|other_certificate"}"#;

/// An exporter that watches one site, with this web configuration beside its certificate and that of the authority.
fn exporter(authority: &Authority, web: &str) -> (Place, Exporter) {
    let place = Place::new(ONE_SITE);
    place.append(&successes("P01", 2));
    authority.renew(&place);
    place.write("ca.crt", authority.certificate());
    place.write("web.yml", web);
    let exporter = place.launch(&[&format!("--web.config.file={}", place.path("web.yml").display())]);
    exporter.address();
    (place, exporter)
}

/// A job over TLS, with these settings of TLS and these besides.
fn secure_job(name: &str, place: &Place, exporter: &Exporter, tls: Value, besides: Value) -> Value {
    let mut job = job(name, exporter.address());
    job["scheme"] = json!("https");
    job["scrape_interval"] = json!(SCRAPE);
    job["scrape_timeout"] = json!(SCRAPE);
    job["tls_config"] = json!({ "ca_file": place.path("ca.crt"), "server_name": NAME });
    merge(&mut job["tls_config"], tls);
    merge(&mut job, besides);
    job
}

fn merge(into: &mut Value, settings: Value) {
    let Value::Object(settings) = settings else { panic!("{settings} has no keys") };
    for (key, value) in settings {
        into[key] = value;
    }
}

/// The settings of TLS of a client that shows this, from files in the folder.
fn shows(place: &Place, name: &str, identity: &Identity) -> Value {
    let (certificate, key) = (format!("{name}.crt"), format!("{name}.key"));
    place.write(&certificate, &identity.certificate);
    place.write(&key, &identity.key);
    json!({ "cert_file": place.path(&certificate), "key_file": place.path(&key) })
}

fn login(password: &str) -> Value {
    json!({ "basic_auth": { "username": "prometheus", "password": password } })
}

/// What Prometheus tells of the last scrape of a job.
fn last_error(server: &Prometheus, job: &str) -> String {
    let targets = http::get(server.address(), "/api/v1/targets", &[]).json();
    let targets = targets["data"]["activeTargets"].as_array().cloned().unwrap_or_default();
    let target = targets.iter().find(|target| target["labels"]["job"] == job).expect("the target of the job");
    target["lastError"].as_str().unwrap_or_default().to_owned()
}

fn http2_connections(server: &Prometheus, to: &Exporter) -> usize {
    let to = to.address().to_string();
    server.log().lines().filter(|line| line.contains(HTTP2_CONNECTION) && line.contains(&to)).count()
}

#[test]
fn a_real_prometheus_scrapes_with_a_password_or_a_certificate_and_not_without() {
    let authority = Authority::new();
    let hash = bcrypt::hash_with_salt(PASSWORD, 4, *b"sixteen of salt!").expect("a hash").to_string();
    let with_password =
        format!("tls_server_config: {{ {TLS} }}\nbasic_auth_users: {{ prometheus: {hash} }}\n");
    let with_certificate = format!(
        "tls_server_config: {{ {TLS}, client_ca_file: ca.crt, client_auth_type: RequireAndVerifyClientCert, \
         client_allowed_sans: [{SCRAPER}] }}\n"
    );
    let (password_place, password) = exporter(&authority, &with_password);
    let (certificate_place, certificate) = exporter(&authority, &with_certificate);

    let clients = Place::new(ONE_SITE);
    clients.write("ca.crt", authority.certificate());
    let (allowed, other) = (authority.issue(SCRAPER), authority.issue("cm02.corp.example"));
    let mut old_client = login(PASSWORD);
    merge(&mut old_client, json!({ "enable_http2": false }));
    let job = |name, exporter, tls, besides| secure_job(name, &clients, exporter, tls, besides);
    let jobs = vec![
        job("password", &password, json!({ "min_version": "TLS13" }), login(PASSWORD)),
        job("old_client", &password, json!({ "max_version": "TLS12" }), old_client),
        job("certificate", &certificate, shows(&clients, "allowed", &allowed), json!({})),
        job("wrong_password", &password, json!({}), login("correct house")),
        job("no_password", &password, json!({}), json!({})),
        job("no_certificate", &certificate, json!({}), json!({})),
        job("other_certificate", &certificate, shows(&clients, "other", &other), json!({})),
    ];
    let setup = Setup { jobs, environment: &[GODEBUG], ..Setup::default() };
    let Some(server) = Prometheus::start(&setup) else { return };

    let found = |expression: &str| server.query_until_found(DEADLINE, expression);
    found(&format!("count(up{ADMITTED} == 1) == 3"));
    found(&format!("count(up{REFUSED} == 0) == 4"));
    found("count(configmgr_backup_last_success_timestamp_seconds) == 3");
    for (job, error) in [
        ("password", ""),
        ("old_client", ""),
        ("certificate", ""),
        ("wrong_password", "server returned HTTP status 401 Unauthorized"),
        ("no_password", "server returned HTTP status 401 Unauthorized"),
        ("no_certificate", "tls: "),
        ("other_certificate", "tls: "),
    ] {
        let told = last_error(&server, job);
        assert!(told.contains(error) && told.is_empty() == error.is_empty(), "{job}: {told}");
    }

    // What was agreed on: HTTP/2, and OpenMetrics, which alone has units and calls this family so.
    for exporter in [&password, &certificate] {
        assert!(http2_connections(&server, exporter) > 0, "{}", server.log());
    }
    let family = "/api/v1/metadata?metric=configmgr_backup_last_success_timestamp_seconds";
    let metadata = http::get(server.address(), family, &[]).json();
    let unit = &metadata["data"]["configmgr_backup_last_success_timestamp_seconds"][0]["unit"];
    assert_eq!(unit, "seconds", "{metadata}");

    // Another certificate is noticed by nobody but whoever looks at it: for that it takes a new connection.
    let renewals = [
        (&password_place, &password, authority.client()),
        (&certificate_place, &certificate, authority.client_with(Some(&allowed))),
    ];
    for (place, exporter, client) in renewals {
        let before = http2_connections(&server, exporter);
        let renewed = authority.renew(place);
        wait::until(DEADLINE, "the renewed certificate", || {
            (ask(exporter.address(), &client).expect("an answer").1 == renewed).then_some(())
        });
        wait::until(DEADLINE, "a new connection of Prometheus", || {
            (http2_connections(&server, exporter) > before).then_some(())
        });
    }
    let begin = server.query(&format!("max(timestamp(up{ADMITTED}))"))[0]["value"][1].clone();
    found(&format!("min(timestamp(up{ADMITTED})) > {}", begin.as_str().expect("a time")));
    found(&format!("count(min_over_time(up{ADMITTED}[1h]) == 1) == 3"));
    found(&format!("count(max_over_time(up{REFUSED}[1h]) == 0) == 4"));
}
