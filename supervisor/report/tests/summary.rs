//! What happened, in three sentences, for many kinds of incident.

mod samples;

use highwater_report::incident::Incident;
use highwater_report::summary;

#[track_caller]
fn says(incident: &Incident, wanted: [&str; 3]) {
    assert_eq!(summary(incident), wanted);
}

const REACHED: &str = "On 22 November 2026, 08:07:55 UTC, the memory of sessions reached 150 MiB of its limit of 160 MiB, \
                       growing by 4 MiB a second.";
const UNKNOWN: &str = "What grew is not known: there is no profile of it, and nothing is known of the healthy service.";

#[test]
fn a_leak_was_dumped_and_restarted() {
    says(
        &samples::leak(),
        [
            "On 22 November 2026, 08:07:55 UTC, the memory of sessions (Go) reached 150 MiB of its limit of 160 MiB, \
             growing by 4 MiB a second.",
            "highwater had it write a dump (24.2 KiB, in 2.6 s), slowed it down for 2.6 s and restarted it; after 24 s \
             the incident was over.",
            "main.keep grew most: it holds 80 MiB more than when the service was healthy, 94 % of all that grew.",
        ],
    );
}

#[test]
fn a_burst_resolved_by_itself() {
    says(
        &samples::burst(),
        [
            "On 22 November 2026, 08:07:55 UTC, the memory of sessions reached 150 MiB of its limit of 160 MiB, growing \
             by 6 MiB a second.",
            "No step was needed: after 24 s it had calmed down by itself.",
            "It rose by 60 MiB and fell by 60 MiB within 20 s.",
        ],
    );
}

#[test]
fn the_kernel_killed_it_at_its_own_limit() {
    let ended = "The step dump failed (the service died during it); the kernel killed it at its own limit after 1.2 s; \
                 after 24 s the incident was over.";
    says(&samples::killed("own-limit"), [REACHED, ended, UNKNOWN]);
}

#[test]
fn the_kernel_killed_it_at_an_outer_limit() {
    let ended = "The step dump failed (the service died during it); the kernel killed it at a limit further up after \
                 1.2 s; after 24 s the incident was over.";
    says(&samples::killed("outer-limit"), [REACHED, ended, UNKNOWN]);
}

#[test]
fn it_was_killed_before_any_step() {
    let incident = Incident { steps: Vec::new(), ..samples::killed("own-limit") };
    let said = &summary(&incident)[1];
    assert!(said.starts_with("highwater took no step; the kernel killed it at its own limit after 1.2 s"), "{said}");
}

#[test]
fn the_budget_was_spent() {
    let ended = "highwater restarted it (2 times); the step restart failed (the restart budget is spent); the restart \
                 budget was spent, so highwater gave up and the service is down.";
    says(&samples::budget_spent(), [REACHED, ended, UNKNOWN]);
}

#[test]
fn a_dump_failed() {
    let ended = "The step dump did not end in time (20 s passed and the file is still being written); after 24 s the \
                 incident was over.";
    says(&samples::failed_dump(), [REACHED, ended, "What grew is not known: there is no profile of it."]);
}

#[test]
fn steps_were_skipped() {
    let ended = "The step dump was left out (capture from outside: 3.2 MiB left, 12 MiB needed, 40 MiB/s leak takes 19 \
                 MiB in 480 ms); the step signal was left out (the process does not handle SIGUSR1, which would end \
                 it); 2\u{a0}steps failed or left out besides; after 24 s the incident was over.";
    says(&samples::skipped(), [REACHED, ended, UNKNOWN]);
}

#[test]
fn a_throttle_is_in_force() {
    let ended =
        "highwater had it write a dump (24.2 KiB, in 2.6 s); it is being slowed down; the incident is not over.";
    let unknown = "What grew is not known: what was dumped has not been compared yet, or cannot be.";
    says(&samples::throttled(), [REACHED, ended, unknown]);
}

#[test]
fn it_still_runs() {
    let reached = REACHED.replace("sessions", "sessions (JVM)");
    says(&samples::open(), [&reached, "highwater took no step; the incident is not over.", UNKNOWN]);
}

#[test]
fn there_was_no_baseline() {
    let blame = "main.keep holds most: 80 MiB, 94 % of what the dump shows; there was no profile of the healthy service \
                 to compare it with.";
    assert_eq!(summary(&samples::without_baseline())[2], blame);
}

#[test]
fn of_types_the_first_of_the_program_is_named_too() {
    let blame = "byte[] grew most: it holds 80 MiB more than when the service was healthy, 80 % of all that grew, \
                 followed by com.acme.Session (+2 MiB).";
    assert_eq!(summary(&samples::heap_of_a_jvm())[2], blame);
}

#[test]
fn what_went_wrong_often_is_said_once() {
    let said = &summary(&samples::long())[1];
    assert!(said.contains("the step signal failed 60 times (x); after 8 h 20 min"), "{said}");
}

#[test]
fn there_was_no_limit() {
    let reached = "On 22 November 2026, 08:07:55 UTC, the memory of sessions reached 150 MiB, growing by 4 MiB \
                   a second; it had no limit of its own.";
    assert_eq!(summary(&samples::without_limit())[0], reached);
}

#[test]
fn nothing_is_known() {
    for (name, incident) in samples::all() {
        for sentence in summary(&incident) {
            assert!(sentence.len() > 20 && sentence.ends_with('.'), "{name}: {sentence}");
        }
    }
}
