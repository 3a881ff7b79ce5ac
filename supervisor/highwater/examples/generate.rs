//! Writes man pages and completions into a directory: `cargo run -p highwater --example generate -- DIR`.

#[allow(dead_code, reason = "the test of it uses the rest")]
#[path = "../tests/generated/files.rs"]
mod files;

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let directory: PathBuf = std::env::args_os().nth(1).ok_or(std::io::ErrorKind::InvalidInput)?.into();
    for (name, text) in files::files() {
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(&directory))?;
        std::fs::write(&path, text)?;
        println!("{}", path.display());
    }
    Ok(())
}
