//! `highwater finish DIR`: what is worked out about an incident once it is over. It runs as a process of its own, with
//! low priority, so that neither the service nor its supervisor pays for it.
//!
//! For each capture: what grew since the healthy service, and the flame graph of it. For the incident: what kind of growth
//! it was. Then captures are compressed and everything gets its checksum, `incident.json` is completed, and what is too
//! much is given up. It can be repeated: what is done is done again, with the same result.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use highwater_evidence::retention::Limits;
use highwater_evidence::store::{self, Store};
use highwater_profile::Profile;
use highwater_profile::difference;
use highwater_report::incident::{Compared, Incident};

use crate::bundle;

/// No record of an incident is larger.
const LARGEST_RECORD: u64 = 64 << 20;

/// Arguments of `finish`.
#[derive(Debug)]
pub struct Finish {
    /// The directory of the incident.
    pub incident: PathBuf,
    /// Where profiles of the healthy service are.
    pub healthy: Option<PathBuf>,
    /// Bounds of all evidence.
    pub limits: Limits,
}

/// The arguments that stand for those bounds.
pub fn arguments(limits: Limits) -> Vec<OsString> {
    let numbers = [
        ("--max-bytes", limits.max_bytes),
        ("--max-count", limits.max_count.map(|count| count as u64)),
        ("--min-free", Some(limits.min_free)),
    ];
    let given = numbers.into_iter().filter_map(|(name, number)| Some([name.into(), number?.to_string().into()]));
    given.flatten().collect()
}

/// Finishes an incident.
pub fn finish(arguments: &Finish) -> ExitCode {
    match finish_incident(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("highwater: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Completes the record of an incident. Errors name the file.
pub fn finish_incident(arguments: &Finish) -> Result<(), String> {
    let said = |error: highwater_evidence::Error| error.to_string();
    let kept = store::Incident::open(&arguments.incident).map_err(said)?;
    let text = kept.directory().content(bundle::FILE, LARGEST_RECORD).map_err(said)?;
    let mut incident: Incident =
        serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", kept.path(bundle::FILE).display()))?;
    let baseline = arguments.healthy.as_deref().and_then(baseline);
    compare(&mut incident, &kept, baseline.as_ref());
    let text = serde_json::to_vec(&incident).map_err(|error| error.to_string())?;
    kept.record(bundle::FILE, &text).map_err(said)?;
    let Some(root) = arguments.incident.parent() else { return Ok(()) };
    Store::open(root).and_then(|store| store.prune(arguments.limits)).map_err(said)?;
    Ok(())
}

/// The profile of the healthy service, with its name.
fn baseline(healthy: &Path) -> Option<(String, Profile)> {
    let kept = Store::open(healthy).and_then(|store| store.existing(crate::healthy::BASELINE)).ok()?;
    let names = kept.files().ok()?;
    names.into_iter().rev().find_map(|name| {
        let profile = highwater_profile::read(&kept.path(&name)).ok()?;
        Some((name, profile))
    })
}

/// Compares each capture that is a profile with the healthy service.
fn compare(incident: &mut Incident, kept: &store::Incident, baseline: Option<&(String, Profile)>) {
    incident.differences.clear();
    for file in &incident.files {
        let Ok(after) = highwater_profile::read(&kept.path(&file.path)) else { continue };
        let before = baseline.filter(|(_, profile)| profile.format() == after.format());
        let difference = difference(before.map(|(_, profile)| profile), &after);
        let flame_graph = None;
        incident.differences.push(Compared {
            step: file.step.clone(),
            before: before.map(|(name, _)| name.clone()),
            after: file.path.clone(),
            difference,
            flame_graph,
        });
    }
}
