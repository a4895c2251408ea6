//! Times, sizes and numbers.

use super::phrases;

phrases! {
    decimal_point() { En: ".", It: "," }
    thousands() { En: ",", It: "." }
    days() { En: "d", It: "g" }
    took(duration: &str) { En: "took {duration}", It: "durata {duration}" }
    files(count: &str) { En: "files: {count}", It: "file: {count}" }
    snapshots(count: &str) { En: "snapshots: {count}", It: "snapshot: {count}" }
    since(time: &str) { En: "since {time}", It: "dal {time}" }
    ago(age: &str) { En: "{age} ago", It: "{age} fa" }
    in_the_future() { En: "in the future", It: "nel futuro" }
    period(start: &str, end: &str) { En: "{start} to {end}", It: "{start} - {end}" }
    and_more(count: &str) { En: "and {count} more", It: "e altri {count}" }
    more(count: &str, names: &str) { En: "{count} more: {names}.", It: "Altri {count}: {names}." }
    or_more(count: &str) { En: "{count} or more", It: "{count} o più" }
    left_out(count: &str) { En: "({count} more, left out here)", It: "(altri {count}, qui omessi)" }
}
