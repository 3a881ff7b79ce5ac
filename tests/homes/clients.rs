//! Clients of the service in `service.py`.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use highwater_tests::{python, wait_until};

use crate::instance::{Instance, write};

/// An instance with that service and these variables for it.
#[track_caller]
pub fn talking(name: &str, policy: &str, environment: &str, drop_in: &str) -> Instance {
    let place = Path::new("/usr/local/lib/highwater-test-service.py");
    write(place, include_str!("service.py"));
    let script = format!("export {environment}\nexec {} -S {}\n", python().display(), place.display());
    Instance::new(name, policy, &script, drop_in)
}

/// Says a word to the service, and returns its answer, most often which process it is.
pub fn say(address: &str, word: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(format!("{word}\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(answer) }
}

/// Clients that never cease to ask.
pub struct Load {
    ends: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
    answers: Arc<Mutex<Answers>>,
}

/// What they heard.
#[derive(Default)]
pub struct Answers {
    /// How many answers.
    pub count: usize,
    /// Of which processes.
    pub from: BTreeSet<String>,
    /// What came instead of an answer.
    pub failures: Vec<String>,
}

impl Load {
    /// So many clients, each of which asks again as soon as it has its answer.
    pub fn start(address: &'static str, clients: usize) -> Self {
        let (ends, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Answers::default())));
        let client = |_| {
            let (ends, answers) = (Arc::clone(&ends), Arc::clone(&answers));
            thread::spawn(move || {
                while !ends.load(Ordering::Relaxed) {
                    let result = say(address, "ask");
                    answers.lock().unwrap().note(result);
                }
            })
        };
        let clients = (0..clients).map(client).collect();
        Self { ends, clients, answers }
    }

    /// Waits for an answer of a process that has not answered before.
    #[track_caller]
    pub fn wait_for_another(&self, so_far: usize) {
        wait_until("an answer of the next generation", || {
            (self.answers.lock().unwrap().from.len() > so_far).then_some(())
        });
    }

    /// No client asks again; each still gets its last answer.
    pub fn end(self) -> Answers {
        self.ends.store(true, Ordering::Relaxed);
        self.clients.into_iter().for_each(|client| client.join().unwrap());
        Arc::into_inner(self.answers).unwrap().into_inner().unwrap()
    }

    /// No client asks again, and none was left without an answer by any of so many processes.
    #[track_caller]
    pub fn end_without_loss(self, processes: usize) {
        let answers = self.end();
        assert_eq!(answers.failures, Vec::<String>::new(), "of {} more", answers.count);
        assert_eq!(answers.from.len(), processes, "{:?}", answers.from);
        println!("{} answers by {processes} processes", answers.count);
    }
}

impl Answers {
    fn note(&mut self, result: io::Result<String>) {
        match result {
            Ok(process) => {
                self.count += 1;
                self.from.insert(process);
            }
            Err(error) => self.failures.push(error.to_string()),
        }
    }
}
