//! How a command fails: a text for people and an exit code for scripts (C3).

use tonic::Status;

/// Something went wrong at the server or on the way.
const ERROR: u8 = 1;
/// Nobody could be talked to.
const BAD_CONNECTION: u8 = 2;
/// What came in through stdin makes no sense.
const INVALID_INPUT: u8 = 3;
/// The feature does not exist.
const BAD_FEATURE: u8 = 4;
/// It was ended from outside.
const INTERRUPTED: u8 = 5;
/// The arguments make no sense.
const BAD_ARGUMENTS: u8 = 128;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What people read, behind `Error: `; nothing when all was said.
    pub text: Option<String>,
    /// The exit code.
    pub code: u8,
}

impl Failure {
    fn new(code: u8, text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), code }
    }

    /// At the server or on the way.
    pub fn error(text: impl Into<String>) -> Self {
        Self::new(ERROR, text)
    }

    /// Of the connection, before anything was asked.
    pub fn connection(text: impl Into<String>) -> Self {
        Self::new(BAD_CONNECTION, text)
    }

    /// The same as one of the connection.
    #[must_use]
    pub fn of_connection(self) -> Self {
        Self { code: BAD_CONNECTION, ..self }
    }

    /// With what could not be done before the reason.
    #[must_use]
    pub fn because(self, what: &str) -> Self {
        Self { text: self.text.map(|text| format!("{what} ({text})")), ..self }
    }

    /// Of the arguments.
    pub fn arguments(text: impl Into<String>) -> Self {
        Self::new(BAD_ARGUMENTS, text)
    }

    /// Of what stdin said.
    pub fn input(text: impl Into<String>) -> Self {
        Self::new(INVALID_INPUT, text)
    }

    /// Of a feature that is not there.
    pub fn feature(text: impl Into<String>) -> Self {
        Self::new(BAD_FEATURE, text)
    }

    /// From outside.
    pub fn interrupted(text: impl Into<String>) -> Self {
        Self::new(INTERRUPTED, text)
    }

    /// The end after everything was said, with success.
    pub fn said() -> Self {
        Self { text: None, code: 0 }
    }

    /// Tells it on stderr; the exit code.
    pub fn tell(&self) -> u8 {
        if let Some(text) = &self.text {
            eprintln!("Error: {text}");
        }
        self.code
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::error(status.message())
    }
}
