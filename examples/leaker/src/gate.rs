//! What a dump and the leaking threads wait for each other at.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// How leaking threads and a dump get in each other's way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Kind {
    /// Not at all.
    #[default]
    Open,
    /// The dump waits until every leaking thread stands still, as a collector at a safepoint does.
    StopTheWorld,
    /// All take one mutex while they touch memory.
    SharedLock,
}

/// Taken around every piece that is leaked, and around a whole dump.
pub(crate) enum Gate {
    Open,
    StopTheWorld(RwLock<()>),
    SharedLock(Mutex<()>),
}

/// Keeps the gate taken until dropped.
pub(crate) enum Pass<'gate> {
    Free,
    Piece(#[expect(dead_code, reason = "held, not read")] RwLockReadGuard<'gate, ()>),
    World(#[expect(dead_code, reason = "held, not read")] RwLockWriteGuard<'gate, ()>),
    Lock(#[expect(dead_code, reason = "held, not read")] MutexGuard<'gate, ()>),
}

impl Gate {
    pub(crate) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Open => Self::Open,
            Kind::StopTheWorld => Self::StopTheWorld(RwLock::default()),
            Kind::SharedLock => Self::SharedLock(Mutex::default()),
        }
    }

    /// Lets a leaking thread touch one piece.
    pub(crate) fn piece(&self) -> Pass<'_> {
        match self {
            Self::Open => Pass::Free,
            Self::StopTheWorld(world) => Pass::Piece(world.read().unwrap_or_else(PoisonError::into_inner)),
            Self::SharedLock(lock) => lock_of(lock),
        }
    }

    /// Lets one dump be written.
    pub(crate) fn dump(&self) -> Pass<'_> {
        match self {
            Self::Open => Pass::Free,
            Self::StopTheWorld(world) => Pass::World(world.write().unwrap_or_else(PoisonError::into_inner)),
            Self::SharedLock(lock) => lock_of(lock),
        }
    }
}

fn lock_of(lock: &Mutex<()>) -> Pass<'_> {
    Pass::Lock(lock.lock().unwrap_or_else(PoisonError::into_inner))
}
