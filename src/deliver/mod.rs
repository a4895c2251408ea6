//! Hands a mail to one recipient's relay: over SMTP, or through NS8's own `ns8-sendmail`.
//!
//! One call is one recipient, so that one who is refused takes nothing from the others. Whatever goes wrong is one of
//! three things to the caller: try all again later, try this recipient again later, or give this recipient up.
//!
//! ```text
//! Way ─┬─ smtp ──── relay, message, dialogue (reply), advice (trouble)
//!      └─ sendmail ─ message
//! ```

mod advice;
mod dialogue;
mod error;
mod message;
mod relay;
mod reply;
mod retry;
mod sendmail;
mod smtp;
mod trouble;
mod way;

pub use error::SendError;
pub use retry::pause;
pub use way::{DISABLED, Way};
