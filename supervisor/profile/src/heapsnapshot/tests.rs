//! Two snapshots of `examples/node-sessions` by Node 20, cut down to the sessions and what is around them, and files
//! that are made up to be wrong.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::*;

const HEALTHY: &str = include_str!("testdata/healthy.heapsnapshot");
const LEAKING: &str = include_str!("testdata/leaking.heapsnapshot");

/// A node (type, name, size) and its edges (type, to).
type Node<'a> = (u8, &'a str, u64, &'a [(u8, u64)]);

const OBJECT: u8 = 0;
const ARRAY: u8 = 1;
const PROPERTY: u8 = 0;
const WEAK: u8 = 1;

fn snapshot(nodes: &[Node<'_>]) -> String {
    let (mut rows, mut edges, mut names) = (String::new(), String::new(), String::new());
    for (index, (kind, name, size, held)) in nodes.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(rows, "{comma}{kind},{index},{size},{}", held.len()).unwrap();
        write!(names, "{comma}\"{name}\"").unwrap();
        for (kind, to) in *held {
            let comma = if edges.is_empty() { "" } else { "," };
            write!(edges, "{comma}{kind},0,{}", to * 4).unwrap();
        }
    }
    format!(
        r#"{{"snapshot":{{"meta":{{"node_fields":["type","name","self_size","edge_count"],
        "node_types":[["object","array"],"string","number","number"],"edge_fields":["type","name","to_node"],
        "edge_types":[["property","weak"],"number","node"]}},"node_count":{}}},
        "nodes":[{rows}],"edges":[{edges}],"locations":[1,[2]],"strings":[{names}]}}"#,
        nodes.len()
    )
}

fn bytes(text: &str) -> BTreeMap<String, u64> {
    let heap = read(text.as_bytes()).unwrap();
    let with_bytes = heap.iter().filter(|(_, found)| found.bytes > 0);
    with_bytes.map(|(name, found)| (name.to_owned(), found.bytes)).collect()
}

fn is(expected: &[(&str, u64)]) -> BTreeMap<String, u64> {
    expected.iter().map(|(name, bytes)| ((*name).to_owned(), *bytes)).collect()
}

#[test]
fn what_grew_in_node_20_is_the_session() {
    let (before, after) = (read(HEALTHY.as_bytes()).unwrap(), read(LEAKING.as_bytes()).unwrap());
    assert!(before.is_attributed() && after.is_attributed());
    let earlier: BTreeMap<_, _> = before.totals().collect();
    let growth = |(name, total): (&'static str, Total)| (name, total.bytes - earlier[name].bytes);
    let after: &'static Constructors = Box::leak(Box::new(after));
    let mut grown: Vec<_> = after.totals().filter(|(name, _)| earlier.contains_key(name)).map(growth).collect();
    grown.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    assert_eq!(grown[0], ("Session", 40 * (65_536 + 88 + 96 + 40)));
}

#[test]
fn own_bytes_are_those_of_the_file() {
    let heap = read(LEAKING.as_bytes()).unwrap();
    let own: BTreeMap<_, _> = heap.own_totals().collect();
    assert_eq!(own["Session"], Total { bytes: 60 * 40, objects: 60 });
    assert_eq!(own["system / JSArrayBufferData"], Total { bytes: 60 * 65_536, objects: 60 });
    let attributed: u64 = heap.totals().map(|(_, total)| total.bytes).sum();
    assert_eq!(attributed, heap.total().bytes, "no byte is lost");
}

#[test]
fn without_room_there_are_own_bytes_only() {
    let all = read(LEAKING.as_bytes()).unwrap();
    let few = read_within(LEAKING.as_bytes(), 10).unwrap();
    assert!(!few.is_attributed());
    assert!(few.totals().eq(all.own_totals()));
    assert_eq!(all.totals_to_compare_with(&few), few.totals_to_compare_with(&all));
}

#[test]
fn parts_count_for_the_nearest_class_that_alone_holds_them() {
    // A cart holds a map, and the map its store; nobody holds the last.
    let cart: Node<'_> = (OBJECT, "Cart", 1, &[(PROPERTY, 1)]);
    let rest: [Node<'_>; 3] = [(OBJECT, "Map", 10, &[(PROPERTY, 2)]), (ARRAY, "", 100, &[]), (ARRAY, "", 1000, &[])];
    assert_eq!(bytes(&snapshot(&[&[cart][..], &rest].concat())), is(&[("Cart", 111), ("(array)", 1000)]));
    let nothing: Node<'_> = (ARRAY, "", 1, &[]);
    assert_eq!(bytes(&snapshot(&[&[nothing][..], &rest].concat())), is(&[("Map", 110), ("(array)", 1001)]));
}

#[test]
fn what_two_hold_belongs_to_neither_unless_one_holds_the_other() {
    let shared: [Node<'_>; 3] =
        [(OBJECT, "A", 1, &[(PROPERTY, 2)]), (OBJECT, "B", 2, &[(PROPERTY, 2)]), (ARRAY, "", 100, &[])];
    assert_eq!(bytes(&snapshot(&shared)), is(&[("A", 1), ("B", 2), ("(array)", 100)]));
    // As V8 says it of the elements of an array, in whatever order.
    let (store, element): (Node<'_>, Node<'_>) = ((ARRAY, "", 10, &[(PROPERTY, 2)]), (ARRAY, "", 100, &[]));
    let a: [Node<'_>; 2] =
        [(OBJECT, "A", 1, &[(PROPERTY, 1), (PROPERTY, 2)]), (OBJECT, "A", 1, &[(PROPERTY, 2), (PROPERTY, 1)])];
    assert_eq!(bytes(&snapshot(&[a[0], store, element])), is(&[("A", 111)]));
    assert_eq!(bytes(&snapshot(&[a[1], store, element])), is(&[("A", 111)]));
    let after_its_store: [Node<'_>; 3] =
        [(ARRAY, "", 10, &[(PROPERTY, 2)]), (OBJECT, "A", 1, &[(PROPERTY, 2), (PROPERTY, 0)]), element];
    assert_eq!(bytes(&snapshot(&after_its_store)), is(&[("A", 111)]));
}

#[test]
fn a_weak_edge_holds_nothing() {
    let nodes: [Node<'_>; 2] = [(OBJECT, "A", 1, &[(WEAK, 1)]), (ARRAY, "", 100, &[])];
    assert_eq!(bytes(&snapshot(&nodes)), is(&[("A", 1), ("(array)", 100)]));
}

#[test]
fn a_ring_is_walked_to_an_end() {
    let nodes: [Node<'_>; 2] = [(ARRAY, "", 1, &[(PROPERTY, 1)]), (ARRAY, "", 2, &[(PROPERTY, 0)])];
    assert_eq!(bytes(&snapshot(&nodes)), is(&[("(array)", 3)]));
}

#[test]
fn every_cut_is_called_one() {
    assert_eq!(read(&b""[..]).unwrap_err().to_string(), "the heap snapshot is empty: it was not finished");
    let whole = LEAKING.trim_end().len();
    for end in (1..whole).step_by(97).chain([whole - 1]) {
        let error = read(&LEAKING.as_bytes()[..end]).unwrap_err();
        assert!(matches!(error, HeapSnapshotError::Truncated { at } if at == end as u64), "{end}: {error}");
    }
}

#[test]
fn what_is_no_snapshot_is_refused() {
    let good = snapshot(&[(OBJECT, "A", 1, &[(PROPERTY, 1)]), (ARRAY, "", 100, &[])]);
    let wrong = |from: &str, to: &str| read(good.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
    assert_eq!(wrong("\"strings\"", "\"other\""), "not a heap snapshot: it has no strings");
    assert_eq!(wrong("\"nodes\"", "\"other\""), "not a heap snapshot: its nodes are missing");
    assert_eq!(wrong("\"snapshot\"", "\"other\""), "not a heap snapshot: its head is missing");
    assert_eq!(wrong("[0,0,4]", "[0,0,5]"), "not a heap snapshot: an edge leads nowhere");
    assert_eq!(wrong("[0,0,4]", "[0,0,400]"), "not a heap snapshot: an edge leads nowhere");
    assert_eq!(wrong("[0,0,4]", "[]"), "not a heap snapshot: edges are missing");
    assert_eq!(wrong("[0,0,4]", "[0,0,4,0,0,4]"), "not a heap snapshot: it has edges of no node");
    assert_eq!(wrong(",1,1,100,0]", ",1,1,100]"), "not a heap snapshot: its last node is incomplete");
    assert_eq!(wrong("[0,0,1,1,", "[0,9,1,1,"), "not a heap snapshot: a name is missing");
}

#[test]
fn figures_from_nowhere_are_borne() {
    let huge = snapshot(&[(OBJECT, "A", u64::MAX, &[(PROPERTY, 1)]), (ARRAY, "", u64::MAX, &[])]);
    assert_eq!(bytes(&huge), is(&[("A", u64::MAX), ("(array)", u64::MAX)]));
    let unknown_type = huge.replacen("\"nodes\":[0,", "\"nodes\":[77,", 1);
    assert!(bytes(&unknown_type).contains_key("(unknown)"));
    let announced = huge.replace("\"node_count\":2", "\"node_count\":6000000");
    assert_eq!(bytes(&announced).len(), 2);
    assert!(read(&b"{\"snapshot\":[[[[[[[["[..]).is_err());
    assert!(read(vec![b'['; 1 << 20].as_slice()).is_err());
}
