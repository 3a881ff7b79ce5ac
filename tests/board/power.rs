//! The power goes away at any moment, and comes back.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use crate::board::{Board, Disk, count, lines};

/// Incidents without end: the service leaks in each generation, and whatever happens is written.
const BUSY: &str = r#"
[memory]
max = "64MiB"
tripwire = "50%"
[trigger.breach]
memory-event = { counter = "high" }
[[step]]
name = "dump"
dump = { signal = "SIGUSR1", file = "/data/tmp/heap-*.bin", within = "20s", needs = "4MiB" }
[[step]]
name = "restart"
after = "500ms"
restart = { budget = { times = 1000, within = "1h" }, backoff = "1ms..2ms" }
[incident]
resolve-after = "300ms"
[evidence]
max-bytes = "8MiB"
min-free = "8MiB"
[journal]
max-bytes = "64KiB"
"#;
const SERVICE: &str = "/bin/leaker --base 20 --rate 8 --dump-file /data/tmp/heap-%d.bin --dump-size 4 --dump-rate 8 \
                       --dump-handler sigwait";

/// Numbers that only the seed decides.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// From the environment, or something else.
fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn cut_at_random_moments_a_board_comes_back_with_a_whole_journal() {
    let clock = UNIX_EPOCH.elapsed().unwrap_or_default().subsec_nanos();
    let seed = number("HIGHWATER_SEED", u64::from(clock) | 1);
    let cuts = number("HIGHWATER_CUTS", 4);
    println!("{cuts} cuts; HIGHWATER_SEED={seed}");
    let mut random = Random(seed | 1);
    let mut board = Board::with_highwater("power", BUSY, "", SERVICE);
    let mut left = Vec::new();
    for cut in 1..=cuts {
        board.boot();
        board.wait_for("service started, generation 1");
        let wait = Duration::from_millis(random.next() % 12_000);
        println!("cut {cut} after {wait:?}");
        std::thread::sleep(wait);
        assert!(!board.console().contains("cannot be used"), "it runs");
        board.cut();
        left.push(what_is_left(&board));
    }
    println!("lines, torn bytes, evidence by boot: {left:?}");

    board.boot();
    board.wait_for("service started, generation 1");
    board.wait_for("incident resolved");
    let journal = board.journal();
    assert!(count(&journal, "supervisor.started") >= 1, "{journal:#?}");
    let sizes = board.ask("stat -c %s /data/state/journal.jsonl /data/state/journal.jsonl.1 2>/dev/null");
    let size: u64 = sizes.lines().filter_map(|line| line.parse::<u64>().ok()).sum();
    assert!(size <= 65_536, "{sizes}");
    assert!(!board.console().contains("forgotten"), "the state was kept");
    board.ask("kill -USR2 1 &");
    board.wait_off();
}

/// Checks what is on the disk of a board that lost its power: whole lines but for the last, a state and records that can
/// be read, and no file called complete that is not. Returns lines, torn bytes and files.
#[track_caller]
fn what_is_left(board: &Board) -> (usize, usize, usize) {
    let disk = board.data();
    let text = disk.file("/state/journal.jsonl").unwrap_or_default();
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let journal = lines(std::str::from_utf8(&text[..whole]).expect("text"));
    let is_whole = |name: &str| disk.file(name).is_none_or(|state| serde_json::from_slice::<Value>(&state).is_ok());
    assert!(is_whole("/state/state.json.kept"), "the version that has reached the disk is whole");
    if !is_whole("/state/state.json") {
        println!("the newest state has not reached the disk");
    }
    let mut files = 0;
    for incident in disk.names("/state/evidence") {
        files += check_incident(&disk, &format!("/state/evidence/{incident}"));
    }
    (journal.len(), text.len() - whole, files)
}

/// What the record of an incident calls complete has as many bytes as it says. It may have gone for others, or be
/// compressed by now.
#[track_caller]
fn check_incident(disk: &Disk, directory: &str) -> usize {
    let Some(record) = disk.file(&format!("{directory}/incident.json")) else { return 0 };
    let record = json(directory, &record);
    let mut files = 0;
    for file in record["files"].as_array().into_iter().flatten().filter(|file| file["complete"] == true) {
        let name = file["path"].as_str().expect("a name");
        if let Some(content) = disk.file(&format!("{directory}/{name}")) {
            assert_eq!(Some(content.len() as u64), file["bytes"].as_u64(), "{directory}/{name}");
            files += 1;
        }
    }
    files
}

#[track_caller]
fn json(what: &str, text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap_or_else(|error| panic!("{what}: {error}: {}", String::from_utf8_lossy(text)))
}
