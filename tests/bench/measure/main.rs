//! The parts of the benchmarks that Python would be too slow for, or that call the library itself: `measure COMMAND …`.
//!
//! - `correlate SOCKET PLAN REQUESTS COUNT RUNS [results]`: reads a plan with the library, as a whole or its results
//!   alone, and sends the same requests bare, in turns.
//! - `bare SOCKET REQUESTS COUNT`: sends these requests once, bare.
//! - `reasons FOLDER|- HOST:PORT|- NODE PLAN SINCE UNTIL MODULE,…`: asks the journal in that folder, or that log server.
//! - `storm ADDRESS PATH CLIENTS REQUESTS PLANS BODY`: posts alerts, each over a connection of its own.
//! - `serve FOLDER each|group`: the floor of receiving: takes a request, makes it durable, answers, and nothing else.
//!
//! Results go to standard output as one JSON object with times in seconds. `run` in the folder above drives it.

// The result is what it prints.
#![allow(clippy::print_stdout)]

mod correlate;
mod reasons;
mod serve;
mod storm;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["correlate", socket, plan, requests, count, runs, ref extent @ ..] => {
            correlate::run(socket, plan, requests, number(count), number(runs), extent != ["results"]);
        }
        ["bare", socket, requests, count] => {
            let requests = std::fs::read(requests).expect("the recorded requests");
            correlate::bare(socket, &requests, number(count));
        }
        ["reasons", journal, loki, node, plan, since, until, modules] => {
            reasons::run(journal, loki, node, plan, since, until, modules);
        }
        ["storm", address, path, clients, requests, plans, body] => {
            storm::run(address, path, number(clients), number(requests), number(plans), body);
        }
        ["serve", folder, "each"] => serve::run(folder, 1),
        ["serve", folder, "group"] => serve::run(folder, usize::MAX),
        _ => panic!("usage: see tests/bench/measure/main.rs"),
    }
}

/// The most memory that this process has had, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() * 1024
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}
