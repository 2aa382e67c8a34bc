//! How often clients make which kind of request.

/// Relative weights of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix {
    /// Writes of one key.
    pub put: u64,
    /// Reads of a key or a range with all options, current or historical.
    pub range: u64,
    /// Deletions of a key or a range.
    pub delete: u64,
    /// Transactions with several keys, also nested.
    pub txn: u64,
    /// Compare-and-swap of one key.
    pub cas: u64,
    /// Compactions.
    pub compact: u64,
}

impl Mix {
    /// Some of everything.
    pub const MIXED: Self = Self { put: 35, range: 30, delete: 8, txn: 12, cas: 14, compact: 1 };
    /// Mostly writes.
    pub const WRITES: Self = Self { put: 70, range: 10, delete: 8, txn: 6, cas: 6, compact: 0 };
    /// Mostly reads, with enough writes to read something new.
    pub const READS: Self = Self { put: 25, range: 70, delete: 3, txn: 1, cas: 1, compact: 0 };
    /// Mostly transactions.
    pub const TRANSACTIONS: Self =
        Self { put: 10, range: 10, delete: 5, txn: 50, cas: 25, compact: 0 };
    /// Writes, deletions and compactions that race.
    pub const COMPACTIONS: Self =
        Self { put: 40, range: 25, delete: 15, txn: 8, cas: 4, compact: 8 };

    /// The mixes that have a name.
    pub const NAMED: [(&'static str, Self); 5] = [
        ("mixed", Self::MIXED),
        ("writes", Self::WRITES),
        ("reads", Self::READS),
        ("transactions", Self::TRANSACTIONS),
        ("compactions", Self::COMPACTIONS),
    ];

    /// The weights with their names, in one order everywhere.
    pub fn weights(&self) -> [(&'static str, u64); 6] {
        [
            ("put", self.put),
            ("range", self.range),
            ("delete", self.delete),
            ("txn", self.txn),
            ("cas", self.cas),
            ("compact", self.compact),
        ]
    }

    /// Sets the weight of that name; false if there is none.
    pub fn set(&mut self, name: &str, weight: u64) -> bool {
        let field = match name {
            "put" => &mut self.put,
            "range" => &mut self.range,
            "delete" => &mut self.delete,
            "txn" => &mut self.txn,
            "cas" => &mut self.cas,
            "compact" => &mut self.compact,
            _ => return false,
        };
        *field = weight;
        true
    }
}
