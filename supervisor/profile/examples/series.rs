//! What a series of profiles takes on the disk: `cargo run --release --example series FILE...`, the oldest first.
//!
//! Keeps them as a series in a temporary directory, reads every one of them back, and compares with each gzipped whole.

use std::io::{Read, Write};
use std::time::Instant;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use highwater_profile::series::Series;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let profiles: Vec<Vec<u8>> = std::env::args().skip(1).map(std::fs::read).collect::<Result<_, _>>()?;
    let directory = tempfile::tempdir()?;
    let mut series = Series::open(directory.path())?;
    let start = Instant::now();
    for (profile, unix_ms) in profiles.iter().zip(0..) {
        series.append(profile, unix_ms)?;
    }
    println!("{} profiles appended in {:.3} s", profiles.len(), start.elapsed().as_secs_f64());
    let (mut gzipped, mut as_given) = (0, 0);
    for (index, profile) in profiles.iter().enumerate() {
        let plain = plain(profile)?;
        assert_eq!(series.read(index)?, plain, "what comes out is what went in");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&plain)?;
        gzipped += encoder.finish()?.len() as u64;
        as_given += profile.len() as u64;
    }
    let stored: u64 = series.entries().iter().map(|entry| entry.stored).sum();
    let whole: u64 = series.entries().iter().filter(|entry| entry.whole).map(|entry| entry.stored).sum();
    println!(
        "as given {as_given} bytes, each gzipped as well as it goes {gzipped}, as a series {stored}, {whole} of it whole"
    );
    println!("ratio {:.1}, against as given {:.1}", gzipped as f64 / stored as f64, as_given as f64 / stored as f64);
    Ok(())
}

fn plain(profile: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    if profile.starts_with(&[0x1f, 0x8b]) {
        MultiGzDecoder::new(profile).read_to_end(&mut plain)?;
    } else {
        plain.extend_from_slice(profile);
    }
    Ok(plain)
}
