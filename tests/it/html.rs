//! `notification.html`, from the alert to the relay.

use mail_parser::{MessageParser, MimeHeaders};

use crate::report::page::check_page;
use crate::support::programs::install;
use crate::support::service::{wait_until, webhook};
use crate::support::site::{AT_ONCE, Site};

/// The raw mail that a failed plan brings.
fn mail(notification: &str) -> Vec<u8> {
    let mut site = Site::with(notification, AT_ONCE);
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    wait_until("a mail", || !site.relay.so_far().is_empty(), || site.service.log());
    site.relay.so_far().remove(0).data
}

/// The text, but for what is of one run of the test only.
fn lasting(text: &str) -> String {
    let varies = |line: &&str| ["Written: ", "job ", "Newest result: "].iter().any(|start| line.starts_with(start));
    let lines = text.lines().filter(|line| !varies(line));
    lines.map(|line| line.replace(|c: char| c.is_ascii_digit(), "0")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_text_stays_as_it_is_beside_the_page() {
    let (plain, both) = (mail(""), mail("  html: true\n"));
    let [plain, both] = [&plain, &both].map(|mail| MessageParser::default().parse(mail).unwrap());
    let subtype = |part: &mail_parser::MessagePart<'_>| part.content_type().unwrap().subtype().unwrap().to_owned();
    assert_eq!(plain.parts.iter().map(subtype).collect::<Vec<_>>(), ["plain"]);
    assert_eq!(both.parts.iter().map(subtype).collect::<Vec<_>>(), ["alternative", "plain", "html"]);
    let text = |message: &mail_parser::Message<'_>| message.body_text(0).unwrap().into_owned();
    assert_eq!(lasting(&text(&both)), lasting(&text(&plain)));
    assert!(text(&plain).contains("disk quota exceeded"));
    let page = both.body_html(0).unwrap();
    check_page(&page);
    assert!(page.contains("disk quota exceeded") && !page.contains("<style"), "{page}");
}

#[test]
fn ns8_sendmail_which_cannot_gets_the_plain_text() {
    let folder = tempfile::tempdir().unwrap();
    let (program, out) = (folder.path().join("sendmail"), folder.path().join("out"));
    install(&program, &format!("#!/bin/sh\ncat > {0}.part && mv {0}.part {0}\n", out.display()));
    let mut site = Site::new();
    let config = std::fs::read_to_string(site.service.path("config.yml")).unwrap();
    let own = format!("transport: ns8-sendmail\n  html: true\n  sendmail_command: [{}]\n", program.display());
    site.service.configure(&config.replace("transport: smtp\n", &own));
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    wait_until("a mail", || out.exists(), || site.service.log());
    let body = std::fs::read_to_string(&out).unwrap();
    assert!(body.starts_with("PARTIAL: of 2 modules") && body.contains("disk quota exceeded"), "{body}");
    assert!(!body.contains(['<', '>']) && !body.contains("multipart"), "{body}");
    site.service.done();
}
