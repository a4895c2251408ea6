//! A mail server that prints each mail it takes: `mail-sink PORT`.

#[allow(dead_code, unreachable_pub)]
mod smtp;

use mail_parser::MessageParser;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).expect("usage: mail-sink PORT");
    let server = smtp::Server::plain_on(port);
    for count in 1.. {
        let mail = server.wait_for(count).await.remove(count - 1);
        let message = MessageParser::default().parse(&mail.data).unwrap_or_default();
        println!(
            "From:    {}\nTo:      {}\nSubject: {}\n",
            mail.from,
            mail.to.join(", "),
            message.subject().unwrap_or("-")
        );
        println!("{}", message.body_text(0).unwrap_or_default());
    }
}
