"""8. Why modules failed, out of a journal of 1 GB and out of a log server."""

import http.client
import json
import os
import subprocess
import time

import cost
import journal
from loki import Loki
from services import PEERS
from table import FLOOR, PROGRAM, PYTHON, SHELL, interleave, seconds, size

WINDOW = (journal.BEGIN, journal.BEGIN + journal.DURATION)


def measure(bench, table):
    folder = journal.folder()
    table.section(f"Why modules failed, from a journal of {journal.size() / 1e9:.1f} GB (floor: journalctl's same "
                  "records, dropped)")
    for failed in (1, 10, 100):
        from_journal(bench, table, folder, failed)
    table.section("Why modules failed, from a log server (floor: its same answers, dropped)")
    server = Loki()
    for failed in (1, 10, 100):
        from_loki(bench, table, server, failed)
    server.shutdown()


def from_journal(bench, table, folder, failed):
    modules, floor = journal.FAILED[:failed], same_journalctl(bench, folder, journal.FAILED[:failed])
    script = [os.path.join(PEERS, "reasons.sh"), folder, *map(str, WINDOW), *modules]
    commands = bench.contenders({
        FLOOR: floor,
        # All that the node said meanwhile: what one script reads once.
        PYTHON: ["/usr/bin/python3", os.path.join(PEERS, "python-reasons"), folder, *map(str, WINDOW), *modules],
        SHELL: script,
        PROGRAM: ask(bench, folder, "-", modules),
    })
    samples = {name: lambda command=command: elapsed(command) for name, command in commands.items()}
    samples[PROGRAM] = lambda: asked(bench, folder, "-", modules)["seconds"]
    table.add(f"{failed} of {len(journal.FAILED)} failed modules", seconds, interleave(3, samples))
    table.add("… peak memory of its largest process", size,
              {name: cost.peak(command) for name, command in commands.items()})
    table.add("… peak memory of the program without journalctl", size,
              {PROGRAM: asked(bench, folder, "-", modules)["resident"]})


def from_loki(bench, table, server, failed):
    modules, address = journal.FAILED[:failed], f"127.0.0.1:{server.port}"
    server.asked.clear()
    peak = asked(bench, "-", address, modules)["resident"]
    paths = list(server.asked)
    samples = bench.contenders({
        PROGRAM: lambda: asked(bench, "-", address, modules)["seconds"],
        FLOOR: lambda: replay(server.port, paths, lambda body: None),
        PYTHON: lambda: replay(server.port, paths, parse),
    })
    table.add(f"{failed} of {len(journal.FAILED)} failed modules, {len(paths)} requests", seconds,
              interleave(bench.runs(20), samples))
    table.add("… peak memory", size, {PROGRAM: peak})


def ask(bench, folder, loki, modules):
    return [bench.measure, "reasons", folder, loki, journal.NODE, journal.PLAN, *map(str, WINDOW), ",".join(modules)]


def asked(bench, folder, loki, modules, environment=None):
    done = subprocess.run(ask(bench, folder, loki, modules), stdout=subprocess.PIPE, text=True, check=True,
                          env=environment)
    result = json.loads(done.stdout)
    assert result["found"] == len(modules), result
    return result


def same_journalctl(bench, folder, modules):
    """The journalctl command that the program runs, heard by a stand-in before it on PATH."""
    place = bench.subfolder()
    stand_in, heard = os.path.join(place, "journalctl"), os.path.join(place, "heard")
    with open(stand_in, "w") as file:
        file.write(f"#!/bin/bash\nprintf '%s\\0' \"$@\" >{heard}\nexec /usr/bin/journalctl \"$@\"\n")
    os.chmod(stand_in, 0o700)
    asked(bench, folder, "-", modules, {**os.environ, "PATH": f"{place}:{os.environ['PATH']}"})
    with open(heard) as file:
        return ["/usr/bin/journalctl", *file.read().split("\0")[:-1]]


def elapsed(command):
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def replay(port, paths, take):
    start = time.perf_counter()
    for path in paths:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", path)
        take(connection.getresponse().read())
        connection.close()
    return time.perf_counter() - start


def parse(body):
    for stream in json.loads(body)["data"]["result"]:
        for _, line in stream["values"]:
            json.loads(line)["MESSAGE"]
