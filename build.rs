//! Hands the compiler's version and the revision to `src/build_info.rs`.
//!
//! A release asks git, unless `BUILD_REVISION` names the revision (a source archive has no git). Debug builds don't:
//! each commit would compile everything again.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=BUILD_REVISION");
    let compiler = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    // "rustc 1.95.0 (hash date)"
    let version = output(&compiler, &["--version"]).and_then(|text| Some(text.split(' ').nth(1)?.to_owned()));
    let given = env::var("BUILD_REVISION").ok().filter(|revision| !revision.is_empty());
    for (name, value) in [("BUILD_RUST_VERSION", version), ("BUILD_REVISION", given.or_else(revision_of_git))]
    {
        println!("cargo::rustc-env={name}={}", value.as_deref().unwrap_or("unknown"));
    }
}

fn revision_of_git() -> Option<String> {
    if env::var("PROFILE").as_deref() != Ok("release") {
        return None;
    }
    // Moves with every commit and every checkout, in a work tree too.
    if let Some(path) = output("git", &["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={path}");
    }
    output("git", &["rev-parse", "--short=12", "HEAD"])
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
