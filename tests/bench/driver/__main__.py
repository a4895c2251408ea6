"""Runs the measurements and prints one table. See `run` in the folder above."""

import argparse
import shutil
import tempfile

import compare
import correlate
import digest
import follow
import hostile
import machine
import mail
import memory
import reasons
import size
import start
import storm
import watch
from services import Bench
from table import Table

PARTS = {part.__name__: part
         for part in (start, memory, correlate, storm, mail, watch, reasons, follow, digest, hostile, size)}


def main():
    parser = argparse.ArgumentParser(description="Figures, side by side with what a user would pick instead")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these: {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="fewer runs of each")
    parser.add_argument("--compare", nargs=2, metavar=("OLD", "NEW"), help="two builds' folders: measures only these")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    # Beside the build, on a real disk: a temporary folder may be kept in memory, where fsync costs nothing.
    folder = tempfile.mkdtemp(prefix="bench-", dir="target")
    chosen = [PARTS[name] for name in options.parts or PARTS]
    try:
        if options.compare:
            compare.measure(folder, chosen, options.compare)
        else:
            measure(folder, chosen, options.quick)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(folder, parts, quick):
    table = Table()
    try:
        with Bench(folder, quick) as bench:
            for part in parts:
                part.measure(bench, table)
    finally:
        # Also where it ends early: what has been measured so far.
        machine.publish("target/bench/table.md", machine.describe(), table.render())


main()
