//! The parts of the benchmarks that Python would be too slow for, or that call the library itself: `measure COMMAND …`.
//!
//! - `correlate SOCKET PLAN REQUESTS COUNT RUNS`: reads a plan with the library, and sends the same requests bare, in
//!   turns.
//! - `storm ADDRESS PATH CLIENTS REQUESTS PLANS BODY`: posts alerts, each over a connection of its own.
//! - `serve FOLDER each|group`: the floor of receiving: takes a request, makes it durable, answers, and nothing else.
//!
//! Results go to standard output as one JSON object with times in seconds. `run` in the folder above drives it.

mod correlate;
mod serve;
mod storm;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["correlate", socket, plan, requests, count, runs] => {
            correlate::run(socket, plan, requests, number(count), number(runs));
        }
        ["storm", address, path, clients, requests, plans, body] => {
            storm::run(address, path, number(clients), number(requests), number(plans), body);
        }
        ["serve", folder, "each"] => serve::run(folder, 1),
        ["serve", folder, "group"] => serve::run(folder, usize::MAX),
        _ => panic!("usage: see tests/bench/measure/main.rs"),
    }
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}
