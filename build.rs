//! Tells the program which commit it is built from, for `--version`.
//!
//! A source package has no `.git`: its `.cargo/config.toml` says `NS8_BACKUP_MONITOR_COMMIT` instead.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=NS8_BACKUP_MONITOR_COMMIT");
    println!("cargo:rerun-if-changed=build.rs");
    let given = std::env::var("NS8_BACKUP_MONITOR_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = given.or_else(|| git(&["rev-parse", "--short=12", "HEAD"]));
    if let Some(history) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo:rerun-if-changed={history}");
    }
    let version = env!("CARGO_PKG_VERSION");
    let version = commit.map_or_else(|| version.into(), |commit| format!("{version} ({commit})"));
    println!("cargo:rustc-env=NS8_BACKUP_MONITOR_VERSION={version}");
}

/// What git says about this folder; `None` without git, and in a tarball that lies within somebody else's repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Path::new(".git").exists().then(|| Command::new("git").args(arguments).output())?.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
