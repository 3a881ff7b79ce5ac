//! The JSON Schema of the language, made from its tables, and checked to be the one in the repository.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};
use toml::de::DeValue;

use crate::fields::Presence;
use crate::language::Document;
use crate::value::Value;

/// The schema of a table: what it is for, its groups of which exactly one is there, and its keys.
pub(crate) fn object(about: &str, choice: &[&[&str]], keys: &[(&str, &str, Json, Presence)]) -> Json {
    let mut properties = Map::new();
    for (key, text, schema, presence) in keys {
        let mut schema = schema.clone();
        schema["description"] = json!(tidy(text));
        if let Presence::Default(toml) = presence {
            schema["default"] = plain(DeValue::parse(toml).unwrap().get_ref());
        }
        properties.insert((*key).to_owned(), schema);
    }
    let required: Vec<&str> =
        keys.iter().filter(|(.., presence)| matches!(presence, Presence::Required)).map(|(key, ..)| *key).collect();
    let mut object = json!({ "type": "object", "description": tidy(about), "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    if !choice.is_empty() {
        object["oneOf"] = choice.iter().map(|group| json!({ "required": group })).collect();
    }
    object
}

/// A doc comment as one line.
fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// TOML as JSON.
fn plain(value: &DeValue<'_>) -> Json {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(number) => json!(number.as_str().parse::<u32>().unwrap()),
        DeValue::Table(table) => {
            table.iter().map(|(key, value)| (key.get_ref().to_string(), plain(value.get_ref()))).collect()
        }
        DeValue::Array(array) => array.iter().map(|value| plain(value.get_ref())).collect(),
        other => panic!("no default is {other:?}"),
    }
}

/// The folder of ready-made policies.
fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies")
}

fn schema() -> Json {
    let mut schema = Document::schema();
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("highwater policy");
    schema
}

/// Compiles the schema; the result says whether a value is valid.
fn validator() -> impl Fn(&Json) -> Result<(), String> {
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("schema.json", schema()).unwrap();
    let index = compiler.compile("schema.json", &mut schemas).unwrap();
    move |value| schemas.validate(value, index).map_err(|error| format!("{error:#}"))
}

fn json_of(text: &str) -> Json {
    let (tree, errors) = toml::de::DeTable::parse_recoverable(text);
    assert!(errors.is_empty(), "{errors:?}");
    plain(&DeValue::Table(tree.into_inner()))
}

#[test]
fn the_schema_in_the_repository_is_current() {
    let path = policies().join("policy.schema.json");
    let current = format!("{:#}\n", schema());
    if std::env::var_os("HIGHWATER_UPDATE").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == current, "{} is not current: run this test with HIGHWATER_UPDATE=1", path.display());
}

#[test]
fn the_ready_made_policies_are_valid() {
    let validate = validator();
    for path in std::fs::read_dir(policies()).unwrap().map(|entry| entry.unwrap().path()) {
        if path.extension().is_some_and(|end| end == "toml") {
            let text = std::fs::read_to_string(&path).unwrap();
            validate(&json_of(&text)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}

/// What stands in the place of a value, and whether it is right there; for every leaf type of the language.
const LEAVES: &[(&str, &[&str], &[&str])] = &[
    ("service.stop-signal", &["'SIGTERM'", "'INT'", "'SIGKILL'"], &["'SIGSTOP'", "'TTOU'", "15", "'SIGFOO'"]),
    ("service.stop-timeout", &["'0s'", "'1m 30s'", "'500ms'"], &["20", "'20'", "''", "'s'"]),
    ("service.restart", &["'never'", "'on-failure'", "'always'"], &["'on_failure'", "true"]),
    ("service.env", &["{}", "{ A = 'b' }"], &["{ A = 1 }", "{ 'A=B' = 'c' }", "'A=b'"]),
    ("service.notify", &["'auto'", "'relay'", "'off'"], &["true", "'on'"]),
    ("memory.max", &["'512MiB'", "'1.5 GiB'"], &["512", "'512'", "'512M'", "'80%'", "'max'"]),
    ("memory.tripwire", &["'80%'", "'80.25%'", "'64MiB'", "'off'"], &["'80'", "0.8", "'80.125%'", "'none'", "false"]),
    ("memory.hold", &["'auto'", "'off'"], &["'on'", "true"]),
    ("http.listen", &["'127.0.0.1:9464'", "'[::]:80'"], &["':9464'", "9464", "'localhost:80'", "'127.0.0.1'"]),
    ("trigger.a", &["{ usage = { above = '1%' } }"], &["{}", "{ usage = {} }", "{ usages = {} }", "'x'"]),
    ("trigger.Aa", &[], &["{ usage = { above = '1%' } }"]),
    ("trigger.a.memory-event.counter", &["'high'", "'oom-kill'"], &["'oom_kill'", "1"]),
    ("step[0].name", &["'a'", "'a-b-1'"], &["'A'", "''", "'-a'", "1"]),
    ("step[0].on", &["['t']"], &["[]", "'t'", "[1]", "['t', 't']"]),
    ("step[0].repeat", &["{ times = 1, within = '1s' }"], &["{ times = 0, within = '1s' }", "{ times = 1 }", "3"]),
    (
        "step[0].dump",
        &["{ http = 'http://127.0.0.1/' }", "{ signal = 'USR1', file = '/x*' }", "{ command = ['x'], keep = 1 }"],
        &[
            "{}",
            "{ signal = 'USR1' }",
            "{ signal = 'KILL', file = '/x' }",
            "{ http = 'http://a/' }",
            "{ command = 'x' }",
        ],
    ),
    ("step[0].restart", &["{}", "{ backoff = '1s..1m' }"], &["{ backoff = '1s' }", "{ budget = {} }", "true"]),
    (
        "socket",
        &["[]", "[{ listen = '0.0.0.0:80' }]", "[{ listen = '/run/x', name = 'x', backlog = 65535 }]"],
        &["[{}]", "[{ listen = ':80' }]", "[{ listen = '[::]:80', backlog = 0 }]", "{ listen = '[::]:80' }"],
    ),
    ("step[0].kill", &["{}"], &["true", "{ now = 1 }"]),
];

/// A policy with `value` at `place`, and as little else as makes it whole.
fn with(place: &str, value: &str) -> String {
    let Some(key) = place.strip_prefix("step[0].") else {
        return format!("{place} = {value}");
    };
    let name = if key == "name" { "" } else { "name = 's'\n" };
    let kill = if ["dump", "restart", "kill"].contains(&key) { "" } else { "kill = {}\n" };
    format!("trigger.t.usage.above = '1%'\n[[step]]\n{name}{kill}{key} = {value}")
}

#[test]
fn schema_and_reading_agree_on_every_leaf() {
    let validate = validator();
    let reads =
        |text: &str| crate::parse(&crate::Source { name: "leaf.toml".to_owned(), text: text.to_owned() }).is_ok();
    for (place, right, wrong) in LEAVES {
        for (value, expected) in right.iter().map(|value| (value, true)).chain(wrong.iter().map(|value| (value, false)))
        {
            let text = with(place, value);
            assert_eq!(reads(&text), expected, "reading {text}");
            let (tree, _) = toml::de::DeTable::parse_recoverable(&text);
            let json = lenient(&DeValue::Table(tree.into_inner()));
            assert_eq!(validate(&json).is_ok(), expected, "schema for {text}");
        }
    }
}

/// TOML as JSON, with the types a policy never has as well.
fn lenient(value: &DeValue<'_>) -> Json {
    match value {
        DeValue::Boolean(value) => json!(value),
        DeValue::Float(number) => json!(number.as_str().parse::<f64>().unwrap()),
        DeValue::Table(table) => {
            table.iter().map(|(key, value)| (key.get_ref().to_string(), lenient(value.get_ref()))).collect()
        }
        DeValue::Array(array) => array.iter().map(|value| lenient(value.get_ref())).collect(),
        other => plain(other),
    }
}
