//! What a host allows or not.

use std::fmt;

/// Something a host allows or not. Steps that need a missing one are skipped, with the reason in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ability {
    /// The service has a cgroup of its own.
    Cgroup,
    /// `memory.events` of the service can be watched.
    MemoryEvents,
    /// `memory.high` of the service can be written.
    Throttle,
    /// `memory.max` of the service can be written.
    MemoryMax,
    /// PSI triggers can be armed on the service.
    PsiTrigger,
    /// `cgroup.kill`.
    CgroupKill,
    /// `cgroup.freeze`.
    Freeze,
    /// `memory.reclaim`.
    Reclaim,
    /// The service is started inside its cgroup by `clone3`.
    SpawnIntoCgroup,
    /// `inotify` tells when a dump file is closed.
    Inotify,
}

impl Ability {
    /// Every ability.
    pub const ALL: [Self; 10] = [
        Self::Cgroup,
        Self::MemoryEvents,
        Self::Throttle,
        Self::MemoryMax,
        Self::PsiTrigger,
        Self::CgroupKill,
        Self::Freeze,
        Self::Reclaim,
        Self::SpawnIntoCgroup,
        Self::Inotify,
    ];

    /// Its name on the command line and in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cgroup => "cgroup",
            Self::MemoryEvents => "memory-events",
            Self::Throttle => "throttle",
            Self::MemoryMax => "memory-max",
            Self::PsiTrigger => "psi-trigger",
            Self::CgroupKill => "cgroup-kill",
            Self::Freeze => "freeze",
            Self::Reclaim => "reclaim",
            Self::SpawnIntoCgroup => "spawn-into-cgroup",
            Self::Inotify => "inotify",
        }
    }

    /// What it is good for, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Cgroup => "the service lives in a cgroup of its own",
            Self::MemoryEvents => "the kernel wakes us when a memory limit is touched",
            Self::Throttle => "the service can be slowed down, and held to be dumped and stopped",
            Self::MemoryMax => "its limit can be set, and raised for a dump",
            Self::PsiTrigger => "the kernel wakes us when tasks stall",
            Self::CgroupKill => "everything of the service can be killed at once",
            Self::Freeze => "the service can be stopped to be captured from outside",
            Self::Reclaim => "the kernel can be asked to take memory back",
            Self::SpawnIntoCgroup => "the service is born in its cgroup",
            Self::Inotify => "we see when a dump file is finished",
        }
    }

    /// The ability of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ability| ability.name() == name)
    }
}

impl fmt::Display for Ability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A set of abilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities(u16);

impl Abilities {
    /// All of them.
    pub fn all() -> Self {
        Ability::ALL.into_iter().collect()
    }

    /// Whether that one is there.
    pub fn has(self, ability: Ability) -> bool {
        self.0 & (1 << ability as u16) != 0
    }

    /// Adds one.
    pub fn insert(&mut self, ability: Ability) {
        self.0 |= 1 << ability as u16;
    }

    /// Takes one away.
    pub fn remove(&mut self, ability: Ability) {
        self.0 &= !(1 << ability as u16);
    }

    /// Those that are there.
    pub fn iter(self) -> impl Iterator<Item = Ability> {
        Ability::ALL.into_iter().filter(move |ability| self.has(*ability))
    }
}

impl FromIterator<Ability> for Abilities {
    fn from_iter<I: IntoIterator<Item = Ability>>(abilities: I) -> Self {
        let mut set = Self::default();
        abilities.into_iter().for_each(|ability| set.insert(ability));
        set
    }
}
