//! How the page looks: a style sheet, or the same as inline styles.

use crate::report::blocks::Mark;

/// Where the styles stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// In a sheet at the top of the page.
    Sheet,
    /// At each element.
    Inline,
}

/// The elements that have a style of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Body,
    Verdict,
    Paragraph,
    Fields,
    Label,
    Value,
    Entry,
    MarkedEntry(Mark),
    List,
    Item,
    Quote,
    Command,
    Foot,
    Mark(Mark),
}

impl Tag {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Verdict | Self::Paragraph | Self::Foot => "p",
            Self::Fields => "dl",
            Self::Label => "dt",
            Self::Value => "dd",
            Self::Entry | Self::MarkedEntry(_) => "article",
            Self::List => "ul",
            Self::Item => "li",
            Self::Quote | Self::Command => "pre",
            Self::Mark(_) => "span",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Quote => "log",
            Self::Command => "command",
            Self::MarkedEntry(mark) | Self::Mark(mark) => class(mark),
            _ => "",
        }
    }

    fn inline(self) -> &'static str {
        match self {
            Self::Body => "font-family:sans-serif;line-height:1.5;max-width:48em;margin:0;padding:8px",
            Self::Verdict => "font-size:18px;margin:0 0 12px",
            Self::Paragraph => "margin:6px 0",
            Self::Fields => "margin:12px 0",
            Self::Label => "font-weight:bold",
            Self::Value => "margin:0 0 4px",
            Self::Entry => "padding:4px 12px;margin:12px 0;border-left:4px solid #767676",
            Self::MarkedEntry(Mark::Good) => "padding:4px 12px;margin:12px 0;border-left:4px solid #0a6b2d",
            Self::MarkedEntry(Mark::Bad) => "padding:4px 12px;margin:12px 0;border-left:4px solid #b00020",
            Self::MarkedEntry(Mark::Absent) => "padding:4px 12px;margin:12px 0;border-left:4px solid #7a5200",
            Self::List => "padding-left:20px",
            Self::Item => "margin:4px 0",
            Self::Quote | Self::Command => {
                "white-space:pre-wrap;word-break:break-word;font-family:monospace;margin:6px 0"
            }
            Self::Foot => "font-size:13px;margin:2px 0",
            Self::Mark(Mark::Good) => "color:#0a6b2d;font-weight:bold",
            Self::Mark(Mark::Bad) => "color:#b00020;font-weight:bold",
            Self::Mark(Mark::Absent) => "color:#7a5200;font-weight:bold",
        }
    }
}

/// The class of what is marked.
pub(super) fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Good => "g",
        Mark::Bad => "b",
        Mark::Absent => "a",
    }
}

impl Style {
    /// Returns an element's opening tag.
    pub(super) fn open(self, tag: Tag) -> String {
        let name = tag.name();
        match (self, tag.class()) {
            (Self::Inline, _) => format!("<{name} style=\"{}\">", tag.inline()),
            (Self::Sheet, "") => format!("<{name}>"),
            (Self::Sheet, class) => format!("<{name} class=\"{class}\">"),
        }
    }

    /// Returns what stands in the page's head. The policy keeps a browser from loading or running anything.
    pub(super) fn sheet(self) -> &'static str {
        match self {
            Self::Inline => "",
            Self::Sheet => concat!(
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
                "<style>\n",
                include_str!("page.css"),
                "</style>\n"
            ),
        }
    }
}
