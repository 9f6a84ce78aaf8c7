//! The program inside the process of a test, because its deadlines are no flags: a test cannot wait for a minute.

use std::net::SocketAddr;
use std::thread::{self, JoinHandle};

use configmgr_backup_exporter::app::{App, Load, Options, ReloadOptions};
use configmgr_backup_exporter::clock::Clock;
use configmgr_backup_exporter::config::{Config, SiteSettings};
use configmgr_backup_exporter::environment::Environment;
use configmgr_backup_exporter::reloads::{LastReloads, Refused};
use configmgr_backup_exporter::services::SystemServices;
use configmgr_backup_exporter::site::Timings;
use configmgr_backup_exporter::source::site_database::SqlServers;
use tokio::runtime::Handle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::process::{DEADLINE, Place, Samples};
use super::{http, wait};

/// The program inside this process.
pub(crate) struct Inside {
    address: SocketAddr,
    runtime: Handle,
    /// Asks it to stop when it goes: a test that fails leaves nothing behind that acts.
    stop: DropGuard,
    thread: JoinHandle<()>,
}

impl Inside {
    /// Starts it with the configuration and the state directory of a place.
    #[track_caller]
    pub(crate) fn start(place: &Place, timings: Timings) -> Self {
        Self::start_with(place, timings, |_| {})
    }

    /// The same with settings that no configuration has.
    #[track_caller]
    pub(crate) fn start_with(
        place: &Place,
        timings: Timings,
        set: impl Fn(&mut SiteSettings) + Send + Sync + 'static,
    ) -> Self {
        let file = place.path("exporter.yml");
        let load = move || {
            let mut config =
                Config::load(&file).map_err(|error| Refused::by_content(vec![error.to_string()]))?;
            for site in &mut config.sites {
                site.settings.timings = timings;
                set(&mut site.settings);
            }
            Ok(config)
        };
        let config = load().expect("the configuration");
        let environment = Environment::new(std::env::vars_os());
        let options = Options {
            clock: Clock::System,
            timings,
            state_path: place.path("state"),
            account: "the test".to_owned(),
            databases: Box::new(SqlServers::new(&environment)),
            services: Box::new(SystemServices::new(&environment)),
            listen: vec![([127, 0, 0, 1], 0).into()],
            web: None,
            max_connections: 16,
            open_health_endpoints: false,
            telemetry_path: "/metrics".to_owned(),
            process: None,
            reload: ReloadOptions {
                load: Load::new(load),
                outcome: LastReloads::new(Clock::System.now()),
                lifecycle: true,
                watched: Some(place.path("exporter.yml")),
                threads: 256,
            },
        };
        let stop = CancellationToken::new();
        let (told, stopping) = (std::sync::mpsc::channel(), stop.clone());
        let sender = told.0;
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let runtime = runtime.expect("a runtime");
            runtime.block_on(async {
                let app = App::build(config, options).expect("a program that can run");
                sender.send((app.addresses()[0], Handle::current())).expect("the test waits");
                app.run(stopping).await.expect("an orderly end");
            });
            runtime.shutdown_background();
        });
        let (address, runtime) = told.1.recv_timeout(DEADLINE).expect("it listens");
        Self { address, runtime, stop: stop.drop_guard(), thread }
    }

    /// How many tasks it has now.
    pub(crate) fn tasks(&self) -> usize {
        self.runtime.metrics().num_alive_tasks()
    }

    /// Gets a path.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> http::Response {
        http::get(self.address, path, &[])
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Scrapes until the value of a series fits.
    #[track_caller]
    pub(crate) fn until(&self, series: &str, fits: impl Fn(f64) -> bool) -> Samples {
        wait::until(DEADLINE, series, || {
            let samples = Samples::parse(self.get("/metrics").text());
            samples.get(series).is_some_and(&fits).then_some(samples)
        })
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(self) {
        drop(self.stop);
        self.thread.join().expect("it ends");
    }
}
