//! What it costs to compare two large pprof profiles: `cargo run --release --example large [MEGABYTES [BRANCHES]]`.
//!
//! Writes two profiles of a made-up program into a temporary directory, 100 MB each unless told otherwise, reads them,
//! takes their difference and draws it, and prints the time and the memory that each took. With BRANCHES of 1 a call has
//! one callee nine times out of ten, as in real programs; 0 makes stacks that share next to nothing, the worst there is.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use highwater_profile::Comparison;
use highwater_profile::pprof::message::{Function, Line, Location, Profile, Sample, ValueType};
use prost::Message;

const FUNCTIONS: u64 = 100_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let bytes = arguments.next().transpose()?.unwrap_or(100) * 1_000_000;
    let shared = arguments.next().transpose()?.unwrap_or(1) > 0;
    let directory = tempfile::tempdir()?;
    let [before, after] = ["before.pb", "after.pb"].map(|name| directory.path().join(name));
    write(&before, bytes, 1, shared)?;
    write(&after, bytes, 2, shared)?;
    println!("{} and {} bytes", before.metadata()?.len(), after.metadata()?.len());

    forget_peak()?;
    say("they are written", Instant::now())?;
    let start = Instant::now();
    let before = highwater_profile::read(&before)?;
    say("the first is read", start)?;
    let after = highwater_profile::read(&after)?;
    say("the second is read", start)?;
    let comparison = Comparison::new(Some(&before), &after);
    drop((before, after));
    say("they are compared", start)?;
    let difference = comparison.difference();
    say("the difference is taken", start)?;
    let graph = comparison.flame_graph("large").unwrap_or_default();
    say("the flame graph is drawn", start)?;
    println!("{} growers, {} bytes of SVG", difference.growers.len(), graph.len());
    Ok(())
}

/// Writes a profile field by field, for as many samples as fit.
fn write(path: &Path, bytes: u64, weight: i64, shared: bool) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    let header = Profile {
        sample_type: vec![ValueType { r#type: 1, unit: 2 }],
        string_table: ["", "inuse_space", "bytes"].map(ToOwned::to_owned).to_vec(),
        ..Profile::default()
    };
    out.write_all(&header.encode_to_vec())?;
    let mut written = 0;
    for id in 1..=FUNCTIONS {
        let line = Line { function_id: id, line: 1 };
        let location = Location { id, line: vec![line], ..Location::default() };
        let function = Function { id, name: id.cast_signed() + 2, ..Function::default() };
        written += field(&mut out, 4, &location.encode_to_vec())?;
        written += field(&mut out, 5, &function.encode_to_vec())?;
        written += field(&mut out, 6, format!("company.example/service/package{}.Function{id}", id / 50).as_bytes())?;
    }
    let mut random = Random(42);
    while written < bytes {
        let sample = Sample { location_id: stack(&mut random, shared), value: vec![weight * 4096], label: Vec::new() };
        written += field(&mut out, 2, &sample.encode_to_vec())?;
    }
    out.flush()
}

/// Innermost first.
fn stack(random: &mut Random, shared: bool) -> Vec<u64> {
    let mut calls = vec![1];
    for depth in 0..10 + random.below(30) {
        let caller = calls[calls.len() - 1];
        let choice = if shared && random.below(10) > 0 { 0 } else { random.below(if shared { 3 } else { 1000 }) };
        calls.push(1 + (caller * 31 + depth * 7 + choice * 1009) % FUNCTIONS);
    }
    calls.reverse();
    calls
}

fn field(out: &mut impl Write, number: u8, bytes: &[u8]) -> io::Result<u64> {
    let mut head = vec![number << 3 | 2];
    prost::encode_length_delimiter(bytes.len(), &mut head).map_err(io::Error::other)?;
    out.write_all(&head)?;
    out.write_all(bytes)?;
    Ok((head.len() + bytes.len()) as u64)
}

/// Numbers that are the same at every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Has the kernel count the peak from here on.
fn forget_peak() -> io::Result<()> {
    std::fs::write("/proc/self/clear_refs", "5")
}

fn say(what: &str, start: Instant) -> io::Result<()> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("?");
    let on_cpu = std::fs::read_to_string("/proc/self/schedstat")?;
    let on_cpu = on_cpu.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(0.0) / 1e9;
    let elapsed = start.elapsed().as_secs_f64();
    println!("{elapsed:6.2} s, processor {on_cpu:6.2} s, peak {:>12}: {what}", peak.trim());
    Ok(())
}
