//! What a machine needs besides file systems before a service can run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use highwater_kernel::loopback;
use nix::sys::reboot::set_cad_enabled;
use nix::unistd::sethostname;

use super::say;
use crate::cli;
use crate::run::state_dir;

/// Where programs are looked for: the kernel says nothing about it.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Host name, loopback and keyboard.
pub fn settle() {
    if let Ok(name) = std::fs::read_to_string("/etc/hostname")
        && let Err(error) = sethostname(name.trim())
    {
        say(format_args!("the host name cannot be set: {error}"));
    }
    // Steps, health checks and most services reach each other by 127.0.0.1.
    if let Err(error) = loopback::up() {
        say(format_args!("{error}"));
    }
    // Ctrl-Alt-Del is to be a signal to us; else the kernel reboots under the service. Not every machine has the keys.
    let _ = set_cad_enabled(false);
}

/// Where journal and evidence go. A board whose disk cannot be written runs its service all the same, and keeps what it
/// has to say until it is switched off.
pub fn state_dir(arguments: &cli::Init) -> PathBuf {
    let wanted = arguments.state_dir.clone().unwrap_or_else(|| state_dir::usual(&arguments.name));
    match probe(&wanted) {
        Ok(()) => wanted,
        Err(error) => {
            let instead = Path::new("/run/highwater").join(&arguments.name).join("state");
            say(format_args!(
                "{}: {error}: journal and evidence go to {} and are lost with the power",
                wanted.display(),
                instead.display()
            ));
            instead
        }
    }
}

fn probe(directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let probe = directory.join(".writable");
    std::fs::write(&probe, "")?;
    std::fs::remove_file(&probe)
}

/// The command line of the supervisor.
pub fn supervisor(arguments: &cli::Init) -> Vec<OsString> {
    let own = std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into());
    let mut argv: Vec<OsString> = vec![own.into(), "run".into(), "--below-init".into()];
    argv.extend(arguments.options.iter().cloned());
    argv.extend(["--state-dir".into(), state_dir(arguments).into(), "--name".into(), arguments.name.clone().into()]);
    argv.push("--".into());
    argv.extend(arguments.argv.iter().cloned());
    argv
}
