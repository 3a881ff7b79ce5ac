//! Sums up a heap snapshot by constructor, or says what grew between two, with what reading them took.
//!
//!   cargo run --release -p highwater-profile --example heapsnapshot -- FILE [FILE2]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::time::Instant;

use highwater_profile::difference::Total;
use highwater_profile::heapsnapshot::{self, Constructors};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files: Vec<_> = std::env::args_os().skip(1).collect();
    let mut heaps = Vec::new();
    for file in &files {
        heaps.push(read(Path::new(file))?);
    }
    match heaps.as_slice() {
        [one] => print(one.totals().map(|(name, total)| (name, signed(total)))),
        [before, after] => print(grown(before, after)),
        _ => return Err("one or two heap snapshots, please".into()),
    }
    Ok(())
}

fn read(path: &Path) -> Result<Constructors, Box<dyn std::error::Error>> {
    let began = Instant::now();
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let heap = heapsnapshot::read(file).map_err(|error| format!("{}: {error}", path.display()))?;
    let Total { bytes: held, objects } = heap.total();
    println!("{}: {bytes} bytes read in {:?}: {objects} objects, {held} bytes", path.display(), began.elapsed());
    println!("parts count for what holds them: {}; most memory so far: {}", heap.is_attributed(), peak());
    Ok(heap)
}

/// Bytes and objects, or how many more.
type Figures = (i64, i64);

fn signed(total: Total) -> Figures {
    (total.bytes.cast_signed(), total.objects.cast_signed())
}

fn grown<'a>(before: &Constructors, after: &'a Constructors) -> impl Iterator<Item = (&'a str, Figures)> {
    let earlier: BTreeMap<_, _> = before.totals_to_compare_with(after).into_iter().collect();
    let growth = |(name, now): (&'a str, Total)| {
        let (then, now) = (signed(earlier.get(name).copied().unwrap_or_default()), signed(now));
        (name, (now.0 - then.0, now.1 - then.1))
    };
    after.totals_to_compare_with(before).into_iter().map(growth).collect::<Vec<_>>().into_iter()
}

fn print<'a>(figures: impl Iterator<Item = (&'a str, Figures)>) {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_by_key(|(_, (bytes, _))| std::cmp::Reverse(*bytes));
    println!("{:>14} {:>10}  constructor", "bytes", "objects");
    for (name, (bytes, objects)) in figures.iter().take(15) {
        println!("{bytes:>14} {objects:>10}  {name}");
    }
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown").trim().to_owned()
}
