//! What a reading is to return.

use jiff::Timestamp;

use crate::model::plan::PlanId;
use crate::system::agent::Agent;

/// Which plans to read.
#[derive(Debug, Clone, Copy)]
pub enum Selector<'a> {
    /// None: only what concerns the cluster as a whole.
    None,
    /// This one. If nothing is known of it, it is read as [`crate::model::plan::Plan::unknown`].
    Plan(&'a PlanId),
    /// Every plan with a result at or after this time.
    Recent {
        /// The time.
        since: Timestamp,
    },
    /// Every plan that has a definition, a result, or a status of its own.
    All,
}

/// What to read beside plans and results. The cluster's name, UUID, leader and mail relay are always read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Want<'a> {
    /// The names of modules and nodes.
    pub names: bool,
    /// The plans' destinations, and the paths of the modules' repositories there.
    pub repositories: bool,
    /// The passwords of destinations behind the gateway, with this login. Without it, or if it is refused, they stay
    /// absent.
    pub passwords: Option<&'a Agent>,
    /// The login to Loki.
    pub loki: bool,
    /// The modules in no plan; only known with [`Selector::All`] and [`Selector::Recent`].
    pub unplanned: bool,
}

/// What to read.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Which plans.
    pub plans: Selector<'a>,
    /// What beside them.
    pub want: Want<'a>,
    /// The time now: a result that is dated later is flagged.
    pub now: Timestamp,
}
