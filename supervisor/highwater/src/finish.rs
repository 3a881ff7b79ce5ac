//! `highwater finish DIR`: what is worked out about an incident once it is over. It runs as a process of its own, with
//! low priority, so that neither the service nor its supervisor pays for it.
//!
//! For each capture: what grew since the healthy service, and the flame graph of it. For the incident: what kind of growth
//! it was. Then captures are compressed and everything gets its checksum, `incident.json` is completed, and what is too
//! much is given up. It can be repeated: what is done is done again, with the same result.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use highwater_core::amount::Bytes;
use highwater_evidence as evidence;
use highwater_evidence::finish::Finished;
use highwater_evidence::retention::Limits;
use highwater_evidence::store::{self, Store};
use highwater_profile::difference::Grower;
use highwater_profile::{Comparison, Profile};
use highwater_report::classify::classify;
use highwater_report::incident::{self, Compared, Incident};
use serde::{Deserialize, Serialize};

use crate::bundle;

/// What was found out, as one line of JSON on standard output.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Analysis {
    /// Kind of growth.
    pub kind: String,
    /// Why, in one sentence.
    pub because: String,
    /// What grew most, each with its bytes.
    pub grew: Vec<String>,
}

/// What grew, in a file of its own.
const DIFFERENCE: &str = "difference.json";
/// A larger profile of the healthy service is not copied.
const LARGEST_BASELINE: u64 = 256 << 20;

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
    // Where it is refused, the work is done all the same.
    let _ = highwater_kernel::priority::lower_to_idle();
    match finish_incident(arguments) {
        Ok(analysis) => {
            println!("{}", serde_json::to_string(&analysis).unwrap_or_default());
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("highwater: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Completes the record of an incident. Errors name the file.
pub fn finish_incident(arguments: &Finish) -> Result<Analysis, String> {
    let said = |error: highwater_evidence::Error| error.to_string();
    let kept = store::Incident::open(&arguments.incident).map_err(said)?;
    let text = kept.directory().content(bundle::FILE, bundle::LARGEST).map_err(said)?;
    let mut incident: Incident =
        serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", kept.path(bundle::FILE).display()))?;
    understand(&mut incident, &arguments.incident, arguments.healthy.as_deref());
    if let Some(healthy) = &arguments.healthy {
        take_baselines_in(&mut incident, &kept, healthy);
    }
    let differences = serde_json::to_vec_pretty(&incident.differences).map_err(|error| error.to_string())?;
    kept.record(DIFFERENCE, &differences).map_err(said)?;
    complete(&mut incident, &arguments.incident, arguments.limits.min_free)?;
    let text = serde_json::to_vec(&incident).map_err(|error| error.to_string())?;
    kept.record(bundle::FILE, &text).map_err(said)?;
    if let Some(root) = arguments.incident.parent() {
        Store::open(root).and_then(|store| store.prune(arguments.limits)).map_err(said)?;
    }
    Ok(analysis(&incident))
}

/// Works out what grew, as far as the files say. What cannot be read is left out.
pub fn understand(incident: &mut Incident, directory: &Path, healthy: Option<&Path>) {
    if let Ok(kept) = store::Incident::open(directory) {
        let baseline = healthy.and_then(baseline);
        compare(incident, &kept, baseline.as_ref());
    }
    incident.classification = Some(classify(incident));
}

/// The healthy profiles that were compared with come along, so that the directory of the incident stands alone.
fn take_baselines_in(incident: &mut Incident, kept: &store::Incident, healthy: &Path) {
    let Ok(baselines) = Store::open(healthy).and_then(|store| store.existing(crate::healthy::BASELINE)) else { return };
    for compared in &mut incident.differences {
        let Some(name) = compared.before.clone() else { continue };
        let own = format!("healthy-{name}");
        if !kept.directory().has(&own) && !kept.directory().has(format!("{own}.gz")) {
            let copied = baselines.directory().content(&name, LARGEST_BASELINE).and_then(|content| {
                let mut file = kept.create(&own)?;
                let written = std::io::Write::write_all(&mut file, &content);
                if written.is_ok() { kept.keep(&own).map(drop) } else { kept.directory().remove(&own) }
            });
            if copied.is_err() {
                continue;
            }
        }
        compared.before = Some(own);
    }
}

/// Compresses what is worth it, and adds sizes and checksums.
fn complete(incident: &mut Incident, directory: &Path, min_free: u64) -> Result<(), String> {
    let mut lines = Vec::new();
    evidence::finish::run(directory, min_free, &mut lines).map_err(|error| error.to_string())?;
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let finished: Finished = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        rename(incident, &finished);
        match incident.files.iter_mut().find(|file| file.path == finished.file) {
            Some(file) => (file.bytes, file.sha256) = (finished.bytes, finished.sha256),
            None => incident.files.push(incident::File {
                path: finished.file,
                bytes: finished.bytes,
                sha256: finished.sha256,
                complete: true,
                ..incident::File::default()
            }),
        }
    }
    Ok(())
}

/// A file that was compressed has another name.
fn rename(incident: &mut Incident, finished: &Finished) {
    let Some(was) = &finished.was else { return };
    let names = incident.files.iter_mut().map(|file| &mut file.path);
    let names = names.chain(incident.steps.iter_mut().flat_map(|step| &mut step.evidence));
    let compared = incident.differences.iter_mut();
    let names = names.chain(compared.flat_map(|compared| compared.before.iter_mut().chain([&mut compared.after])));
    for name in names.filter(|name| *name == was) {
        name.clone_from(&finished.file);
    }
}

fn analysis(incident: &Incident) -> Analysis {
    let (kind, because) = incident.classification.as_ref().map_or_else(Default::default, |found| {
        let kind = serde_json::to_value(found.kind).ok().and_then(|kind| kind.as_str().map(Into::into));
        (kind.unwrap_or_default(), found.because.clone())
    });
    let growers = incident.differences.iter().flat_map(|compared| compared.difference.suspects().take(3));
    let gained = |grower: &Grower| format!("{} +{}", grower.site, Bytes(grower.gained().max(0).cast_unsigned()));
    Analysis { kind, because, grew: growers.map(gained).collect() }
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
    for file in incident.files.iter().filter(|file| file.complete && !file.step.is_empty()) {
        let Ok(after) = highwater_profile::read(&kept.path(&file.path)) else { continue };
        let before = baseline.filter(|(_, profile)| profile.format() == after.format());
        let comparison = Comparison::new(before.map(|(_, profile)| profile), &after);
        let graph = comparison.flame_graph(&incident.name);
        let name = format!("difference-{}.svg", file.path);
        let flame_graph = graph.and_then(|svg| kept.record(&name, svg.as_bytes()).ok()).map(|_| name);
        incident.differences.push(Compared {
            step: file.step.clone(),
            before: before.map(|(name, _)| name.clone()),
            after: file.path.clone(),
            difference: comparison.difference(),
            flame_graph,
        });
    }
}
