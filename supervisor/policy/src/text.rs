//! The leaves of the language: every type that is written as a string, a number or a list of them.

pub(crate) mod amount;
pub(crate) mod argv;
pub(crate) mod backoff;
pub(crate) mod count;
pub(crate) mod duration;
pub(crate) mod env;
pub(crate) mod file;
pub(crate) mod http_address;
pub(crate) mod listen;
pub(crate) mod name;
pub(crate) mod plain;
pub(crate) mod signal;
pub(crate) mod size;
pub(crate) mod url;
pub(crate) mod words;
