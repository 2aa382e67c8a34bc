//! What can be wrong with a file.

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system says so.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Neither meta page is one, so it is another kind of file, or the beginning is damaged.
    #[error("invalid database")]
    NotABoltFile,
    /// A format that is not known.
    #[error("version mismatch: {found}")]
    Version {
        /// The version that the file has.
        found: u32,
    },
    /// The file ends before a page does.
    #[error("page {page} lies behind the end of the file")]
    Short {
        /// The page.
        page: u64,
    },
    /// A page is not what it should be.
    #[error("page {page}: {reason}")]
    Page {
        /// The page.
        page: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// A bucket that must be there is not.
    #[error("the bucket {name:?} is missing")]
    NoBucket {
        /// Its name.
        name: &'static str,
    },
}
