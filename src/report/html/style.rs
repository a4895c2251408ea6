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
    /// Returns the element's name.
    pub(super) fn name(self) -> &'static str {
        self.drawn().0
    }

    /// Returns the element's name, its class in the sheet, and its inline style but for the colour of a mark.
    fn drawn(self) -> (&'static str, &'static str, &'static str) {
        const LINES: &str = "white-space:pre-wrap;word-break:break-word;font-family:monospace;margin:6px 0";
        match self {
            Self::Body => ("body", "", "font-family:sans-serif;line-height:1.5;max-width:48em;margin:0;padding:8px"),
            Self::Verdict => ("p", "verdict", "font-size:18px;margin:0 0 12px"),
            Self::Paragraph => ("p", "", "margin:6px 0"),
            Self::Fields => ("dl", "", "margin:12px 0"),
            Self::Label => ("dt", "", "font-weight:bold"),
            Self::Value => ("dd", "", "margin:0 0 4px"),
            Self::Entry => ("article", "", "padding:4px 12px;margin:12px 0;border-left:4px solid #767676"),
            Self::MarkedEntry(mark) => {
                ("article", class(mark), "padding:4px 12px;margin:12px 0;border-left:4px solid ")
            }
            Self::List => ("ul", "", "padding-left:20px"),
            Self::Item => ("li", "", "margin:4px 0"),
            Self::Quote => ("pre", "log", LINES),
            Self::Command => ("pre", "command", LINES),
            Self::Foot => ("p", "", "font-size:13px;margin:2px 0"),
            Self::Mark(mark) => ("span", class(mark), "font-weight:bold;color:"),
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
        let (name, class, style) = tag.drawn();
        let colour = match tag {
            Tag::MarkedEntry(Mark::Good) | Tag::Mark(Mark::Good) => "#0a6b2d",
            Tag::MarkedEntry(Mark::Bad) | Tag::Mark(Mark::Bad) => "#b00020",
            Tag::MarkedEntry(Mark::Absent) | Tag::Mark(Mark::Absent) => "#7a5200",
            _ => "",
        };
        match (self, class) {
            (Self::Inline, _) => format!("<{name} style=\"{style}{colour}\">"),
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
