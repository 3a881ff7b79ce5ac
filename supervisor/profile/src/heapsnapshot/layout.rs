//! The head of a heap snapshot: where in the long arrays what is.

use std::io::Read;

use serde::Deserialize;

use super::error::HeapSnapshotError;
use super::scanner::Scanner;

type Result<T> = std::result::Result<T, HeapSnapshotError>;

/// A real head has 2 KiB.
const MOST: usize = 64 * 1024;
/// A real node has 7 figures.
const MOST_FIELDS: usize = 64;

/// Where in the long arrays what is.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    /// How many nodes the file announces.
    pub nodes: u64,
    /// A node.
    pub node: Node,
    /// An edge; nothing if this file describes none that can be read.
    pub edge: Option<Edge>,
}

/// Positions in the figures of a node.
#[derive(Debug, PartialEq, Eq)]
pub struct Node {
    /// How many figures there are.
    pub width: usize,
    /// Number of its type.
    pub kind: usize,
    /// Index of its name.
    pub name: usize,
    /// Its own bytes.
    pub size: usize,
    /// How many edges it has.
    pub edges: Option<usize>,
    /// Names of types by number.
    pub kinds: Vec<String>,
}

/// Positions in the figures of an edge.
#[derive(Debug, PartialEq, Eq)]
pub struct Edge {
    /// How many figures there are.
    pub width: usize,
    /// Number of its type.
    pub kind: usize,
    /// First figure of the node it leads to.
    pub to: usize,
    /// Names of types by number.
    pub kinds: Vec<String>,
}

impl Layout {
    /// Reads the value of `snapshot`.
    pub fn read(scanner: &mut Scanner<impl Read>) -> Result<Self> {
        let mut text = Vec::new();
        scanner.value(|byte| {
            text.push(byte);
            if text.len() > MOST { Err(HeapSnapshotError::Content("its head is too long")) } else { Ok(()) }
        })?;
        let head: Head =
            serde_json::from_slice(&text).map_err(|_| HeapSnapshotError::Content("its head is of another form"))?;
        Self::of(&head).ok_or(HeapSnapshotError::Content("its head lacks what nodes are made of"))
    }

    fn of(head: &Head) -> Option<Self> {
        let meta = &head.meta;
        let fields = &meta.node_fields;
        let kind = position(fields, "type")?;
        let node = Node {
            width: Some(fields.len()).filter(|width| *width <= MOST_FIELDS)?,
            kind,
            name: position(fields, "name")?,
            size: position(fields, "self_size")?,
            edges: position(fields, "edge_count"),
            kinds: names(meta.node_types.get(kind)?)?,
        };
        Some(Self { nodes: head.node_count, edge: Edge::of(meta), node })
    }
}

impl Edge {
    fn of(meta: &Meta) -> Option<Self> {
        let fields = &meta.edge_fields;
        let kind = position(fields, "type")?;
        let width = Some(fields.len()).filter(|width| *width <= MOST_FIELDS)?;
        Some(Self { width, kind, to: position(fields, "to_node")?, kinds: names(meta.edge_types.get(kind)?)? })
    }
}

fn position(fields: &[String], name: &str) -> Option<usize> {
    fields.iter().position(|field| field == name)
}

fn names(kinds: &Kinds) -> Option<Vec<String>> {
    match kinds {
        Kinds::Named(names) => Some(names.clone()),
        Kinds::Other(_) => None,
    }
}

#[derive(Deserialize)]
struct Head {
    meta: Meta,
    #[serde(default)]
    node_count: u64,
}

#[derive(Deserialize)]
struct Meta {
    node_fields: Vec<String>,
    node_types: Vec<Kinds>,
    #[serde(default)]
    edge_fields: Vec<String>,
    #[serde(default)]
    edge_types: Vec<Kinds>,
}

/// A field is of one of some named types, or a number or string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Kinds {
    Named(Vec<String>),
    Other(serde::de::IgnoredAny),
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE_20: &str = r#"{"meta":{
        "node_fields":["type","name","id","self_size","edge_count","trace_node_id","detachedness"],
        "node_types":[["hidden","array","string"],"string","number","number","number","number","number"],
        "edge_fields":["type","name_or_index","to_node"],
        "edge_types":[["context","element"],"string_or_number","node"]},"node_count":48053,"edge_count":213393}"#;

    fn read(text: &str) -> Result<Layout> {
        Layout::read(&mut Scanner::new(text.as_bytes()))
    }

    #[test]
    fn the_fields_of_node_20_are_found() {
        let layout = read(NODE_20).unwrap();
        let node = &layout.node;
        assert_eq!((node.width, node.kind, node.name, node.size, node.edges), (7, 0, 1, 3, Some(4)));
        assert_eq!(layout.edge.map(|edge| (edge.width, edge.to)), Some((3, 2)));
        assert_eq!((layout.nodes, node.kinds[2].as_str()), (48_053, "string"));
    }

    #[test]
    fn a_head_that_says_too_little_is_refused() {
        assert!(read(&NODE_20.replace("self_size", "size")).is_err());
        assert!(read(&NODE_20.replace("[\"hidden\",\"array\",\"string\"]", "1")).is_err());
        assert!(read("[]").is_err());
        assert_eq!(read(&NODE_20.replace("to_node", "to")).unwrap().edge, None, "sizes alone are still of use");
    }

    #[test]
    fn a_head_without_end_is_given_up_on() {
        let long = format!("{{\"meta\":\"{}", "x".repeat(2 * MOST));
        assert_eq!(read(&long).unwrap_err().to_string(), "not a heap snapshot: its head is too long");
    }
}
