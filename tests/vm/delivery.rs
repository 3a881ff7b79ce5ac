//! What leaves the machine: files and word of an incident, sent beside the ladder, which waits for nobody.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use highwater_tests::wait_until;

use crate::contract;
use crate::incident::{Place, done};
use crate::web::read_request;

/// The first line of a request, and its body.
type Request = (String, Vec<u8>);

/// Those that came so far.
type Requests = Arc<Mutex<Vec<Request>>>;

/// A server that says yes to everything and remembers what it was asked.
struct Server {
    port: u16,
    asked: Requests,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Requests = Arc::default();
        let remembered = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Some(request) = answer(stream) {
                    remembered.lock().unwrap().push(request);
                }
            }
        });
        Self { port, asked }
    }

    /// The body of the first request that begins so, as soon as it was there.
    #[track_caller]
    fn body_of(&self, what: &str) -> Vec<u8> {
        wait_until(&format!("a request {what}"), || {
            let asked = self.asked.lock().unwrap();
            asked.iter().find(|(line, _)| line.contains(what)).map(|(_, body)| body.clone())
        })
    }

    /// How many bodies of requests that begin so contain that text.
    fn count(&self, what: &str, text: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        let holds = |body: &[u8]| String::from_utf8_lossy(body).contains(text);
        asked.iter().filter(|(line, body)| line.contains(what) && holds(body)).count()
    }
}

/// Reads one request, and says yes.
fn answer(mut stream: TcpStream) -> Option<Request> {
    let (head, body) = read_request(&mut stream)?;
    stream.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()?;
    Some((head.lines().next()?.to_owned(), body))
}

#[test]
fn files_and_word_of_an_incident_are_sent_now_and_when_it_is_over() {
    let place = Place::on_disk("delivery");
    let server = Server::start();
    let port = server.port;
    let policy = format!(
        "[memory]\nmax = \"96MiB\"\n\
         [trigger.level]\nusage = {{ of = \"current\", above = \"40MiB\" }}\n\
         [[step]]\nname = \"dump\"\ndump = {{ signal = \"SIGUSR1\", file = \"DIR/heap-*.bin\" }}\n\
         [[step]]\nname = \"tell\"\nnotify = {{ webhook = \"http://127.0.0.1:{port}/word\" }}\n\
         [[step]]\nname = \"nobody\"\nnotify = {{ webhook = \"http://127.0.0.1:1/word\" }}\n\
         [[step]]\nname = \"away\"\nupload = {{ http-put = \"http://127.0.0.1:{port}/files\" }}\n\
         [[step]]\nname = \"restart\"\nafter = \"1s\"\nrestart = {{ }}\n\
         [incident]\nresolve-after = \"1s\"\n"
    );
    let service = place.cured_by_a_restart(place.leaker("--base 30 --rate 3 --dump-size 1"));
    let mut highwater = place.start(&policy, service);
    for step in ["dump", "tell", "nobody", "away", "restart"] {
        done(highwater.journal(), step);
    }
    let word = String::from_utf8(server.body_of("POST /word")).unwrap();
    assert!(word.contains("short of memory"), "{word}");
    assert_eq!(server.body_of("heap-").len(), 1 << 20, "the dump");
    highwater.journal().wait_for("incident.analysed");
    wait_until("word that it is over, and the record with what grew", || {
        let over = server.count("POST /word", "was short of memory") > 0;
        (over && server.count("incident.json", "classification\":{") > 0).then_some(())
    });
    wait_until("two deliveries and more in the journal", || {
        let sent = highwater.journal().events("delivery.finished");
        (sent.iter().filter(|line| line["outcome"] == "done").count() >= 4).then_some(())
    });
    highwater.stop();
    let left = fs::read_dir(highwater.state_dir().join("outbox")).unwrap().flatten();
    let left: Vec<_> =
        left.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|kind| kind == "json")).collect();
    let texts = left.iter().map(|path| fs::read_to_string(path).unwrap());
    assert!(!left.is_empty(), "what nobody took waits for the next start");
    assert!(texts.into_iter().all(|text| text.contains("127.0.0.1:1/word")), "{left:?}");
    contract::check(highwater.journal());
}
