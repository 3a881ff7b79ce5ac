//! The form in which two profiles are compared.

use crate::series::normal::normal;
use crate::series::restore::restore;

/// Which form it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Bytes as they are.
    Plain = 0,
    /// The normal form of a pprof message.
    Normal = 1,
}

impl Form {
    /// The form of which the profile can be made again byte for byte, and the profile in it.
    pub(super) fn best(profile: &[u8]) -> (Self, Vec<u8>) {
        // A message may have two numbers for one thing, or numbers written in more bytes than they take.
        match normal(profile).filter(|form| restore(form).as_deref() == Some(profile)) {
            Some(form) => (Self::Normal, form),
            None => (Self::Plain, profile.to_vec()),
        }
    }

    /// The profile in this form.
    pub(super) fn of(self, profile: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Plain => Some(profile.to_vec()),
            Self::Normal => normal(profile),
        }
    }

    /// The profile from this form.
    pub(super) fn back(self, form: Vec<u8>) -> Option<Vec<u8>> {
        match self {
            Self::Plain => Some(form),
            Self::Normal => restore(&form),
        }
    }
}
