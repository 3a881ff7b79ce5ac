//! What the policy wants from outside is tried while all is well: whether the memory of the service may be read, and
//! whether the tools are there. When it is needed, it is too late to learn that.

use highwater_capture::go;
use highwater_core::policy::{Action, DumpSource, Policy};
use highwater_core::reading::Runtime;
use highwater_kernel::Pid;
use highwater_kernel::process::Forbidden;

use crate::work::outside::{gcore_is_here, py_spy_is_here};

/// What a policy wants from outside, each once.
pub fn wanted(policy: &Policy) -> Vec<DumpSource> {
    let mut wanted = Vec::new();
    for step in &policy.steps {
        let Action::Dump(dump) = &step.action else { continue };
        for recipe in dump.recipes.iter().filter(|recipe| recipe.source.is_outside()) {
            if !wanted.contains(&recipe.source) {
                wanted.push(recipe.source.clone());
            }
        }
    }
    wanted
}

/// Why it cannot be had, as far as that can be known.
pub fn doubts(pid: Pid, runtime: Runtime, wanted: &[DumpSource]) -> Vec<String> {
    if let Some(forbidden) = Forbidden::memory_of(pid) {
        return vec![format!(
            "nothing can be captured from outside: the memory of process {pid} must not be read: {forbidden}"
        )];
    }
    wanted
        .iter()
        .filter_map(|source| Some(format!("{source} is not to be had: {}", doubt(pid, runtime, source)?)))
        .collect()
}

fn doubt(pid: Pid, runtime: Runtime, source: &DumpSource) -> Option<String> {
    match source {
        DumpSource::GoHeap if runtime == Runtime::Go => {
            go::preflight(pid.cast_unsigned()).err().map(|error| error.to_string())
        }
        DumpSource::PythonStacks if runtime == Runtime::Python => py_spy_is_here().err(),
        DumpSource::Core => gcore_is_here().err(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_policy_wants_from_outside_is_found_behind_what_is_cheaper() {
        let text = "[trigger.full]\nusage = { above = \"90%\" }\n[[step]]\nname = \"a\"\n\
                    dump = { signal = \"SIGUSR1\", file = \"/tmp/x\", fallback = [{ go = \"heap\" }] }\n\
                    [[step]]\nname = \"b\"\ndump = { go = \"heap\" }\n";
        let source = highwater_policy::Source { name: "test".into(), text: text.into() };
        assert_eq!(wanted(&highwater_policy::parse(&source).unwrap().policy), [DumpSource::GoHeap]);
    }

    #[test]
    fn a_program_that_is_what_it_should_be_and_may_be_read_leaves_no_doubt() {
        let own = highwater_kernel::process::own();
        assert_eq!(doubts(own, Runtime::Native, &[DumpSource::GoHeap]), Vec::<String>::new());
        let said = doubts(own, Runtime::Go, &[DumpSource::GoHeap]);
        assert!(said[0].ends_with("is not a Go program: it has no Go build information"), "{said:?}");
    }
}
