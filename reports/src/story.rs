//! What is told of one run, as plain data: who did what when.

use serde::{Deserialize, Serialize};

/// What a page about one run shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Story {
    /// Who did what when.
    pub timeline: Timeline,
    /// The part of the timeline to look at first, in microseconds.
    pub focus: Option<(u64, u64)>,
    /// The profile that the program was built with; nothing where nobody said.
    #[serde(default)]
    pub profile: Option<String>,
    /// What happened around the focus, in a few rows.
    #[serde(default)]
    pub plot: Plot,
    /// The members when it was found, where that was before the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members_then: Option<TableAt>,
    /// The members at the end.
    pub members: Table,
    /// What the verdict relies on, and how far the run went.
    #[serde(default)]
    pub ledger: Table,
    /// Names and values.
    pub statistics: Vec<(String, String)>,
    /// What the timeline lacks, a phrase each.
    #[serde(default)]
    pub left_out: Vec<String>,
    /// The run as a script.
    pub script: String,
    /// What happened around the focus, one line per event.
    pub log: Vec<String>,
}

/// A table of words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Table {
    /// The head.
    pub columns: Vec<String>,
    /// The body.
    pub rows: Vec<Vec<String>>,
}

/// A table of what was so at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableAt {
    /// When, in microseconds.
    pub at_us: u64,
    /// What was so.
    pub table: Table,
}

/// The story in a few rows: time goes down, and every actor has a column.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plot {
    /// The heads of the columns.
    pub actors: Vec<String>,
    /// In the order of time.
    pub rows: Vec<PlotRow>,
    /// What is as near to the finding as what has a row, and has none.
    pub left_out: u64,
}

/// What happened at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlotRow {
    /// When, in microseconds.
    pub at_us: u64,
    /// Whether it bears witness to the finding.
    pub is_witness: bool,
    /// One for each actor; most are empty.
    pub cells: Vec<String>,
}

/// Lanes over time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timeline {
    /// Where it ends, in microseconds.
    pub end_us: u64,
    /// From top to bottom.
    pub lanes: Vec<Lane>,
}

/// What a lane is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneGroup {
    /// What was found.
    Finding,
    /// Injected faults.
    Fault,
    /// A member.
    Member,
    /// A client.
    Client,
    /// A watch.
    Watch,
}

/// One actor over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// What it is about.
    pub group: LaneGroup,
    /// The actor.
    pub name: String,
    /// What took time.
    pub bars: Vec<Bar>,
    /// What took none.
    pub marks: Vec<Mark>,
}

/// Something that took time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// When it began.
    pub from_us: u64,
    /// When it ended; nothing when it never did.
    pub to_us: Option<u64>,
    /// How it is coloured.
    pub tone: Tone,
    /// A few letters inside, where they fit.
    pub label: String,
    /// The whole of it.
    pub title: String,
}

/// Something that happened at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When.
    pub at_us: u64,
    /// How it is coloured.
    pub tone: Tone,
    /// The whole of it.
    pub title: String,
}

/// What a colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Answered.
    Good,
    /// Refused.
    Refused,
    /// Nobody knows.
    Unknown,
    /// Bears witness to a finding.
    Witness,
    /// A member leads.
    Leader,
    /// A member asks for votes.
    Candidate,
    /// A member follows.
    Follower,
    /// A member is down.
    Down,
    /// A fault.
    Fault,
    /// Something was delivered.
    Event,
    /// Something of lesser weight.
    Quiet,
}

impl Tone {
    /// Its name in style sheets.
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Witness => "witness",
            Self::Leader => "leader",
            Self::Candidate => "candidate",
            Self::Follower => "follower",
            Self::Down => "down",
            Self::Fault => "fault",
            Self::Event => "event",
            Self::Quiet => "quiet",
        }
    }

    /// What it says, for the legend.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Good => "answered",
            Self::Refused => "refused",
            Self::Unknown => "outcome unknown",
            Self::Witness => "witness of the finding",
            Self::Leader => "leader",
            Self::Candidate => "candidate",
            Self::Follower => "follower",
            Self::Down => "down or paused",
            Self::Fault => "fault",
            Self::Event => "watch event",
            Self::Quiet => "start, progress, snapshot",
        }
    }

    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Good,
        Self::Refused,
        Self::Unknown,
        Self::Witness,
        Self::Leader,
        Self::Candidate,
        Self::Follower,
        Self::Down,
        Self::Fault,
        Self::Event,
        Self::Quiet,
    ];
}
