//! The page in a real browser: Chromium, as the distribution has it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::golden::all_cases;
use super::*;
use crate::support::programs::path_of;
use ns8_backup_monitor::report::{html, json};

/// Loads `page` and returns the document as the browser has it, and what the page made the browser request.
pub(crate) fn load(page: &str) -> (String, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (file, net_log) = (folder.path().join("page.html"), folder.path().join("net.json"));
    std::fs::write(&file, page).unwrap();
    let option = |name: &str, path: &Path| format!("--{name}={}", path.display());
    let output = Command::new(path_of("chromium"))
        .args(["--headless", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage", "--dump-dom"])
        // The browser's own sandbox does not work for root, and its own requests are to go nowhere.
        .args(["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"])
        .args([option("user-data-dir", &folder.path().join("profile")), option("log-net-log", &net_log)])
        .arg(format!("file://{}", file.display()))
        .env("HOME", folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (String::from_utf8(output.stdout).unwrap(), requests(&std::fs::read_to_string(net_log).unwrap()))
}

/// The addresses that a page asked for; what the browser asks for by itself has no initiator.
fn requests(net_log: &str) -> Vec<String> {
    let log: Value = serde_json::from_str(net_log).unwrap();
    let by_page = |event: &Value| {
        let initiator = event["params"]["initiator"].as_str()?;
        (initiator != "not an origin").then(|| event["params"]["url"].as_str().unwrap_or_default().to_string())
    };
    log["events"].as_array().unwrap().iter().filter_map(by_page).collect()
}

/// The texts of all elements with this start tag, without their marks-up.
pub(crate) fn texts(html: &str, start: &str) -> Vec<String> {
    let name = start.trim_start_matches('<').split([' ', '>']).next().unwrap();
    let end = format!("</{name}>");
    let elements = html.split(start).skip(1).map(|rest| rest.split(&end).next().unwrap());
    let plain = |element: &str| -> String {
        let parts = format!("<>{element}");
        parts.split('<').filter_map(|part| Some(part.split_once('>')?.1)).collect::<String>().trim().into()
    };
    elements.map(plain).collect()
}

#[test]
fn the_browser_shows_what_the_json_says_and_requests_nothing() {
    let case = all_cases().into_iter().find(|case| case.name == "fortnight").unwrap();
    let (dom, requests) = load(&case.report(Language::En, |report| html(std::slice::from_ref(report), Language::En)));
    let json = case.report(Language::En, json);
    assert_eq!(requests, [""; 0]);
    assert_eq!(texts(&dom, "<h1>"), [format!("✗ {}", json["outcome"].as_str().unwrap())]);
    let headings = texts(&dom, "<h2>");
    let counts = &json["counts"];
    for heading in [
        format!("Failed ({})", counts["error"]),
        format!("Without a result of this run ({})", counts["absent"]),
        format!("Backed up ({})", counts["success"]),
    ] {
        assert!(headings.contains(&heading), "{heading} is not among {headings:?}");
    }
    let entries = texts(&dom, "<h3>").into_iter().chain(texts(&dom, "<li>")).collect::<Vec<_>>();
    for module in json["modules"].as_array().unwrap() {
        let mark = match module["state"].as_str().unwrap() {
            "success" => '✓',
            "error" => '✗',
            _ => '–',
        };
        let start = format!("{mark} {} ({})", module["id"].as_str().unwrap(), module["name"].as_str().unwrap());
        assert!(entries.iter().any(|entry| entry.starts_with(&start)), "{start} is not among {entries:?}");
    }
    let rows = texts(&dom, "<th scope=\"row\">");
    assert_eq!(rows.len(), json["modules"].as_array().unwrap().len());
    assert_eq!(rows[..2], ["nextcloud2", "samba1"], "those in trouble come first");
}

/// The test above can see a request.
#[test]
fn a_page_that_loads_something_is_noticed() {
    let (_, requests) = load("<html><body><img src=\"http://127.0.0.1:1/x.png\"></body></html>");
    assert_eq!(requests, ["http://127.0.0.1:1/x.png"]);
}
