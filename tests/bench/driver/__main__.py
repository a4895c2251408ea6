"""Runs the measurements and prints one table. See `run` in the folder above."""

import argparse
import shutil
import tempfile

import correlate
import machine
import mail
import memory
import size
import start
import storm
from services import Bench
from table import Table

PARTS = {part.__name__: part for part in (start, memory, correlate, storm, mail, size)}


def main():
    parser = argparse.ArgumentParser(description="Figures, side by side with what a user would pick instead")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these: {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="fewer runs of each")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    # Beside the build, on a real disk: a temporary folder may be kept in memory, where fsync costs nothing.
    folder = tempfile.mkdtemp(prefix="bench-", dir="target")
    table = Table()
    try:
        with Bench(folder, quick=options.quick) as bench:
            for name in options.parts or PARTS:
                PARTS[name].measure(bench, table)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        # Also where it ends early: what has been measured so far.
        print(f"\n{machine.describe()}\n\n{table.render()}")


main()
