//! Whether a run that has no result yet is going on after all, as far as this node knows.

use std::time::Duration;

use jiff::Timestamp;

use super::news::{Kind, News};
use crate::model::plan::PlanId;
use crate::system::process::Command;

/// A run that has been going on for this long without any result is news all the same.
const PATIENCE: Duration = Duration::from_secs(12 * 3600);

/// Takes back that a run was missed while its unit is active on this node, which is the case while the first module of a
/// run takes very long. After twelve hours it hangs.
pub async fn take_back(news: Vec<News>, now: Timestamp) -> Vec<News> {
    let mut kept = Vec::new();
    for mut news in news {
        if news.kind == Kind::Missed && is_active(&news.plan).await {
            let age = news.due.and_then(|due| Duration::try_from(now.duration_since(due)).ok()).unwrap_or_default();
            if age < PATIENCE {
                continue;
            }
            news.kind = Kind::Hangs;
        }
        kept.push(news);
    }
    kept
}

/// Whether the service that runs the plan on this node is active: `backup<id>.service`, since NS8 core 3.20.
async fn is_active(plan: &PlanId) -> bool {
    let id = plan.as_str();
    if id.len() > 20 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let command = Command {
        program: "systemctl".into(),
        args: ["is-active", "--quiet", &format!("backup{id}.service")].map(String::from).into(),
        timeout: Duration::from_secs(10),
        ..Command::default()
    };
    // Not knowing is as good as not active: rather a mail too many.
    command.run().await.is_ok_and(|output| output.status.success())
}
