"""6. What is installed, and what it takes to build it."""

import glob
import os
import subprocess
import sys
import tempfile
import time

from machine import output
from table import ALERTMANAGER, PROGRAM, PYTHON, WEBHOOK, count, seconds, size

VERSION = f"3.{sys.version_info.minor}"
PYTHON_PACKAGES = [f"python{VERSION}-minimal", f"libpython{VERSION}-minimal", f"libpython{VERSION}-stdlib"]


def measure(bench, table):
    table.section("Size")
    table.add("binary (Python: its interpreter)", size, {
        PROGRAM: os.path.getsize(bench.binary),
        PYTHON: os.path.getsize(os.path.realpath("/usr/bin/python3")),
        WEBHOOK: os.path.getsize("/usr/bin/webhook"),
        ALERTMANAGER: os.path.getsize(glob.glob("/usr/bin/*alertmanager")[0]),
    })
    if bench.alone:
        return
    subprocess.run(["make", "-s", "deb"], stdout=subprocess.DEVNULL, check=True)
    packages = sorted(glob.glob("dist/*.deb"), key=os.path.getmtime)
    table.add("package (Python: its interpreter's three)", size, {
        PROGRAM: os.path.getsize(packages[-1]),
        PYTHON: sum(map(download, PYTHON_PACKAGES)),
        WEBHOOK: download("webhook"),
        ALERTMANAGER: download("prometheus-alertmanager"),
    })
    crates = output("cargo", "tree", "--locked", "-e", "normal", "--prefix", "none", "-f", "{p}").splitlines()
    table.add("crates it is made of, itself included", count, {PROGRAM: len({line.split()[0] for line in crates})})
    if not bench.quick:
        with tempfile.TemporaryDirectory(dir="target") as folder:
            start = time.perf_counter()
            subprocess.run(["cargo", "build", "-q", "--release", "--locked", "--target-dir", folder], check=True)
            table.add("clean release build", seconds, {PROGRAM: time.perf_counter() - start})


def download(package):
    """How large the distribution's package is."""
    sizes = [line.split()[1] for line in output("apt-cache", "show", "--no-all-versions", package).splitlines()
             if line.startswith("Size:")]
    return int(sizes[0]) if sizes else 0
