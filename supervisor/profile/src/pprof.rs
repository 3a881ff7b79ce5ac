//! pprof, the form in which Go and many others keep profiles.

pub mod message;
