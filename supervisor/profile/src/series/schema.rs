//! Which numbers of a pprof message are numbers of something else in it.

/// A message of `profile.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Schema {
    Profile,
    ValueType,
    Sample,
    Label,
    Mapping,
    Location,
    Line,
    Function,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number or text as it is.
    Plain,
    /// The number by which others know this message.
    Own,
    /// Numbers of others.
    Of(Table),
    /// A message.
    Message(Schema),
}

/// Things that are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Texts,
    Functions,
    Locations,
}

/// Fields that hold a table of numbered things.
pub(super) const LOCATIONS: u64 = 4;
pub(super) const FUNCTIONS: u64 = 5;
pub(super) const TEXTS: u64 = 6;

impl Schema {
    /// What a field of this message holds.
    pub(super) fn kind(self, field: u64) -> Kind {
        use Kind::{Message, Of, Own};
        match (self, field) {
            (Self::Profile, 1 | 11) => Message(Self::ValueType),
            (Self::Profile, 2) => Message(Self::Sample),
            (Self::Profile, 3) => Message(Self::Mapping),
            (Self::Profile, LOCATIONS) => Message(Self::Location),
            (Self::Profile, FUNCTIONS) => Message(Self::Function),
            (Self::Sample, 1) => Of(Table::Locations),
            (Self::Sample, 3) => Message(Self::Label),
            (Self::Location, 4) => Message(Self::Line),
            (Self::Line, 1) => Of(Table::Functions),
            (Self::Location | Self::Function, 1) => Own,
            (Self::Profile, 7 | 8 | 13 | 14)
            | (Self::ValueType, 1 | 2)
            | (Self::Label, 1 | 2 | 4)
            | (Self::Mapping, 5 | 6)
            | (Self::Function, 2..=4) => Of(Table::Texts),
            _ => Kind::Plain,
        }
    }
}
