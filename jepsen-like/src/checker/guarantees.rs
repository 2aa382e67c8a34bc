//! The names that a verdict can have, in one place: whatever a violation names is in this list, and for everything in it
//! a test falsifies a history so that it is named (`tests/suite/checkers/guarantees.rs`).

/// Each checker with its guarantees.
pub const GUARANTEES: &[(&str, &[&str])] = &[
    (
        "strict_serializability",
        &[
            "WELL_FORMED",
            "UNIQUE",
            "PHANTOM",
            "DUPLICATE_APPLY",
            "STALE_READ",
            "REAL_TIME",
            "ANSWER",
            "LEASE_KEYS",
            "REFUSAL",
            "COMPACTED_READ",
        ],
    ),
    ("serializable_read", &["STATE", "AHEAD", "BACKWARDS"]),
    (
        "watch",
        &[
            "CREATED_FIRST",
            "FILTER",
            "ORDERED",
            "UNIQUE",
            "ATOMIC",
            "TXN_ORDER",
            "RELIABLE",
            "RESUMABLE",
            "BOOKMARKABLE",
            "PREV_KV",
            "FIELDS",
            "PHANTOM",
            "CANCEL",
            "LIVENESS",
            "AGREEMENT",
        ],
    ),
    ("durability", &["LOST"]),
    ("convergence", &["SAME_STATE", "MONOTONIC_REVISION", "SAME_END"]),
    (
        "raft",
        &[
            "MONOTONIC_TERM",
            "VOTE_ONCE",
            "MONOTONIC_VOTE",
            "ELECTION_SAFETY",
            "ELECTED_BY_QUORUM",
            "LEADER_COMPLETENESS",
            "LOG_MATCHING",
            "STATE_MACHINE_SAFETY",
            "COMMITTED_IMMUTABLE",
            "COMMITTED_ON_QUORUM",
            "DURABLE_BYTES",
            "COMMITTED_KEPT",
            "CONFIGURATION_MATCHING",
            "ONE_CHANGE",
            "NEVER_RETURNS",
            "MONOTONIC_COMMIT",
            "MONOTONIC_APPLIED",
            "MONOTONIC_SNAPSHOT",
            "STATE_ORDERING",
            "READ_INDEX",
        ],
    ),
    (
        "lease",
        &[
            "EARLY",
            "LATE",
            "KEYS_LEFT",
            "ATTACHED",
            "RENEWED",
            "TTL",
            "REMAINING",
            "REFUSAL",
            "LISTED",
        ],
    ),
    ("lock", &["EXCLUSIVE", "FENCED"]),
    ("election", &["ORDER", "UNREAL", "NEVER_LED"]),
    ("hashes", &["SAME_HASH"]),
    ("snapshots", &["SAME_STATE"]),
    ("alarms", &["REFUSED_WHILE_ACTIVE", "ALLOWED_IS_DONE"]),
    ("access", &["NOT_ADMITTED_UNPERMITTED", "NOT_DENIED_PERMITTED"]),
    ("linearizability", &["LINEARIZABLE"]),
];

/// Whether a checker has such a guarantee.
pub(super) fn has(checker: &str, guarantee: &str) -> bool {
    GUARANTEES.iter().any(|(name, names)| *name == checker && names.contains(&guarantee))
}
