//! A site server for which nothing is configured, from the first installation to the end.

use std::fs;
use std::path::Path;

use super::{NAME, Packages, listed, msiexec, nothing_is_left, running, until};
use crate::support::backups::successes;
use crate::support::process::Place;
use crate::support::site_server::SiteServer;
use crate::support::test_service::TestService;

#[test]
fn installed_is_all_that_a_site_server_needs_and_its_configuration_outlives_the_program() {
    let place = Place::new("");
    let Some(packages) = Packages::find(|| TestService::install_on_site_server(&place)) else { return };
    let server = SiteServer::install(&place, "primary.reg");
    server.write(&server.log(), successes("P01", 3));
    // A service has the environment of the machine; Wine gives it another ProgramData.
    let folders =
        ["ProgramData", "PUBLIC"].map(|name| Path::new(&std::env::var_os(name).unwrap()).join(NAME));
    folders.iter().for_each(|folder| drop(fs::remove_dir_all(folder)));
    let files = folders.clone().map(|folder| folder.join(format!("{NAME}.yml")));

    let address = place.keep_port();
    assert_eq!(msiexec("/i", &packages.old, &format!("LISTEN_ADDRESS={address}")), 0);
    assert!(running().ends_with(&format!(" service run --web.listen-address={address}")));
    assert!(fs::read_to_string(&files[0]).unwrap().contains("#sites:"));
    until(address, r#"runs_total{site_code="P01"}"#, 3.0);
    until(address, r#"remediation_mode{site_code="P01",mode="restart"}"#, 1.0);
    // What the installation had to say, which nobody saw.
    let log = fs::read_to_string(folders[0].join("exporter.log")).unwrap();
    let warning = log.lines().find(|line| line.contains("the destination of site P01 is not known"));
    assert!(warning.is_some_and(|line| line.contains("level=warn")), "{log}");

    // It is written to, in both places, and an upgrade leaves it as it is.
    let changed = "sites:\r\n  - log: { interval: 1s }\r\n    remediation: { mode: observe }\r\n";
    files.iter().for_each(|file| fs::write(file, changed).unwrap());
    assert_eq!(msiexec("/i", &packages.new, ""), 0);
    until(address, r#"remediation_mode{site_code="P01",mode="observe"}"#, 1.0);
    until(address, r#"runs_total{site_code="P01"}"#, 3.0);
    assert_eq!(listed(), ["1.0.1"]);
    files.iter().for_each(|file| assert_eq!(fs::read_to_string(file).unwrap(), changed));

    assert_eq!(msiexec("/x", &packages.new, ""), 0);
    nothing_is_left();
    files.iter().for_each(|file| assert_eq!(fs::read_to_string(file).unwrap(), changed));
    assert!(folders.iter().any(|folder| folder.join("P01.checkpoint.json").exists()));
    folders.iter().for_each(|folder| drop(fs::remove_dir_all(folder)));
}
