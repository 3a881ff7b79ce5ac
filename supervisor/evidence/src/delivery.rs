//! What goes off the machine: bundles of evidence, and word that something is wrong.
//!
//! The supervisor only [puts](Outbox::put) small files into the outbox. A process of its own, of low priority, works
//! them off with [`run`]; it may be killed and started again at any time, and nothing is lost or waited for.
//!
//! HTTP goes to an IP address or to `localhost`, without TLS: there is none in the binary. To another place it goes
//! through a proxy on this machine that speaks TLS, or by a command.

mod backoff;
mod body;
mod command;
mod credentials;
mod failure;
mod http;
mod item;
mod notify;
mod outbox;
mod put;
mod run;
mod s3;
mod signature;
mod upload;

pub use failure::{Failure, Outcome};
pub use item::{Destination, Item, Kind, Notice, Secret, Upload, Via};
pub use outbox::{Outbox, Progress, Sent};
pub use run::run;
