//! What operators ask of members.

/// A request of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upkeep {
    /// To give unused space back.
    Defragment,
    /// To stream the state as a file, which is restored then.
    SaveSnapshot,
    /// To hash the key space at a revision; all members are asked about the same.
    Hash,
    /// To tell the alarms that the cluster agrees on.
    ListAlarms,
    /// To take back every alarm.
    Disarm,
    /// To raise the alarm that members do not agree, on behalf of the member.
    RaiseCorrupt,
}

impl Upkeep {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Defragment,
        Self::SaveSnapshot,
        Self::Hash,
        Self::ListAlarms,
        Self::Disarm,
        Self::RaiseCorrupt,
    ];

    /// Its word in scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Defragment => "defragment",
            Self::SaveSnapshot => "save-snapshot",
            Self::Hash => "hash",
            Self::ListAlarms => "list-alarms",
            Self::Disarm => "disarm",
            Self::RaiseCorrupt => "raise-corrupt",
        }
    }

    /// What a word means, if it is one of these.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|upkeep| upkeep.name() == word)
    }
}
