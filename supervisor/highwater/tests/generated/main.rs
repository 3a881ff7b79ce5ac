//! What is made from the command line's one definition: man pages and completions, which must be current, and help.
//!
//! `HIGHWATER_UPDATE=1 cargo test -p highwater --test generated` writes them anew.

mod files;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use files::{files, subcommands};

/// Compares a file of this crate with what it should be, or writes it where `HIGHWATER_UPDATE` is set.
#[track_caller]
fn is_current(file: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("HIGHWATER_UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, wanted).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "{file} is stale: HIGHWATER_UPDATE=1 cargo test -p highwater --test generated");
}

#[test]
fn man_pages_and_completions_are_current() {
    for (name, text) in files() {
        is_current(&name, &text);
    }
}

#[test]
fn help_names_every_subcommand() {
    let help = highwater(["--help"]);
    assert!(help.status.success());
    let text = String::from_utf8(help.stdout).unwrap();
    for command in subcommands() {
        let line = format!("\n  {} ", command.get_name());
        assert!(text.contains(&line), "{} is missing in:\n{text}", command.get_name());
    }
}

#[test]
fn every_policy_of_the_repository_checks_without_a_warning() {
    for file in policies() {
        let check = highwater([Path::new("check"), &file]);
        let said = String::from_utf8_lossy(&check.stderr);
        assert!(check.status.success() && said.is_empty(), "{}: {}\n{said}", file.display(), check.status);
    }
}

#[test]
fn the_policy_of_the_readme_checks() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let policy = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("readme.toml");
    fs::write(&file, policy).unwrap();
    let check = highwater([Path::new("check"), &file]);
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
}

/// Everything in `policies/`, and what the examples use.
fn policies() -> Vec<PathBuf> {
    let files = |directory: &str| {
        let files: Vec<PathBuf> =
            fs::read_dir(root().join(directory)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
    };
    let found: Vec<PathBuf> = files("policies").chain(files("examples")).collect();
    assert!(found.len() > 7, "{found:?}");
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn highwater(arguments: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_highwater")).args(arguments).output().unwrap()
}
