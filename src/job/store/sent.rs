//! Remembers who has had which report, so that the same one is not sent there again too soon.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::mail::{Mail, RecipientState};
use crate::model::plan::PlanId;

/// What was sent lately.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sent(Vec<Delivered>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Delivered {
    plan: Option<PlanId>,
    digest: String,
    email: String,
    at: Timestamp,
}

impl Sent {
    /// Notes the deliveries of `mails`, and forgets what is older than `keep`.
    pub fn remember(&mut self, mails: &[Mail], now: Timestamp, keep: Duration) {
        self.0.retain(|delivered| is_within(delivered.at, now, keep));
        for mail in mails {
            for recipient in &mail.recipients {
                if let RecipientState::Delivered { at } = recipient.state {
                    let (plan, digest) = (mail.plan.clone(), mail.digest.clone());
                    self.0.push(Delivered { plan, digest, email: recipient.email(), at });
                }
            }
        }
    }

    /// Whether the report that `mail` makes has gone to `email` within this time.
    pub fn has(&self, mail: &Mail, email: &str, now: Timestamp, within: Duration) -> bool {
        self.0.iter().any(|delivered| {
            delivered.plan == mail.plan
                && delivered.digest == mail.digest
                && delivered.email == email
                && is_within(delivered.at, now, within)
        })
    }
}

/// A time that lies ahead, after the clock was set back, is not within: rather a mail too many than one too few.
pub(super) fn is_within(at: Timestamp, now: Timestamp, within: Duration) -> bool {
    Duration::try_from(now.duration_since(at)).is_ok_and(|age| age < within)
}
