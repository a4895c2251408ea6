//! Why a mail was not handed over, and what follows from that.

/// Longest error or answer that is passed on, in bytes.
pub(super) const MAX_WORDS: usize = 500;

/// Why a mail was not handed over, and what follows from that. The text is one line for people: where, what, why, and
/// what to do. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Nobody can be reached now: the relay is away or refuses us, or the configuration is wrong. Retry all later.
    /// Never anything that may be due to this recipient alone.
    #[error("{0}")]
    Relay(String),
    /// This recipient was not reached now. Retry it later.
    #[error("{0}")]
    Deferred(String),
    /// The relay will never take this mail for this recipient. Give it up.
    #[error("{0}")]
    Rejected(String),
}

impl SendError {
    /// Returns the same error with a further reason.
    pub(super) fn and(self, reason: &str) -> Self {
        match self {
            Self::Relay(text) => Self::Relay(format!("{text}; and {reason}")),
            Self::Deferred(text) => Self::Deferred(format!("{text}; and {reason}")),
            Self::Rejected(text) => Self::Rejected(format!("{text}; and {reason}")),
        }
    }
}
