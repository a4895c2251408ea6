//! The command line. Man pages and completions are made from these definitions too.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{DEFAULT_PATH, Mailbox};
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
  ns8-backup-monitor setup        asks for sender and recipients, starts the units
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

impl Cli {
    /// Parses the command line. Exits on a usage error, and on --help and --version.
    pub fn read() -> Self {
        Self::of_a_unit(std::env::args_os().skip(1)).unwrap_or_else(Self::parse)
    }

    /// Reads `[--config FILE] serve` or `watch`, what systemd starts; `None` for all else, which clap reads. An alert
    /// waits for this start, and a quarter of its computing would go into the definitions of all the other commands.
    fn of_a_unit(mut words: impl Iterator<Item = OsString>) -> Option<Self> {
        let (mut config, mut word) = (OsString::from(DEFAULT_PATH), words.next()?);
        if word == "--config" {
            (config, word) = (words.next()?, words.next()?);
        }
        let command = match word.to_str()? {
            "serve" => Command::Serve,
            "watch" => Command::Tool(Tool::Watch),
            _ => return None,
        };
        let is_file = !config.is_empty() && !config.as_encoded_bytes().starts_with(b"-");
        (is_file && words.next().is_none()).then(|| Self { config: config.into(), command: Some(command) })
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Receive alerts and send reports (what systemd starts; the default)
    ///
    /// Takes the socket that systemd passes, and exits after receiver.idle_timeout with nothing to do. Started by hand,
    /// it listens on receiver.host and receiver.port instead, and stops with Ctrl-C. Its state is in $STATE_DIRECTORY,
    /// else in the service's folder, which only the service's user may use.
    #[command(after_help = "\
Example:
  STATE_DIRECTORY=$PWD/state ns8-backup-monitor --config ./config.yml serve")]
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
    /// correlator.recent_window. Does not wait, and sends only with --send. With PLAN, reports that plan's
    /// last run, however old it is.
    #[command(after_help = "\
Exit status:
  0  SUCCESS
  3  PARTIAL; of several plans, the worst outcome counts
  4  REPO_FAILURE
  5  the cluster could not be read
  1  another error
  2  wrong usage

Examples:
  ns8-backup-monitor report                     every plan with a recent result
  ns8-backup-monitor report 2 --no-probe        plan 2, without a look at its repositories
  ns8-backup-monitor report 2 --json | jq '.reports[].outcome'")]
    Report(Report),
    /// Check the setup, and say what to do about each fault
    ///
    /// Looks at the configuration, the queue, Redis, the plans, whether this node is the leader, the mail relay
    /// (connects and logs in, sends nothing), the tools that probe repositories, Alertmanager and the systemd units
    /// with their timers. Prints one line each: ok, warning or error, what was found, and what to do. Changes nothing,
    /// and never prints a secret.
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
    /// The test mail goes the way of a report: same sender, same relay, the recipients of notification.mail_to, in
    /// notification.language. Exits with 1 if a recipient could not be reached.
    #[command(after_help = "\
Example:
  ns8-backup-monitor send-test")]
    SendTest,
    /// Check once for runs that failed, did not start or hang (started by the watch timer)
    ///
    /// Compares the plans' schedules with their results and posts new findings to the service, which mails them. Posts
    /// nothing on a node that is not the leader, and does nothing with watch.enabled: false. Its state is in the
    /// service's state directory: start it through systemd, as the service's user.
    #[command(after_help = "\
Exit status:
  0  checked, or another node is the leader
  1  the check failed, or its findings could not be posted; the timer tries again

Example:
  systemctl start ns8-backup-monitor-watch.service     runs `ns8-backup-monitor watch` as the service's user")]
    Watch,
    /// Show all plans and the monitor itself on one page, or mail it
    ///
    /// The plans that need attention come first, with the modules that failed; then those that are fine or switched
    /// off, modules in no plan, and whether Alertmanager, the mail relay, the watch and the queue work. A timer mails
    /// it every week: when that mail stops coming, something is wrong.
    #[command(after_help = "\
Exit status:
  0  done, whatever the page says
  1  it could not be mailed

Examples:
  ns8-backup-monitor digest
  ns8-backup-monitor digest --mail
  ns8-backup-monitor digest --html                        a page with the last runs of each module
  ns8-backup-monitor digest --json | jq '.plans[] | select(.standing == \"attention\") | .id'")]
    Digest(Digest),
    /// Show the last runs of the plans
    ///
    /// Without a plan: one line of marks for each. With one: its last 60 runs, and for each module its last runs, sizes
    /// and last good backup. The watch and each report update the history.
    #[command(after_help = "\
Exit status:
  0  shown
  1  a history cannot be read, or none of this plan is kept

Examples:
  ns8-backup-monitor history
  ns8-backup-monitor history 2
  ns8-backup-monitor history --html
  ns8-backup-monitor history 2 --json | jq '.plans[0].runs[-1].modules'")]
    History(History),
    /// Show, retry or drop reports that wait to be sent
    ///
    /// A report stays here until its plan has finished and the relay has accepted it. A report that was given up stays
    /// here until you fix the cause and run `queue retry`: it then goes to the recipients who do not have it. An
    /// address that is corrected in notification.mail_to replaces the wrong one at the next attempt. Safe to use while
    /// the service runs.
    #[command(after_help = "\
Exit status:
  0  done
  1  there is no such job, or the queue cannot be read or changed

Examples:
  ns8-backup-monitor queue
  ns8-backup-monitor queue show 20261122-031500-1a2b
  ns8-backup-monitor queue retry                          everything, now
  ns8-backup-monitor queue drop 20261122-031500-1a2b")]
    Queue(Queue),
    /// Write the configuration and start the units
    ///
    /// Asks for sender, recipients and subject prefix, shows the configuration that it will write, writes it, and
    /// enables and starts the socket and the timers. An existing file keeps its comments and its other keys. With any
    /// of --mail-from, --mail-to, --subject-prefix or --yes it asks nothing; a value that is not given stays as it is.
    #[command(after_help = "\
Exit status:
  0  done
  1  the file, the units or the test mail failed
  2  a value is missing

Examples:
  ns8-backup-monitor setup
  ns8-backup-monitor setup --mail-to admin@example.com --mail-to ops@example.com --send-test")]
    Setup(Setup),
    /// Print Alertmanager's receiver and route, or put them into its configuration
    ///
    /// Prints the receiver and the route that bring backup alerts here, for the configured address and alert names.
    /// With --patch it puts them into an existing alertmanager.yml, the route before all others and with `continue:
    /// true`, so that the routes after it still get these alerts. The default receiver of the top route gets them only
    /// if a route of its own, such as NS8's for all services, takes them. Everything else in the file stays as it was,
    /// and a file that is already correct is not written. If this program's configuration cannot be read, an existing
    /// receiver is left unchanged.
    #[command(after_help = "\
Exit status:
  0  done, or nothing to change
  1  the file is left as it was

Examples:
  ns8-backup-monitor alertmanager-config
  ns8-backup-monitor alertmanager-config --patch /etc/prometheus/alertmanager.yml
  ns8-backup-monitor alertmanager-config --patch /etc/prometheus/alertmanager.yml --remove

To make Alertmanager read the changed file:
  curl -X POST http://127.0.0.1:9093/-/reload")]
    AlertmanagerConfig(AlertmanagerConfig),
}

/// The arguments of `report`.
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

/// The arguments of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Print JSON for scripts
    #[arg(long)]
    pub json: bool,
    /// Alertmanager's address
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9093")]
    pub alertmanager: String,
}

/// The arguments of `digest`.
#[derive(Debug, Args)]
pub struct Digest {
    /// Print JSON for scripts instead of the text
    #[arg(long)]
    pub json: bool,
    /// Print a page for a browser with the last 14 runs of each plan, a single file that loads nothing
    #[arg(long, conflicts_with = "json")]
    pub html: bool,
    /// Also mail it to every recipient
    #[arg(long)]
    pub mail: bool,
    /// Mail it as the weekly timer does: only on the leader, and only if digest.enabled is true; print nothing
    #[arg(long, conflicts_with_all = ["json", "html", "mail"])]
    pub weekly: bool,
    /// Alertmanager's address
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9093")]
    pub alertmanager: String,
}

/// The arguments of `history`.
#[derive(Debug, Args)]
pub struct History {
    /// The plan's id; without it every plan
    #[arg(value_parser = plan_id)]
    pub plan: Option<PlanId>,
    /// Print JSON for scripts
    #[arg(long)]
    pub json: bool,
    /// Print a page for a browser with the last 14 runs, a single file that loads nothing
    #[arg(long, conflicts_with = "json")]
    pub html: bool,
}

/// The arguments of `queue`.
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
        id: String,
    },
    /// Deliver now, including reports that were given up
    Retry {
        /// The job's id; without it: all jobs
        id: Option<String>,
    },
    /// Delete a job; nobody will get its report
    Drop {
        /// The job's id
        id: String,
    },
}

/// The arguments of `setup`.
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
    /// Ask nothing: a value that is not given stays as it is
    #[arg(long, short)]
    pub yes: bool,
    /// Do not enable and start the systemd units
    #[arg(long)]
    pub no_start: bool,
    /// Send a test mail afterwards
    #[arg(long)]
    pub send_test: bool,
}

/// The arguments of `alertmanager-config`.
#[derive(Debug, Args)]
pub struct AlertmanagerConfig {
    /// Add or update the receiver and the route in this alertmanager.yml
    #[arg(long, value_name = "FILE")]
    pub patch: Option<PathBuf>,
    /// Remove the receiver and the route
    #[arg(long, requires = "patch")]
    pub remove: bool,
}

fn plan_id(text: &str) -> Result<PlanId, &'static str> {
    PlanId::new(text).ok_or("a plan id must not be empty")
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
    fn what_systemd_starts_means_the_same_without_clap() {
        let words = ["serve", "watch", "--config", "x.yml", "", "-x", "--help", "report"];
        let one = words.iter().map(|word| vec![*word]);
        let two = words.iter().flat_map(|a| words.map(|b| vec![*a, b]));
        let three = words.iter().flat_map(|a| words.iter().flat_map(|b| words.map(|c| vec![*a, *b, c])));
        let four = words.map(|word| vec!["--config", "x.yml", "serve", word]);
        let mut read = 0;
        for line in one.chain(two).chain(three).chain(four) {
            let Some(cli) = Cli::of_a_unit(line.iter().map(OsString::from)) else { continue };
            let same = Cli::try_parse_from(["ns8-backup-monitor"].iter().chain(&line)).expect("a command line");
            assert_eq!(format!("{cli:?}"), format!("{same:?}"), "{line:?}");
            read += 1;
        }
        // Both, and with any name of a file before them.
        assert_eq!(read, 2 + 2 * words.iter().filter(|word| !word.is_empty() && !word.starts_with('-')).count());
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
