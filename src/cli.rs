//! The command line. Man pages and completions are made from these definitions too.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{DEFAULT_PATH, Mailbox};
use crate::model::job::JobId;
use crate::model::plan::PlanId;

/// One e-mail you can act on when a NethServer 8 backup fails
///
/// Alertmanager says only that something in a backup plan failed. This program receives that alert, waits until the
/// plan's modules have finished, finds out which of them failed and why, looks at the repositories, and sends one mail
/// that says so.
///
/// systemd starts it when an alert arrives; all other commands are for you.
#[derive(Debug, Parser)]
#[command(version = env!("NS8_BACKUP_MONITOR_VERSION"), max_term_width = 100, after_help = "\
First steps:
  ns8-backup-monitor setup        asks for sender and recipients, starts the socket
  ns8-backup-monitor check        says what is missing, and what to do about it
  ns8-backup-monitor send-test    sends a test mail
  ns8-backup-monitor report       shows the mail that would be sent now

Each command explains itself:
  ns8-backup-monitor report --help")]
pub struct Cli {
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE", default_value = DEFAULT_PATH)]
    pub config: PathBuf,
    /// What to do; without a command: serve.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Receive alerts and send reports (what systemd starts; the default)
    ///
    /// Takes over the socket that systemd hands it and exits when it has had nothing to do for receiver.idle_timeout.
    /// Started by hand, it listens on receiver.host and receiver.port instead, and stops with Ctrl-C.
    #[command(after_help = "\
Example:
  ns8-backup-monitor --config ./config.yml serve")]
    Serve,
    /// One of the administrator's commands.
    #[command(flatten)]
    Tool(Tool),
}

/// The administrator's commands.
#[derive(Debug, Subcommand)]
pub enum Tool {
    /// Show the mail that would be sent now
    ///
    /// Reads the cluster and prints the report of a plan, or of every plan that has a result within
    /// correlator.recent_window. Nothing is waited for, and nothing is sent without --send. The outcome of a plan that
    /// is named is that of its last run, whenever that was.
    #[command(after_help = "\
Exit status:
  0  SUCCESS
  3  PARTIAL: the worst outcome counts where several plans are reported
  4  REPO_FAILURE
  5  the cluster could not be read
  1  another error
  2  wrong usage

Examples:
  ns8-backup-monitor report                     every plan with a recent result
  ns8-backup-monitor report 2 --no-probe        plan 2, without a look at its repositories
  ns8-backup-monitor report 2 --json | jq '.reports[].outcome'")]
    Report(Report),
    /// Say what is set up, what is not, and what to do about it
    ///
    /// Looks at the configuration, the queue, Redis, the mail relay (connects and logs in, sends nothing), the tools
    /// that probe repositories, Alertmanager and the systemd units. Prints one line each: ok, warning or error, what
    /// was found, and what to do. Changes nothing, and never prints a secret.
    #[command(after_help = "\
Exit status:
  0  no errors, perhaps warnings
  1  at least one error

Examples:
  ns8-backup-monitor check
  ns8-backup-monitor check --json | jq -r '.checks[] | select(.level == \"error\") | .todo'")]
    Check(Check),
    /// Send a test mail to every recipient, and show the relay's answers
    ///
    /// Takes exactly the way that a report takes: same sender, same relay, same recipients, in notification.language.
    /// Exits with 1 if a recipient could not be reached.
    #[command(after_help = "\
Example:
  ns8-backup-monitor send-test")]
    SendTest,
    /// Look once for runs that failed, did not start, or do not end (what the watch's timer starts)
    ///
    /// Compares the plans' schedules with their results, and posts what nobody was mailed about to the service, which
    /// mails a report. Does nothing on a node that is not the cluster's leader, nor with watch.enabled: false. It keeps
    /// what it knows in the service's state directory: start it through systemd, as the service's user.
    #[command(after_help = "\
Exit status:
  0  it has looked, or another node does
  1  it could not look, or not post what it found; the next turn tries again

Example:
  systemctl start ns8-backup-monitor-watch.service     runs `ns8-backup-monitor watch` as the service's user")]
    Watch,
    /// Show, retry or drop what is waiting to be sent
    ///
    /// Reports wait here for their plan to finish, for the relay to answer, or, given up, for you: fix the cause, then
    /// `queue retry`. A report that was given up then goes to those who have not got it; an address that was corrected
    /// in notification.mail_to takes the wrong one's place. Safe to use beside the running service.
    #[command(after_help = "\
Examples:
  ns8-backup-monitor queue
  ns8-backup-monitor queue show 20261122-031500-1a2b
  ns8-backup-monitor queue retry                          everything, now
  ns8-backup-monitor queue drop 20261122-031500-1a2b")]
    Queue(Queue),
    /// Write the configuration and start the socket
    ///
    /// Asks for sender, recipients and subject prefix, shows the configuration that it will write, writes it, and
    /// starts the socket. An existing file keeps its comments and its other keys. With any of --mail-from, --mail-to,
    /// --subject-prefix or --yes it asks nothing, and what is not given keeps its present value or its default.
    #[command(after_help = "\
Examples:
  ns8-backup-monitor setup
  ns8-backup-monitor setup --mail-to admin@example.com --mail-to ops@example.com --send-test")]
    Setup(Setup),
    /// Print Alertmanager's receiver and route, or put them into its configuration
    ///
    /// Prints the receiver and the route that bring backup alerts here, for the configured address and alert names.
    /// With --patch it puts them into an existing alertmanager.yml, the route before all others and with `continue:
    /// true`, so that other routes still get these alerts; Alertmanager's default receiver gets only what no route
    /// takes. Everything else in the file stays as it was, and a file that is already right is not touched.
    #[command(after_help = "\
Examples:
  ns8-backup-monitor alertmanager-config
  ns8-backup-monitor alertmanager-config --patch /etc/prometheus/alertmanager.yml
  ns8-backup-monitor alertmanager-config --patch /etc/prometheus/alertmanager.yml --remove

To make Alertmanager read the changed file:
  curl -X POST http://127.0.0.1:9093/-/reload")]
    AlertmanagerConfig(AlertmanagerConfig),
}

/// What `report` is told.
#[derive(Debug, Args)]
pub struct Report {
    /// The plan's id, as in the alert's label; without it every plan with a recent result
    #[arg(value_parser = plan_id)]
    pub plan: Option<PlanId>,
    /// Print JSON for scripts instead of the mail
    #[arg(long)]
    pub json: bool,
    /// Print a page for a browser instead of the mail, a single file that loads nothing
    #[arg(long, conflicts_with = "json")]
    pub html: bool,
    /// Also send the report to every recipient
    #[arg(long)]
    pub send: bool,
    /// Do not look at the repositories
    #[arg(long)]
    pub no_probe: bool,
}

/// What `check` is told.
#[derive(Debug, Args)]
pub struct Check {
    /// Print JSON for scripts
    #[arg(long)]
    pub json: bool,
    /// Where Alertmanager answers
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9093")]
    pub alertmanager: String,
}

/// What `queue` is told.
#[derive(Debug, Args)]
pub struct Queue {
    /// What to do; without it: list.
    #[command(subcommand)]
    pub action: Option<QueueAction>,
}

/// What to do with the queue.
#[derive(Debug, Clone, Subcommand)]
pub enum QueueAction {
    /// List the jobs with age, plan, state, next attempt and last error (the default)
    List,
    /// Show one job: its alerts, recipients and report
    Show {
        /// The job's id
        #[arg(value_parser = job_id)]
        id: JobId,
    },
    /// Try to deliver now, also what was given up
    Retry {
        /// The job's id; without it: all jobs
        #[arg(value_parser = job_id)]
        id: Option<JobId>,
    },
    /// Delete a job; nobody will get its report
    Drop {
        /// The job's id
        #[arg(value_parser = job_id)]
        id: JobId,
    },
}

/// What `setup` is told.
#[derive(Debug, Args)]
pub struct Setup {
    /// The sender of the reports
    #[arg(long, value_name = "ADDRESS")]
    pub mail_from: Option<Mailbox>,
    /// A recipient; repeat it for more
    #[arg(long, value_name = "ADDRESS")]
    pub mail_to: Vec<Mailbox>,
    /// What every subject starts with
    #[arg(long, value_name = "TEXT")]
    pub subject_prefix: Option<String>,
    /// Ask nothing: keep the present values of what is not given
    #[arg(long, short)]
    pub yes: bool,
    /// Do not enable and start the systemd units
    #[arg(long)]
    pub no_start: bool,
    /// Send a test mail afterwards
    #[arg(long)]
    pub send_test: bool,
}

/// What `alertmanager-config` is told.
#[derive(Debug, Args)]
pub struct AlertmanagerConfig {
    /// Add or renew them in this alertmanager.yml
    #[arg(long, value_name = "FILE")]
    pub patch: Option<PathBuf>,
    /// Take them out again
    #[arg(long, requires = "patch")]
    pub remove: bool,
}

fn plan_id(text: &str) -> Result<PlanId, &'static str> {
    PlanId::new(text).ok_or("a plan's id is not empty")
}

fn job_id(text: &str) -> Result<JobId, &'static str> {
    JobId::parse(text).ok_or("this is not a job's id; `ns8-backup-monitor queue` lists them")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_teaches_with_an_example() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let example = help.split_once("Example").is_some_and(|(_, rest)| rest.contains(command.get_name()));
            assert!(example, "{} has no example", command.get_name());
        }
    }
}
