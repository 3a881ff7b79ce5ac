//! The ladder that every home is taken through: a dump, a throttle, and some time after it a restart.

/// That ladder with its figures, as a policy has them. Those of [`Ladder::new`] suit a service under 256 MiB that leaks
/// 4 MB a second from 190 MiB on.
#[derive(Clone, Copy, Debug)]
pub struct Ladder<'a> {
    /// The file the service writes its dump to on `SIGUSR1`.
    pub file: &'a str,
    /// How long the dump may take.
    pub within: &'a str,
    /// What it needs.
    pub needs: &'a str,
    /// A level of usage that fires as well as a touch of the tripwire does.
    pub near_limit: Option<&'a str>,
    /// The throttle: where, and for how long.
    pub throttle: (&'a str, &'a str),
    /// How long after the throttle the restart comes.
    pub restart_after: &'a str,
    /// Pauses before the next generation, if not the default ones.
    pub backoff: Option<&'a str>,
    /// How long all must be calm.
    pub resolve_after: &'a str,
    /// Further tables of the policy.
    pub tables: &'a str,
}

impl<'a> Ladder<'a> {
    /// The usual one, with that file for the dump.
    pub const fn new(file: &'a str) -> Self {
        Self {
            file,
            within: "20s",
            needs: "16MiB",
            near_limit: None,
            throttle: ("70%", "3s"),
            restart_after: "5s",
            backoff: Some("1ms..2ms"),
            resolve_after: "500ms",
            tables: "",
        }
    }

    /// The policy.
    pub fn policy(&self) -> String {
        let Self { file, within, needs, throttle: (high, throttled), restart_after, resolve_after, tables, .. } = self;
        let near_limit = self
            .near_limit
            .map_or_else(String::new, |level| format!("[trigger.near-limit]\nusage = {{ above = \"{level}\" }}\n"));
        let backoff = self.backoff.map_or_else(String::new, |range| format!("backoff = \"{range}\""));
        format!(
            r#"{tables}
[trigger.breach]
memory-event = {{ counter = "high" }}
{near_limit}
[[step]]
name = "dump"
dump = {{ signal = "SIGUSR1", file = "{file}", within = "{within}", needs = "{needs}" }}
[[step]]
name = "throttle"
throttle = {{ high = "{high}", for = "{throttled}" }}
[[step]]
name = "restart"
after = "{restart_after}"
restart = {{ {backoff} }}
[incident]
resolve-after = "{resolve_after}"
"#
        )
    }
}
