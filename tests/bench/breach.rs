//! The policy of a service that may take 256 MiB and is dumped at its breach.

pub const LIMIT: u64 = 256 << 20;

/// The tripwire is in per cent of the limit, the dump its fields but for `within`.
pub fn policy(tripwire: u64, dump: &str) -> String {
    format!(
        r#"
        [service]
        restart = "never"
        [memory]
        max = "{LIMIT}B"
        tripwire = "{tripwire}%"
        [trigger.breach]
        memory-event = {{ counter = "high" }}
        [[step]]
        name = "dump"
        dump = {{ {dump}, within = "20s" }}
        "#
    )
}
