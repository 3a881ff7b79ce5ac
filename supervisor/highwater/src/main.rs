//! highwater runs one service and stands between it and the kernel's OOM killer.

use std::process::ExitCode;

fn main() -> ExitCode {
    highwater::main()
}
