//! Finds keys and list items in the text of a YAML file: to name a key's line, and to change a value while every other
//! byte stays as it is.
//!
//! It understands block style as people and programs write configuration files, not all of YAML. An edit must therefore
//! parse the result and compare it, so that a text that was misunderstood is never written.

use std::ops::Range;

use serde::de::{DeserializeOwned, Error};

/// Most brackets that may be open at once in a YAML text.
const MAX_OPEN: usize = 100;

/// Returns a text in two parts: the byte order mark that some editors put first, which is empty for most texts, and the
/// rest.
pub(crate) fn split_mark(text: &str) -> (&str, &str) {
    let mark = '\u{feff}';
    text.split_at(if text.starts_with(mark) { mark.len_utf8() } else { 0 })
}

/// Parses a YAML text.
///
/// # Errors
/// Returns an error if it is none, or if more than [`MAX_OPEN`] brackets are open at once: the reader's time grows with
/// their square. Those in texts and comments count as well, so that nothing can hide the others.
pub(crate) fn parse_yaml<T: DeserializeOwned>(text: &str) -> Result<T, serde_yaml::Error> {
    let mut open = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > MAX_OPEN {
            return Err(Error::custom(format!("more than {MAX_OPEN} brackets, [ or {{, are open at once")));
        }
    }
    serde_yaml::from_str(text)
}

/// Returns the lines of a text, each with its line end.
pub(crate) fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Returns the indentation of a line; `None` for one that holds no more than a comment.
pub(crate) fn indent(line: &str) -> Option<usize> {
    let content = line.trim_start_matches(' ');
    (!content.trim().is_empty() && !content.starts_with('#')).then(|| line.len() - content.len())
}

/// Returns the text after `key:` on a line that is indented by `columns`; `None` if the line does not hold that key.
pub(crate) fn value_of<'a>(line: &'a str, columns: usize, key: &str) -> Option<&'a str> {
    let content = line[indent(line).filter(|&found| found == columns)?..].trim_end();
    let bare = |quote: char| content.strip_prefix(quote)?.strip_prefix(key)?.strip_prefix(quote);
    let rest = content.strip_prefix(key).or_else(|| bare('"')).or_else(|| bare('\''))?;
    let value = rest.trim_start_matches(' ').strip_prefix(':')?;
    (value.is_empty() || value.starts_with(' ')).then(|| value.trim())
}

/// Returns the line within `range` that holds `key`, indented by `columns`.
pub(crate) fn find(lines: &[&str], range: Range<usize>, columns: usize, key: &str) -> Option<usize> {
    range.into_iter().find(|&n| value_of(lines[n], columns, key).is_some())
}

/// Returns the line, counted from 1, of the key at `path`, or of the nearest section above it that has a line of its
/// own.
pub(super) fn line_of(text: &str, path: &[String]) -> Option<usize> {
    let lines = lines(text);
    let mut range = 0..lines.len();
    let mut found = None;
    for key in path {
        let columns = first_indent(&lines, range.clone()).unwrap_or(0);
        let Some(line) = find(&lines, range, columns, key) else { break };
        found = Some(line + 1);
        range = block(&lines, line);
    }
    found
}

/// Returns the lines that make up the value of the key on line `key`, without comments and blank lines at the end.
pub(crate) fn block(lines: &[&str], key: usize) -> Range<usize> {
    let columns = indent(lines[key]).unwrap_or(0);
    let belongs = |line: &str, found: usize| found > columns || found == columns && is_item(line);
    let mut end = key + 1;
    for (n, line) in lines.iter().enumerate().skip(key + 1) {
        match indent(line) {
            Some(found) if belongs(line, found) => end = n + 1,
            Some(_) => break,
            None => {}
        }
    }
    key + 1..end
}

/// Returns the items of the list that a block is; none if it is no list.
pub(crate) fn items(lines: &[&str], block: Range<usize>) -> Vec<Range<usize>> {
    let Some(columns) = first_indent(lines, block.clone()) else { return Vec::new() };
    let starts: Vec<usize> =
        block.clone().filter(|&n| indent(lines[n]) == Some(columns) && is_item(lines[n])).collect();
    let ends = starts.iter().skip(1).copied().chain([block.end]);
    let last = |start: usize, end: usize| (start..end).rev().find(|&n| indent(lines[n]).is_some()).unwrap_or(start);
    starts.iter().zip(ends).map(|(&start, end)| start..last(start, end) + 1).collect()
}

/// Returns the indentation of a block's first line.
pub(crate) fn first_indent(lines: &[&str], block: Range<usize>) -> Option<usize> {
    lines[block].iter().find_map(|line| indent(line))
}

/// Returns whether a line begins an item of a list.
fn is_item(line: &str) -> bool {
    let content = line.trim();
    content == "-" || content.starts_with("- ")
}

/// Returns the line end of a line; a line that is added beside it gets the same.
pub(crate) fn line_end(line: &str) -> &'static str {
    if line.ends_with("\r\n") { "\r\n" } else { "\n" }
}

/// Returns a YAML text in single quotes.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# head
a: 1
'list' :   # why
# about one
- one: 1
  more: 2

  # inside

# about two
- two

# about b
b:
    c: x
";

    #[test]
    fn a_text_with_too_many_open_brackets_is_not_parsed() {
        let parse = |text: &str| parse_yaml::<serde_yaml::Value>(text).map_err(|error| error.to_string());
        assert!(parse(&format!("a: {}{}", "[".repeat(20), "]".repeat(20))).is_ok());
        assert!(parse(&"- '{{ x }} [a]'\n".repeat(1000)).is_ok());
        for text in ["[", "{", "[\n", "{[}\n["] {
            let error = parse(&format!("a: {}", text.repeat(200_000))).unwrap_err();
            assert_eq!(error, "more than 100 brackets, [ or {, are open at once");
        }
    }

    #[test]
    fn finds_keys_blocks_and_items() {
        let lines = lines(TEXT);
        let list = find(&lines, 0..lines.len(), 0, "list").unwrap();
        assert_eq!((list, value_of(lines[list], 0, "list")), (2, Some("# why")));
        assert_eq!(block(&lines, list), 3..11);
        assert_eq!(items(&lines, block(&lines, list)), [4..6, 10..11]);
        assert_eq!(find(&lines, 0..lines.len(), 0, "c"), None);
        assert_eq!(find(&lines, 14..15, 4, "c"), Some(14));
        assert!(items(&lines, block(&lines, 13)).is_empty());
    }
}
