//! The floor of receiving: a server on an inherited socket that makes each request durable before its 2xx, and does
//! nothing else. No HTTP library, no JSON, no bounds.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

type Request = (Vec<u8>, oneshot::Sender<()>);

/// Serves for ever. At most `group` requests share one fsync.
pub(crate) fn run(folder: &str, group: usize) {
    let listener = listenfd::ListenFd::from_env().take_tcp_listener(0).ok().flatten().expect("an inherited socket");
    listener.set_nonblocking(true).expect("a socket");
    let log = OpenOptions::new().create(true).append(true).open(Path::new(folder).join("log")).expect("a log");
    let (requests, queue) = channel();
    thread::spawn(move || write(log, &queue, group));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener).expect("a listener");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            tokio::spawn(connection(stream, requests.clone()));
        }
    });
}

/// Group commit: appends what has come up, syncs once, lets all know.
fn write(mut log: File, queue: &Receiver<Request>, group: usize) {
    while let Ok(first) = queue.recv() {
        let requests: Vec<Request> = std::iter::once(first).chain(queue.try_iter().take(group - 1)).collect();
        let content: Vec<u8> = requests.iter().flat_map(|(content, _)| content).copied().collect();
        log.write_all(&content).and_then(|()| log.sync_all()).expect("a disk");
        for (_, done) in requests {
            let _ = done.send(());
        }
    }
}

async fn connection(mut stream: TcpStream, requests: Sender<Request>) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !is_complete(&request) {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let (done, durable) = oneshot::channel();
    let _ = requests.send((request, done));
    let _ = durable.await;
    stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await?;
    stream.shutdown().await
}

fn is_complete(request: &[u8]) -> bool {
    let Some(head) = request.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let length = String::from_utf8_lossy(&request[..head]).lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    request.len() >= head + 4 + length.unwrap_or(0)
}
