//! How deliveries go wrong, and what is said of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It may go well later.
    Passing {
        /// Why, for people; without secrets.
        reason: String,
        /// Not before that, if the server said so.
        after: Option<Duration>,
    },
    /// It will not go well, however often it is tried.
    Lasting {
        /// Why, for people; without secrets.
        reason: String,
    },
}

impl Failure {
    pub(super) fn passing(reason: impl Into<String>) -> Self {
        Self::Passing { reason: reason.into(), after: None }
    }

    pub(super) fn lasting(reason: impl Into<String>) -> Self {
        Self::Lasting { reason: reason.into() }
    }
}

/// What became of an item: one line of what [`run`](super::run) prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is where it should be.
    Delivered {
        /// The item.
        id: String,
        /// Its incident.
        incident: String,
        /// One word for what it is: `s3`, `alertmanager` and so on.
        kind: String,
        /// Attempts it took, this one included.
        attempts: u32,
        /// Files sent in this attempt.
        files: usize,
        /// Bytes sent in this attempt.
        bytes: u64,
    },
    /// It is not, and is tried again.
    Failed {
        /// The item.
        id: String,
        /// Its incident.
        incident: String,
        /// One word for what it is.
        kind: String,
        /// Attempts so far, this one included.
        attempts: u32,
        /// Why.
        reason: String,
        /// In how many milliseconds it is tried again.
        retry_in_ms: u64,
    },
    /// It will not be, and is not tried again.
    GivenUp {
        /// The item.
        id: String,
        /// Its incident.
        incident: String,
        /// One word for what it is.
        kind: String,
        /// Attempts it took, this one included.
        attempts: u32,
        /// Why.
        reason: String,
    },
}
