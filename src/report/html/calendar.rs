//! The last runs as a table: a row for each module, a cell for each run, sizes as a line.

use super::Html;
use super::style::{Style, Tag, class};
use crate::report::blocks::{Calendar, CalendarRow, Mark};

/// The line's width and height, in its own units.
const WIDTH: u128 = 70;
const HEIGHT: u128 = 20;

impl Html {
    pub(super) fn calendar(&mut self, calendar: &Calendar) {
        match self.style {
            Style::Sheet => self.table(calendar),
            Style::Inline => self.list(calendar),
        }
    }

    fn table(&mut self, calendar: &Calendar) {
        self.element(Tag::Paragraph, &calendar.drawn_legend);
        self.around(
            "<div class=\"runs\" tabindex=\"0\" role=\"region\" aria-label=\"",
            &calendar.title,
            "\">\n<table>\n<thead><tr>",
        );
        self.column(&calendar.module);
        for (head, run) in calendar.heads.iter().zip(&calendar.runs) {
            self.around(&format!("<th scope=\"col\"><time datetime=\"{run}\" title=\""), head, "\">");
            // The day of `2026-11-22 02:00`; the whole of it is the title.
            self.escaped(head.get(8..10).unwrap_or(head));
            self.raw("</time></th>");
        }
        self.column(&calendar.size);
        self.column(&calendar.last_good);
        self.raw("</tr></thead>\n<tbody>\n");
        calendar.rows.iter().for_each(|row| self.row(row));
        self.raw("</tbody>\n</table>\n</div>\n");
    }

    fn column(&mut self, label: &str) {
        self.around("<th scope=\"col\">", label, "</th>");
    }

    fn row(&mut self, row: &CalendarRow) {
        self.around("<tr><th scope=\"row\">", &row.name, "</th>");
        for cell in &row.cells {
            match cell {
                Some(mark) => self.raw(&format!("<td class=\"{}\">{}</td>", class(*mark), mark.drawn())),
                None => self.raw("<td></td>"),
            }
        }
        self.raw("<td>");
        self.raw(&line(row));
        self.escaped(&row.size);
        self.around("</td><td class=\"t\">", &row.last_good, "</td></tr>\n");
    }

    /// The same for a mail program, which is narrow and draws nothing: the marks in a row.
    fn list(&mut self, calendar: &Calendar) {
        self.element(Tag::Paragraph, &calendar.drawn_legend);
        self.open(Tag::List);
        self.raw("\n");
        for row in &calendar.rows {
            self.open(Tag::Item);
            self.around("<strong>", &row.name, "</strong> ");
            for cell in &row.cells {
                match cell {
                    Some(Mark::Good) => self.text.push(Mark::Good.drawn()),
                    Some(mark) => {
                        self.open(Tag::Mark(*mark));
                        self.raw(&format!("{}</span>", mark.drawn()));
                    }
                    None => self.raw("·"),
                }
            }
            self.escaped(&format!(" {} · {}", row.size, row.last_good));
            self.raw("</li>\n");
        }
        self.raw("</ul>\n");
    }
}

/// The sizes as a line; its top is the largest of the row. Runs without a size leave no point.
fn line(row: &CalendarRow) -> String {
    let largest = row.sizes.iter().flatten().max().copied().unwrap_or(0).max(1);
    let last = row.sizes.len().saturating_sub(1).max(1) as u128;
    let point = |(n, size): (usize, &Option<u64>)| {
        let y = HEIGHT - 2 - u128::from((*size)?) * (HEIGHT - 4) / u128::from(largest);
        Some(format!("{},{y}", 2 + n as u128 * (WIDTH - 4) / last))
    };
    let points: Vec<String> = row.sizes.iter().enumerate().filter_map(point).collect();
    if points.len() < 2 {
        return String::new();
    }
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" aria-hidden=\"true\"><polyline points=\"{}\"/></svg>",
        points.join(" ")
    )
}
