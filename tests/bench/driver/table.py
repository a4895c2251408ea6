"""The table of results: a row for each measure, a column for each contender."""

import re
import statistics

PROGRAM = "ns8-backup-monitor"
FLOOR = "floor"
PYTHON = "Python architecture"
WEBHOOK = "webhook + shell"
# The same column: a shell script, where nothing has to be received.
SHELL = WEBHOOK
ALERTMANAGER = "Alertmanager"
COLUMNS = [PROGRAM, FLOOR, PYTHON, WEBHOOK, ALERTMANAGER]


def interleave(runs, contenders):
    """Runs every contender in turn, `runs` times (A B A B …), and gives the median of each."""
    samples = {name: [] for name in contenders}
    for _ in range(runs):
        for name, sample in contenders.items():
            samples[name].append(sample())
    return {name: statistics.median(values) for name, values in samples.items()}


class Table:
    def __init__(self):
        self.rows = []
        # What the program's own column says, by section and row: value, unit, whether more is better.
        self.own = {}

    def section(self, title):
        self.title = title
        self.rows.append([f"**{title}**"] + [""] * len(COLUMNS))
        print(f"… {title}", flush=True)

    def add(self, what, unit, values, more_is_better=False):
        """`values` by column. Beside each other column's value: how many times better the program is (for the floor:
        how many times worse)."""
        own = values.get(PROGRAM)
        if own is not None:
            # How many requests it took is no part of a row's name.
            name = re.sub(r": \d+ round trips, [\d,]+ requests", "", what)
            number = sum(1 for section, other, _ in self.own if (section, other) == (self.title, name))
            self.own[self.title, name, number] = (own, unit, more_is_better)
        cells = []
        for column in COLUMNS:
            value = values.get(column)
            if value is None:
                cells.append("")
            elif column == PROGRAM or not own or not value:
                cells.append(unit(value))
            else:
                ratio = own / value if more_is_better != (column == FLOOR) else value / own
                cells.append(f"{unit(value)} ({significant(ratio)}×)")
        self.rows.append([what, *cells])

    def render(self):
        return lined([["", *COLUMNS], *self.rows])


def lined(rows):
    """The rows as a table in Markdown."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def significant(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def seconds(value):
    for limit, factor, unit in ((1e-3, 1e6, "µs"), (1, 1e3, "ms")):
        if value < limit:
            return f"{significant(value * factor)} {unit}"
    return f"{significant(value)} s"


def size(value):
    for limit, factor, unit in ((2**20, 2**10, "KiB"), (2**30, 2**20, "MiB")):
        if value < limit:
            return f"{significant(value / factor)} {unit}" if value else "0"
    return f"{significant(value / 2**30)} GiB"


def rate(value):
    return f"{value:,.0f}/s"


def count(value):
    return f"{value:,.0f}"
