"""3. Reading a plan's modules from Redis."""

import json
import os
import statistics
import subprocess
import time

from redis import PLAN, Recorder
from services import MEASURE, PEERS, Python, Webhook
from table import FLOOR, PROGRAM, PYTHON, WEBHOOK, seconds


def measure(bench, table):
    table.section("Correlation: reading a plan (the floor: the same requests, one bare pipeline)")
    for layout in "ABC":
        for modules in (10, 100, 1_000, 10_000):
            if bench.quick and modules == 10_000:
                continue
            bench.redis.fill(layout, modules)
            row(bench, table, layout, modules)


def row(bench, table, layout, modules):
    recorder = Recorder(bench.redis, bench.folder)
    requests = os.path.join(bench.folder, "requests")
    read(recorder.socket, os.devnull, 0, 1)
    recorder.close()
    with open(requests, "wb") as file:
        file.write(recorder.sent)
    count = count_requests(recorder.sent)

    peers = {PYTHON: lambda: python(bench, layout), WEBHOOK: lambda: webhook(bench, layout)}
    # A peer takes a process for each key: half a minute at 10,000 modules.
    rounds = 1 if modules >= 10_000 and layout != "C" else 3 if modules >= 1_000 else bench.runs(10)
    samples = {name: [] for name in (PROGRAM, FLOOR, *peers)}
    for _ in range(rounds):
        result = read(bench.redis.socket, requests, count, 15)
        assert result["modules"] == modules, result
        samples[PROGRAM] += result["program"]
        samples[FLOOR] += result["floor"]
        for name, peer in peers.items():
            samples[name].append(peer())
    what = f"layout {layout}, {modules:,} modules: {recorder.round_trips} round trips, {count:,} requests"
    table.add(what, seconds, {name: statistics.median(values) for name, values in samples.items()})


def read(redis, requests, count, runs):
    done = subprocess.run([MEASURE, "correlate", redis, PLAN, requests, str(count), str(runs)], stdout=subprocess.PIPE,
                          text=True, check=True)
    return json.loads(done.stdout)


def count_requests(sent):
    """How many requests these are: arrays of strings in Redis's protocol."""
    lines = iter(sent.split(b"\r\n"))
    count = 0
    for line in lines:
        if line.startswith(b"*"):
            count += 1
            for _ in range(2 * int(line[1:])):
                next(lines)
    return count


def python(bench, layout):
    command = Python(bench, layout=layout).command("correlate", PLAN)
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def webhook(bench, layout):
    environment = {**os.environ, **Webhook(bench, layout=layout).environment()}
    start = time.perf_counter()
    subprocess.run([os.path.join(PEERS, "webhook.sh"), "correlate", PLAN], env=environment, check=True)
    return time.perf_counter() - start
