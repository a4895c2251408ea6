//! A report on its way: the mail, its recipients, and what became of each.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::address::Mailbox;
use super::plan::PlanId;
use super::run::Outcome;

/// What ends the digest of a report that a final one follows.
pub const INTERIM: &str = "-interim";

/// One report, written and addressed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mail {
    /// The plan reported; `None` where the report is about no plan in particular.
    pub plan: Option<PlanId>,
    /// The outcome that the subject names.
    pub outcome: Outcome,
    /// Tells whether two reports say the same: a digest of the plan's results.
    pub digest: String,
    /// When it was written.
    pub written_at: Timestamp,
    /// The subject, prefix included.
    pub subject: String,
    /// The text.
    pub body: String,
    /// The same as a page, for mail programs that show one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// The newest end of the run's modules that it tells of, by which the history knows the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_at: Option<Timestamp>,
    /// The `Message-ID`, in angle brackets; the same at every attempt.
    pub message_id: String,
    /// What mails of one plan refer to, so that they form a thread; in angle brackets.
    pub thread_id: String,
    /// The recipients, each with what became of it.
    pub recipients: Vec<Recipient>,
}

/// One recipient of one mail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipient {
    /// The mailbox, as configured.
    pub address: String,
    /// What became of it.
    pub state: RecipientState,
}

/// What became of a mail for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipientState {
    /// Not delivered yet; the last attempt's error, if there was one.
    Pending {
        /// Why the last attempt failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_error: Option<String>,
    },
    /// Handed to the relay.
    Delivered {
        /// When.
        at: Timestamp,
    },
    /// Given up.
    GivenUp {
        /// When.
        at: Timestamp,
        /// The relay's words, or ours.
        reason: String,
    },
}

impl Recipient {
    /// Somebody who waits for a mail.
    pub fn new(mailbox: &Mailbox) -> Self {
        Self { address: mailbox.to_string(), state: RecipientState::Pending { last_error: None } }
    }

    /// Whether the mail has not reached them yet, and may still.
    pub fn is_pending(&self) -> bool {
        matches!(self.state, RecipientState::Pending { .. })
    }

    /// Whether the mail has been handed to the relay for them.
    pub fn is_delivered(&self) -> bool {
        matches!(self.state, RecipientState::Delivered { .. })
    }

    /// Returns why the last attempt failed for a recipient who still waits.
    pub fn last_error(&self) -> Option<&str> {
        match &self.state {
            RecipientState::Pending { last_error } => last_error.as_deref(),
            _ => None,
        }
    }

    /// The mailbox's address alone, in small letters: what tells one recipient from another.
    pub fn email(&self) -> String {
        let bare = self.address.rsplit_once('<').map_or(&*self.address, |(_, email)| email.trim_end_matches('>'));
        bare.to_lowercase()
    }
}

impl Mail {
    /// The plan as the journal's field `BACKUP_ID`; empty where the report is about none.
    pub fn plan_field(&self) -> &str {
        self.plan.as_ref().map_or("", PlanId::as_str)
    }

    /// Whether a final report follows.
    pub fn is_interim(&self) -> bool {
        self.digest.ends_with(INTERIM)
    }

    /// Whether the recipient `to` of this interim mail was promised `last`.
    pub fn promises(&self, last: &Self, to: &Recipient) -> bool {
        let is_it = |has: &Recipient| has.is_delivered() && has.email() == to.email();
        (self.plan.is_none() || self.plan == last.plan) && self.recipients.iter().any(is_it)
    }

    /// The recipients that still wait for this mail.
    pub fn pending(&self) -> impl Iterator<Item = &Recipient> {
        self.recipients.iter().filter(|recipient| recipient.is_pending())
    }

    /// Whether it could not be delivered yet to somebody.
    pub fn is_held_up(&self) -> bool {
        self.pending().any(|recipient| recipient.last_error().is_some())
    }

    /// Removes the recipients who wait for this mail and are not among `mail_to`: their addresses were corrected or
    /// taken out. Those of `mail_to` who are new, and to whom it `is_news`, replace them. Returns whether there were
    /// any.
    pub fn readdress(&mut self, mail_to: &[Mailbox], is_news: impl Fn(&Self, &Recipient) -> bool) -> bool {
        let named: Vec<Recipient> = mail_to.iter().map(Recipient::new).collect();
        let before = self.recipients.len();
        let is_named = |known: &Recipient| named.iter().any(|named| named.email() == known.email());
        self.recipients.retain(|known| !known.is_pending() || is_named(known));
        if self.recipients.len() == before {
            return false;
        }
        let is_new = |named: &Recipient| self.recipients.iter().all(|known| known.email() != named.email());
        let new: Vec<Recipient> = named.iter().filter(|to| is_new(to) && is_news(self, to)).cloned().collect();
        self.recipients.extend(new);
        true
    }

    /// Returns why the last attempt failed for the recipient `to`.
    pub fn last_error(&self, to: &str) -> Option<&str> {
        self.recipients.iter().find(|recipient| recipient.address == to)?.last_error()
    }

    /// Returns whether any recipient was given up.
    pub fn any_given_up(&self) -> bool {
        self.recipients.iter().any(|recipient| matches!(recipient.state, RecipientState::GivenUp { .. }))
    }
}

#[cfg(test)]
impl Mail {
    /// A report about plan 2 for tests.
    pub(crate) fn sample(recipients: Vec<Recipient>) -> Self {
        Self {
            plan: PlanId::new("2"),
            outcome: Outcome::Partial,
            digest: "d".into(),
            written_at: Timestamp::UNIX_EPOCH,
            subject: "s".into(),
            body: "b".into(),
            html: None,
            run_at: None,
            message_id: "<m@x>".into(),
            thread_id: "<t@x>".into(),
            recipients,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corrected_address_takes_the_place_of_the_wrong_one() {
        let readdress = |mail_to: &[&str], has_it: &str| {
            let mut mail = Mail::sample(vec![
                Recipient {
                    address: "admin@example.com".into(),
                    state: RecipientState::Delivered { at: Timestamp::UNIX_EPOCH },
                },
                Recipient { address: "opps@example.com".into(), state: RecipientState::Pending { last_error: None } },
            ]);
            let mail_to: Vec<Mailbox> = mail_to.iter().map(|address| address.parse().unwrap()).collect();
            let any = mail.readdress(&mail_to, |_, to| to.address != has_it);
            (any, mail.recipients.into_iter().map(|to| (to.is_pending(), to.address)).collect::<Vec<_>>())
        };
        let had_it = (false, "admin@example.com".to_owned());
        let waits = |address: &str| (true, address.to_owned());
        let admin = "Admin <ADMIN@example.com>";
        let corrected = vec![had_it.clone(), waits("ops@example.com")];
        assert_eq!(readdress(&[admin, "ops@example.com"], ""), (true, corrected));
        let same = vec![had_it.clone(), waits("opps@example.com")];
        assert_eq!(readdress(&[admin, "opps@example.com", "new@example.com"], ""), (false, same));
        assert_eq!(readdress(&[admin], ""), (true, vec![had_it.clone()]), "it was taken out");
        let left_out = vec![had_it, waits("ops@example.com")];
        assert_eq!(readdress(&[admin, "x@example.com", "ops@example.com"], "x@example.com"), (true, left_out));
    }
}
