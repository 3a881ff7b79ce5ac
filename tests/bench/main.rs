//! Benchmarks on a real kernel: `tests/run bench [PART...]`. They print tables of counts and ratios and assert nothing.
//!
//! Emulated processors are 5 to 10 times slower than real ones, so that only rows of one table compare; sleeps and
//! counts are exact.

mod breach;
mod calm;
mod evidence;
mod grid;
mod jvm;
mod latency;
mod start;
mod table;

fn main() {
    let parts: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wanted = |name: &str| parts.is_empty() || parts.iter().any(|part| part == name);
    println!("kernel {}", highwater_tests::kernel().unwrap_or_else(|| "of this machine".into()));
    for (name, part) in PARTS {
        if wanted(name) {
            println!("\n## {name}\n");
            part();
        }
    }
}

type Part = (&'static str, fn());

const PARTS: [Part; 6] = [
    ("calm", calm::run),
    ("latency", latency::run),
    ("start", start::run),
    ("grid", grid::run),
    ("jvm", jvm::run),
    ("evidence", evidence::run),
];
