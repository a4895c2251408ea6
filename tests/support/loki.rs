//! A log server that answers as Loki's `query_range` does, and that can misbehave.
//!
//! It checks login, path, direction and limit, and returns the oldest records of the asked time, grouped by their
//! labels. It does not evaluate the query: it is up to the test which records there are.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ns8_backup_monitor::logs::Loki;
use ns8_backup_monitor::model::cluster;
use serde_json::json;

use super::redis::Redis;

/// Labels, and the records that have them: nanoseconds and line.
pub type Streams = BTreeMap<Vec<(String, String)>, Vec<(u64, String)>>;

/// What the server does instead of answering.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Answers with this status.
    Status(u16),
    /// Answers 200 with this text.
    Text(&'static str),
    /// Speaks something else.
    NoHttp,
    /// Sends 500 MB.
    Endless,
    /// Sends nothing.
    Hang,
    /// Sends an answer byte by byte, slowly.
    Drip,
    /// Hangs up in the middle of the answer.
    Cut,
}

/// The server; its threads end with the test's process.
pub struct Server {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    streams: Mutex<Streams>,
    fault: Mutex<Option<Fault>>,
    requests: Mutex<Vec<String>>,
}

impl Server {
    pub fn start(streams: Streams) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared =
            Arc::new(Shared { streams: Mutex::new(streams), fault: Mutex::default(), requests: Mutex::default() });
        let own = shared.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = own.clone();
                // A client that hangs up is no failure.
                thread::spawn(move || _ = shared.answer(connection));
            }
        });
        Self { port, shared }
    }

    /// Makes it the log server of the cluster.
    pub fn serve(&self, redis: &Redis) {
        redis.run::<String>("SET cluster/default_instance/loki loki1");
        redis.hset("cluster/module_node", &[("loki1", "1")]);
        let port = self.port.to_string();
        let address = [("LOKI_ADDR", "127.0.0.1"), ("LOKI_HTTP_PORT", &port)];
        let login = [("LOKI_API_AUTH_USERNAME", "loki"), ("LOKI_API_AUTH_PASSWORD", "s3cret")];
        redis.hset("module/loki1/environment", &[address, login].concat());
    }

    /// Takes in what a node's log shipper sends.
    pub fn learn(&self, more: Streams) {
        let mut streams = self.shared.streams.lock().unwrap();
        more.into_iter().for_each(|(labels, lines)| streams.entry(labels).or_default().extend(lines));
    }

    pub fn fault(&self, fault: Fault) {
        *self.shared.fault.lock().unwrap() = Some(fault);
    }

    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    pub fn loki(&self, limit: Duration) -> Option<Loki> {
        Some(at(self.port, limit))
    }
}

/// The log server at this port.
pub fn at(port: u16, limit: Duration) -> Loki {
    let (host, user, password) = ("127.0.0.1".into(), "loki".into(), "s3cret".into());
    Loki::new(&cluster::Loki { host, port, user, password }, limit)
}

impl Shared {
    fn answer(&self, mut connection: TcpStream) -> std::io::Result<()> {
        let mut head = String::new();
        let mut reader = BufReader::new(connection.try_clone()?);
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
        self.requests.lock().unwrap().push(head.clone());
        let fault = self.fault.lock().unwrap().clone();
        let say = |connection: &mut TcpStream, status: &str, body: &str| {
            write!(connection, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        };
        match fault {
            None => say(&mut connection, "200 OK", &self.query_range(&head).to_string()),
            Some(Fault::Status(status)) => say(&mut connection, &format!("{status} No"), "no"),
            Some(Fault::Text(text)) => say(&mut connection, "200 OK", text),
            Some(Fault::NoHttp) => connection.write_all(b"220 mail.example.org ESMTP\r\n"),
            Some(Fault::Endless) => {
                write!(connection, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 500 << 20)?;
                (0..500).try_for_each(|_| connection.write_all(&[b' '; 1 << 20]))
            }
            Some(Fault::Hang) => reader.read_line(&mut head).map(drop),
            Some(Fault::Drip) => {
                write!(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")?;
                (0..1000).try_for_each(|_| {
                    thread::sleep(Duration::from_millis(20));
                    connection.write_all(b" ")
                })
            }
            Some(Fault::Cut) => write!(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{{\"status\""),
        }
    }

    /// Loki's answer: the oldest records between `start` and `end`, `end` itself left out.
    fn query_range(&self, head: &str) -> serde_json::Value {
        let query = head.split([' ', '?']).nth(2).unwrap();
        let parameter = |name: &str| {
            let all = query.split('&').filter_map(|parameter| parameter.split_once('='));
            all.filter(|(other, _)| *other == name).map(|(_, value)| value.to_owned()).next().unwrap()
        };
        let number = |name: &str| parameter(name).parse::<u64>().unwrap();
        assert_eq!(parameter("direction"), "forward");
        let (start, end) = (number("start"), number("end"));
        let streams = self.streams.lock().unwrap();
        let mut records: Vec<_> = streams
            .iter()
            .flat_map(|(labels, lines)| lines.iter().map(move |line| (line.0, labels, &line.1)))
            .collect();
        records.retain(|(time, ..)| (start..end).contains(time));
        records.sort_by_key(|(time, ..)| *time);
        records.truncate(usize::try_from(number("limit")).unwrap());
        let mut by_labels: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (time, labels, line) in records {
            by_labels.entry(labels).or_default().push(json!([time.to_string(), line]));
        }
        let result: Vec<_> = by_labels
            .into_iter()
            .map(|(labels, values)| {
                let labels: BTreeMap<_, _> = labels.iter().cloned().collect();
                json!({"stream": labels, "values": values})
            })
            .collect();
        json!({"status": "success", "data": {"resultType": "streams", "result": result, "stats": {}}})
    }
}
