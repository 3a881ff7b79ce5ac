//! Diagnostic reports of Node: how large V8's heap is, by space. Nearly free to take, where a heap snapshot is too dear.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::difference::Total;

/// A real report has some tens of kilobytes, most of it stacks and environment.
const MOST: u64 = 16 << 20;

/// What a report says of memory. Nothing else of it is kept: it holds the environment of the service, secrets included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeReport {
    /// Bytes in use by heap space, such as `old_space`.
    pub spaces: BTreeMap<String, u64>,
    /// Bytes outside the heap that its objects hold, buffers above all; nothing if this Node does not say.
    pub external: Option<u64>,
    /// Bytes V8 has from `malloc`.
    pub malloced: Option<u64>,
    /// Resident bytes of the process.
    pub resident: Option<u64>,
}

/// Why a report cannot be read.
#[derive(Debug)]
pub enum NodeReportError {
    /// The file cannot be read. Who opened it knows its path.
    Io(io::Error),
    /// It is not JSON, or not all of it; or larger than any report.
    Json(serde_json::Error),
    /// It is JSON, but says nothing of a heap.
    NoHeap,
}

/// Reads a report.
pub fn read(reader: impl Read) -> Result<NodeReport, NodeReportError> {
    let mut text = Vec::new();
    reader.take(MOST).read_to_end(&mut text).map_err(NodeReportError::Io)?;
    let report: Report = serde_json::from_slice(&text).map_err(NodeReportError::Json)?;
    let heap = report.heap.ok_or(NodeReportError::NoHeap)?;
    Ok(NodeReport {
        spaces: heap.spaces.into_iter().map(|(name, space)| (name, space.used)).collect(),
        external: heap.external,
        malloced: heap.malloced,
        resident: report.usage.and_then(|usage| usage.resident),
    })
}

impl NodeReport {
    /// Bytes by site: each heap space, and what is outside the heap. A report counts no objects.
    pub fn totals(&self) -> impl Iterator<Item = (&str, Total)> {
        let spaces = self.spaces.iter().map(|(name, bytes)| (name.as_str(), *bytes));
        let outside = [("external memory (buffers)", self.external), ("malloc of V8", self.malloced)];
        let outside = outside.into_iter().filter_map(|(name, bytes)| Some((name, bytes?)));
        spaces.chain(outside).map(|(name, bytes)| (name, Total { bytes, objects: 0 }))
    }
}

#[derive(Deserialize)]
struct Report {
    #[serde(rename = "javascriptHeap")]
    heap: Option<Heap>,
    #[serde(rename = "resourceUsage")]
    usage: Option<Usage>,
    /// Only to tell a report from other JSON.
    #[serde(rename = "header")]
    _header: IgnoredAny,
}

#[derive(Deserialize)]
struct Heap {
    #[serde(rename = "heapSpaces")]
    spaces: BTreeMap<String, Space>,
    #[serde(rename = "externalMemory")]
    external: Option<u64>,
    #[serde(rename = "mallocedMemory")]
    malloced: Option<u64>,
}

#[derive(Deserialize)]
struct Space {
    used: u64,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(rename = "rss")]
    resident: Option<u64>,
}

impl fmt::Display for NodeReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the report cannot be read: {error}"),
            Self::Json(error) if error.is_eof() => write!(f, "the report ends too early: {error}"),
            Self::Json(error) => write!(f, "not a report of Node: {error}"),
            Self::NoHeap => f.write_str("the report says nothing of the heap"),
        }
    }
}

impl std::error::Error for NodeReportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Json(error) => Some(error),
            Self::NoHeap => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By Node 20, without what is of no interest here.
    const NODE_20: &str = r#"{"header":{"reportVersion":3,"event":"Signal"},
        "javascriptHeap":{"totalMemory":4956160,"mallocedMemory":147552,"externalMemory":17752802,"heapSpaces":{
            "new_space":{"memorySize":1048576,"committedMemory":274432,"capacity":1030880,"used":110808,"available":920072},
            "old_space":{"memorySize":3375104,"committedMemory":3375104,"capacity":3315536,"used":3306720,"available":8816}}},
        "resourceUsage":{"free_memory":24623493120,"rss":89231360,"cpuConsumptionPercent":13.302},
        "environmentVariables":{"PASSWORD":"secret"}}"#;

    #[test]
    fn bytes_go_by_space() {
        let report = read(NODE_20.as_bytes()).unwrap();
        let totals: BTreeMap<_, _> = report.totals().map(|(name, total)| (name, total.bytes)).collect();
        assert_eq!(totals["old_space"], 3_306_720);
        assert_eq!(totals["external memory (buffers)"], 17_752_802);
        assert_eq!(report.resident, Some(89_231_360));
        assert!(!format!("{report:?}").contains("secret"));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        let error = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
        assert!(error("").starts_with("the report ends too early"));
        assert!(error(&NODE_20[..400]).starts_with("the report ends too early"));
        assert!(error("{}").starts_with("not a report of Node: missing field"));
        assert_eq!(error(r#"{"header":1}"#), "the report says nothing of the heap");
    }

    #[test]
    fn an_endless_file_is_given_up_on() {
        assert!(matches!(read(io::repeat(b' ')), Err(NodeReportError::Json(_))));
    }
}
