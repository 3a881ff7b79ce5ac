//! The control socket and somebody who is neither root nor us.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::supervised::Supervised;

#[test]
fn a_stranger_who_gets_hold_of_the_socket_may_look_and_not_touch() {
    assert!(nix::unistd::geteuid().is_root(), "only root can become somebody else: run this as root");
    let supervised = Supervised::start(&[]);
    let as_nobody = |method: &str, path: &str| {
        let mut perl = Command::new("setpriv");
        perl.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "perl", "-e", ASK]);
        let answer = perl.arg(supervised.socket()).args([method, path]).output().unwrap();
        String::from_utf8(answer.stdout).unwrap() + &String::from_utf8(answer.stderr).unwrap()
    };
    let denied = as_nobody("GET", "/livez");
    assert!(denied.contains("Permission denied"), "{denied}");
    for (path, mode) in [(supervised.place.path().to_owned(), 0o755), (supervised.socket(), 0o666)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let may = as_nobody("GET", "/livez");
    assert!(may.starts_with("HTTP/1.1 200 "), "{may}");
    let may_not = as_nobody("POST", "/trigger/restart");
    assert!(may_not.starts_with("HTTP/1.1 403 "), "{may_not}");
    assert!(may_not.contains("only root and the user of highwater"), "{may_not}");
    assert!(!supervised.journal().iter().any(|line| line["event"] == "command.received"));
}

/// One request by somebody who has nothing of ours; every Debian has perl.
const ASK: &str = r#"
    use IO::Socket::UNIX;
    my ($path, @request) = @ARGV;
    my $socket = IO::Socket::UNIX->new(Peer => $path) or die "$!\n";
    print $socket "@request HTTP/1.1\r\nHost: x\r\n\r\n";
    print <$socket>;
"#;
