"""Two builds side by side: each part of the one, then of the other, in turns; the median of each row."""

import statistics
import subprocess
import tempfile

import machine
from services import Bench
from table import Table, lined, significant

ROUNDS = 3


def measure(folder, parts, builds):
    sides = [Samples(build) for build in builds]
    for number in range(ROUNDS):
        for part in parts:
            # The second is not always the one that finds everything warm.
            for side in sides if number % 2 == 0 else reversed(sides):
                with (tempfile.TemporaryDirectory(dir=folder) as own,
                      Bench(own, quick=True, build=side.build, alone=True) as bench):
                    side.run(part, bench)
    machine.publish("target/bench/compare.md", machine.describe(), render(*sides))


class Samples:
    """What was measured of one build, by row."""

    def __init__(self, build):
        self.build, self.rows = build, {}

    def run(self, part, bench):
        table = Table()
        try:
            part.measure(bench, table)
        except subprocess.CalledProcessError as error:
            # An older build may lack what a part calls.
            print(f"{self.build}: {part.__name__} ended early: {error}", flush=True)
        for row, measured in table.own.items():
            self.rows.setdefault(row, []).append(measured)


def render(old, new):
    rows, last = [["", "old", "new", "new / old"]], None
    for row in {**new.rows, **old.rows}:
        section, name, _ = row
        if section != last:
            rows.append([f"**{section}**", "", "", ""])
            last = section
        values = [median(side.rows.get(row)) for side in (old, new)]
        _, unit, more_is_better = (old.rows.get(row) or new.rows[row])[0]
        ratio = f"{significant(values[1] / values[0])}×" if all(values) else ""
        rows.append([name + (" (more is better)" if more_is_better else ""),
                     *("" if value is None else unit(value) for value in values), ratio])
    return lined(rows)


def median(measured):
    return statistics.median(value for value, _, _ in measured) if measured else None
