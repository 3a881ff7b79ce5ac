//! Bundles by PUT to nginx with its `WebDAV` module.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_evidence::delivery::{Destination, Outcome, Secret};

use crate::place::{Place, place, work};
use crate::started::{Started, free_port, program, wait_until};

/// What it may be asked for: files with a token, files no larger than 1 MiB, files once it is ready.
const CONFIGURATION: &str = "
daemon off; master_process off; pid DIR/pid; error_log stderr; events {}
http {
    access_log off; client_body_temp_path DIR/arriving;
    proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi; uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
    server {
        listen 127.0.0.1:PORT;
        root DIR/files;
        location /store {
            client_max_body_size 0; dav_methods PUT MKCOL; dav_access user:rw;
            if ($http_authorization != 'Bearer hush') { return 401; }
        }
        location /small { client_max_body_size 1m; dav_methods PUT; create_full_put_path on; }
        location /late {
            dav_methods PUT; create_full_put_path on; add_header Retry-After 1 always;
            if (!-f DIR/ready) { return 503; }
        }
    }
}";

struct Nginx {
    root: tempfile::TempDir,
    port: u16,
    server: Option<Started>,
}

impl Nginx {
    fn start() -> Self {
        let (root, port) = (tempfile::tempdir().unwrap(), free_port());
        fs::create_dir_all(root.path().join("files/store")).unwrap();
        let directory = root.path().to_str().unwrap();
        let configuration = CONFIGURATION.replace("DIR", directory).replace("PORT", &port.to_string());
        // Its workers are nobody, if it is started by root.
        let user = if nix::unistd::geteuid().is_root() { "user root;" } else { "" };
        fs::write(root.path().join("configuration"), format!("{user}{configuration}")).unwrap();
        let mut nginx = Self { root, port, server: None };
        nginx.restart();
        nginx
    }

    fn restart(&mut self) {
        let mut command = Command::new(program("nginx"));
        command.args(["-e", "stderr", "-c"]).arg(self.path("configuration")).arg("-p").arg(self.root.path());
        self.server = Some(Started::new(&mut command, self.port));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn takes(&self, below: &str) -> Destination {
        let token = self.path("token");
        fs::write(&token, "hush\n").unwrap();
        Destination::HttpPut {
            url: format!("http://localhost:{}/{below}/", self.port),
            token: Some(Secret::File(token)),
        }
    }

    fn has(&self, path: &str, content: &[u8]) {
        assert!(fs::read(self.path("files").join(path)).unwrap() == content, "{path}");
    }
}

#[test]
fn a_bundle_arrives_as_it_was_in_a_directory_that_is_made() {
    let nginx = Nginx::start();
    let large: Vec<u8> = (0..20_000_000_u32).map(|number| (number % 251) as u8).collect();
    let place = place(&[("dump-heap+1.gz", &large), ("incident.json", b"{}")]);
    place.upload(nginx.takes("store"), true);
    let (outcomes, next) = work(&place.outbox);
    assert!(matches!(outcomes[..], [Outcome::Delivered { files: 2, bytes: 20_000_002, .. }]), "{outcomes:?}");
    assert_eq!(next, None);
    nginx.has("store/i-1/dump-heap+1.gz", &large);
    nginx.has("store/i-1/incident.json", b"{}");
}

#[test]
fn a_wrong_token_and_a_file_that_is_too_large_are_final() {
    let nginx = Nginx::start();
    let place = place(&[("dump", &vec![1; 30_000_000])]);
    let wrong = nginx.path("wrong");
    fs::write(&wrong, "mush").unwrap();
    let url = format!("http://127.0.0.1:{}/store", nginx.port);
    place.upload(Destination::HttpPut { url, token: Some(Secret::File(wrong)) }, true);
    place.upload(nginx.takes("small"), true);
    let (outcomes, next) = work(&place.outbox);
    let reasons: Vec<&str> = outcomes.iter().map(given_up).collect();
    assert!(reasons[0].contains("401 Unauthorized") && reasons[1].contains("413 Payload Too Large"), "{reasons:?}");
    assert_eq!(next, None);
    assert!(place.is_empty());
}

fn given_up(outcome: &Outcome) -> &str {
    let Outcome::GivenUp { reason, .. } = outcome else { panic!("{outcome:?}") };
    reason
}

#[test]
fn a_server_that_is_not_ready_is_tried_again() {
    let nginx = Nginx::start();
    let place = place(&[("dump", b"x")]);
    place.upload(nginx.takes("late"), true);
    let (outcomes, next) = work(&place.outbox);
    assert!(matches!(&outcomes[..], [Outcome::Failed { reason, .. }] if reason.contains("503")), "{outcomes:?}");
    assert!(next.is_some());
    fs::write(nginx.path("ready"), "").unwrap();
    place.hurry();
    assert!(matches!(work(&place.outbox).0[..], [Outcome::Delivered { attempts: 2, .. }]));
    nginx.has("late/i-1/dump", b"x");
}

/// So large that the server is killed before the whole has arrived.
const HUGE: u64 = 128 << 20;

#[test]
fn a_server_killed_in_the_middle_gets_the_rest_when_it_is_back() {
    let mut nginx = Nginx::start();
    let place = place(&[("dump-a", b"aa"), ("dump-c", b"cc")]);
    sparse(&place, "dump-b", HUGE);
    place.upload(nginx.takes("store"), true);
    let outcomes = std::thread::scope(|scope| {
        let worker = scope.spawn(|| work(&place.outbox).0);
        wait_until("something arrives", || size_of_files(&nginx.path("arriving")) > 0);
        nginx.server.take().unwrap().kill();
        worker.join().unwrap()
    });
    assert!(matches!(outcomes[..], [Outcome::Failed { attempts: 1, .. }]), "{outcomes:?}");
    nginx.restart();
    place.hurry();
    let (outcomes, _) = work(&place.outbox);
    assert!(matches!(outcomes[..], [Outcome::Delivered { files: 2, attempts: 2, .. }]), "{outcomes:?}");
    assert_eq!(fs::metadata(nginx.path("files/store/i-1/dump-b")).unwrap().len(), HUGE);
    nginx.has("store/i-1/dump-a", b"aa");
    nginx.has("store/i-1/dump-c", b"cc");
}

fn sparse(place: &Place, name: &str, bytes: u64) {
    File::create(place.incident.path(name)).unwrap().set_len(bytes).unwrap();
}

fn size_of_files(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}
