//! A storm of alerts, as many clients post it at once.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

/// Posts the file `body`, in which `@PLAN@` stands for a plan's id; the requests go round all plans.
pub(crate) fn run(address: &str, path: &str, clients: usize, requests: usize, plans: usize, body: &str) {
    let body = std::fs::read_to_string(body).expect("the request's body");
    let bodies: Vec<String> = (1..=plans).map(|plan| body.replace("@PLAN@", &plan.to_string())).collect();
    let next = AtomicUsize::new(0);
    let client = || {
        let mut done = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= requests {
                return done;
            }
            let start = Instant::now();
            let accepted = post(address, path, &bodies[n % plans]);
            done.push((start.elapsed().as_secs_f64(), accepted));
        }
    };
    let start = Instant::now();
    let done: Vec<(f64, bool)> = thread::scope(|scope| {
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        clients.into_iter().flat_map(|client| client.join().expect("a client")).collect()
    });
    let seconds = start.elapsed().as_secs_f64();
    let mut times: Vec<f64> = done.iter().map(|(time, _)| *time).collect();
    times.sort_by(f64::total_cmp);
    let refused = done.iter().filter(|(_, accepted)| !accepted).count();
    let quantile = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    println!(
        "{}",
        serde_json::json!({ "seconds": seconds, "p50": quantile(0.5), "p99": quantile(0.99), "refused": refused })
    );
}

/// Whether the answer is 2xx.
fn post(address: &str, path: &str, body: &str) -> bool {
    let exchange = || {
        let mut stream = TcpStream::connect(address)?;
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nConnection: close\r\n");
        stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    exchange().is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 2") || answer.starts_with(b"HTTP/1.0 2"))
}
