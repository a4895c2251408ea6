use proptest::prelude::*;

use super::*;

/// Adds receiver and route as a configured program does.
fn patch(text: &str, webhook: &Webhook) -> Result<String, String> {
    super::patch(text, webhook, true)
}

fn webhook() -> Webhook {
    Webhook::new(&crate::config::defaults().receiver)
}

/// Configurations as programs and people write them.
const TEXTS: [&str; 8] = [
    // NS8's shape.
    "---
global:
  smtp_smarthost: localhost:25
route:
  group_by: ['alertname', 'node']
  group_wait: 30s
  receiver: default
  routes:
    - receiver: default
      continue: true
      matchers: [ 'service=~\".*\"' ]
    - receiver: 'null'
      matchers: [ 'severity=\"none\"' ]
receivers:
  - name: default
    webhook_configs: [ { url: 'http://127.0.0.1:9095' } ]
  - name: 'null'
inhibit_rules:
  - source_matchers: [ alertname=\"a\" ]
    target_matchers: [ alertname=\"b\" ]
",
    // No routes.
    "route:\n  receiver: a\nreceivers:\n- name: a\n",
    // An empty list of them, with a comment; the receivers come first; no line end at the end.
    "receivers:\n- name: a\nroute:\n  receiver: a\n  routes: [] # none yet",
    // Comments everywhere, four columns.
    "# head\nroute:   # where to\n    # about the receiver\n    receiver: a\n\n    # about the routes\n    routes: # list\n\
     \n        # first\n        - receiver: b # or a\n          # inside\n          continue: true\n        # last\n\
     \n# about receivers\nreceivers:\n    # a\n    - name: a\n    # b\n    - name: b\n# foot\n",
    // Items as far left as their key.
    "route:\n  routes:\n  - receiver: b\n    routes:\n    - receiver: a\n  receiver: a\nreceivers:\n- name: a\n- name: b\n",
    // Windows' line ends.
    "route:\r\n  receiver: a\r\nreceivers:\r\n- name: a\r\n",
    // Quoted keys and names, templates after them.
    "\"route\":\n  \"receiver\": \"a\"\n  'routes':\n  -   receiver: 'a'\n'receivers':\n-   name: 'a'\ntemplates:\n- '*.tmpl'\n",
    // A multi-line text that looks like keys.
    "receivers:\n- name: a\n  slack_configs:\n  - text: |\n      routes:\n      - receiver: x\nroute:\n  receiver: a\n",
];

#[test]
fn what_was_put_in_comes_out_again_to_the_byte() {
    for text in TEXTS {
        let patched = patch(text, &webhook()).unwrap();
        assert_ne!(patched, text);
        assert_eq!(patch(&patched, &webhook()).unwrap(), patched, "a second time changes nothing");
        assert_eq!(remove(text).unwrap(), text, "nothing to take out");
        let removed = remove(&patched).unwrap();
        let expected = if text.ends_with("yet") { format!("{text}\n") } else { text.into() };
        assert_eq!(removed, expected);
    }
}

#[test]
fn every_line_that_was_there_stays_as_it_was() {
    for text in TEXTS.into_iter().filter(|text| !text.contains("[] #")) {
        let patched = patch(text, &webhook()).unwrap();
        let mut kept = patched.lines();
        assert!(text.lines().all(|line| kept.any(|found| found == line)), "{text}\n{patched}");
    }
}

#[test]
fn an_old_one_is_renewed_and_moved_to_the_front() {
    let text = "route:\n  receiver: a\n  routes:\n  - receiver: a\n  - receiver: ns8-backup-monitor\n    group_wait: 1s\n\
                receivers:\n- name: a\n# ours\n- name: ns8-backup-monitor\n";
    let patched = patch(text, &webhook()).unwrap();
    assert_eq!(patched.matches(NAME).count(), 2);
    assert!(patched.find(NAME) < patched.find("- receiver: a"));
    assert!(patched.contains("# ours"));
}

#[test]
fn an_old_one_that_is_the_only_receiver_is_renewed() {
    let old = format!("receivers: # all\n- name: {NAME}\n  webhook_configs:\n  - url: http://old/\n");
    for route in ["route:\n  receiver: NAME\n", "route:\n  receiver: NAME\n  routes:\n  - receiver: NAME\n"] {
        let route = route.replace("NAME", NAME);
        for text in [old.clone() + &route, route.clone() + &old] {
            let patched = patch(&text, &webhook()).unwrap();
            assert_eq!(patch(&patched, &webhook()).as_ref(), Ok(&patched));
            assert!(
                patched.contains("9099") && !patched.contains("http://old/") && patched.contains("# all"),
                "{patched}"
            );
        }
    }
}

#[test]
fn what_cannot_be_edited_safely_is_refused() {
    for text in [
        "route: {receiver: a}\nreceivers:\n- name: a\n",
        "route:\n  receiver: a\nreceivers: [{name: a}]\n",
        "route: &r\n  receiver: a\nreceivers:\n- name: a\nother: *r\n",
        "route:\n  receiver: a\n  routes: [{receiver: a}]\nreceivers:\n- name: a\n",
    ] {
        assert_eq!(patch(text, &webhook()).unwrap_err(), UNUSUAL, "{text}");
    }
    for text in ["", "a: [", "receivers:\n- name: a\n", "a: 1\n---\nb: 2\n"] {
        assert!(patch(text, &webhook()).is_err(), "{text}");
    }
}

#[test]
fn a_receiver_that_others_use_is_not_taken_away() {
    let text = "route:\n  receiver: ns8-backup-monitor\nreceivers:\n- name: ns8-backup-monitor\n";
    assert!(remove(text).unwrap_err().contains("not ours"));
    let text = "route:\n  receiver: a\n  routes:\n  - receiver: ns8-backup-monitor\n    routes:\n    - receiver: a\n\
                receivers:\n- name: a\n- name: ns8-backup-monitor\n";
    assert!(remove(text).unwrap_err().contains("not ours"));
    assert!(patch(text, &webhook()).unwrap().contains("repeat_interval"));
}

#[test]
fn names_are_matched_as_they_are() {
    let mut webhook = webhook();
    webhook.names = vec!["a.b".into(), "it's \"c\"".into()];
    assert_eq!(webhook.matcher(), r#"alertname =~ "a\\.b|it's \"c\"""#);
    let patched = patch(TEXTS[1], &webhook).unwrap();
    assert!(patched.contains(r#"- 'alertname =~ "a\\.b|it''s \"c\""'"#), "{patched}");
}

/// A configuration in some hand: order, indentation, comments, blank lines, quotes and line ends vary.
fn some_config() -> impl Strategy<Value = String> {
    let style = (0..3_usize, 1..4_usize, any::<[bool; 5]>(), 0..4_usize, 1..4_usize);
    style.prop_map(|(list, map, [route_first, blank, comments, quotes, windows], routes, receivers)| {
        let (item, inner) = (" ".repeat(list * 2), " ".repeat(map));
        let quote = |text: &str| if quotes { format!("\"{text}\"") } else { text.into() };
        let gap = [if blank { "\n" } else { "" }, if comments { "   # a: - remark\n" } else { "" }].concat();
        let names: String = (0..receivers)
            .map(|n| {
                format!(
                    "{gap}{item}- name: {}\n{item}  webhook_configs:\n{gap}{item}  - url: http://x/#{n}\n",
                    quote(&n.to_string())
                )
            })
            .collect();
        let children: String = (1..routes)
            .map(|_| format!("{gap}{inner}{item}- receiver: '0'\n{gap}{inner}{item}  continue: true # why\n"))
            .collect();
        let routes = match routes {
            0 => String::new(),
            1 => format!("{inner}routes: []\n"),
            _ => format!("{inner}routes:\n{children}"),
        };
        let route = format!("{}: # r\n{gap}{inner}receiver: '0'\n{routes}{gap}", quote("route"));
        let receivers = format!("{gap}{}:\n{names}{gap}", quote("receivers"));
        let text = if route_first { route + &receivers } else { receivers + &route };
        if windows { text.replace('\n', "\r\n") } else { text }
    })
}

proptest! {
    #[test]
    fn whatever_the_hand_it_goes_in_once_and_comes_out_to_the_byte(text in some_config()) {
        let patched = patch(&text, &webhook()).unwrap();
        prop_assert_eq!(&patch(&patched, &webhook()).unwrap(), &patched);
        prop_assert_eq!(remove(&patched).unwrap(), text);
    }

    #[test]
    fn no_text_is_too_odd(text in "(route|receivers|name|routes|[-:# \n\\[\\]{}&*|>'\"a]){0,40}") {
        let _ = patch(&text, &webhook());
        let _ = remove(&text);
    }
}
