"""3. Reading a plan's modules from Redis."""

import json
import os
import statistics
import subprocess
import time

from redis import PLAN, Recorder, count_requests
from services import PEERS, Python, Webhook
from table import FLOOR, PROGRAM, PYTHON, WEBHOOK, seconds


def measure(bench, table):
    table.section("Correlation: reading a plan (the floor: the same requests, one bare pipeline, JSON parsed)")
    for layout in "ABC":
        for modules in (10, 100, 1_000, 10_000):
            if bench.quick and modules == 10_000:
                continue
            bench.redis.fill(layout, modules)
            row(bench, table, layout, modules)
    for layout in "ABC":
        bench.redis.fill(layout, 1_000)
        row(bench, table, layout, 1_000, "results")


def row(bench, table, layout, modules, *extent):
    """Reads the plan as a whole, or `results` alone, as the program does while it waits."""
    recorder = Recorder(bench.redis, bench.folder)
    requests = os.path.join(bench.folder, "requests")
    read(bench, recorder.socket, os.devnull, 0, 1, *extent)
    recorder.close()
    with open(requests, "wb") as file:
        file.write(recorder.sent)
    count = count_requests(recorder.sent)

    peers = {PYTHON: lambda: python(bench, layout), WEBHOOK: lambda: webhook(bench, layout)}
    if bench.alone or extent:
        peers = {}
    rounds = 3 if modules >= 1_000 else bench.runs(10)
    # A peer takes a process for each key: seconds at 1,000 modules, a minute at 10,000, where one of them is enough.
    patient = 1 if modules >= 1_000 and layout != "C" else rounds
    if modules >= 10_000 and layout != "C":
        peers.pop(WEBHOOK, None)
    samples = {name: [] for name in (PROGRAM, FLOOR, *peers)}
    for number in range(rounds):
        result = read(bench, bench.redis.socket, requests, count, 15, *extent)
        assert result["modules"] == modules, result
        samples[PROGRAM] += result["program"]
        samples[FLOOR] += result["floor"]
        for name, peer in peers.items() if number < patient else ():
            samples[name].append(peer())
    alone = ", results alone" if extent else ""
    what = f"layout {layout}, {modules:,} modules{alone}: {recorder.round_trips} round trips, {count:,} requests"
    medians = {name: statistics.median(values) for name, values in samples.items()}
    table.add(what, seconds, bench.contenders(medians))


def read(bench, redis, requests, count, runs, *extent):
    command = [bench.measure, "correlate", redis, PLAN, requests, str(count), str(runs), *extent]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def python(bench, layout):
    command = Python(bench, layout=layout).command("correlate", PLAN)
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def webhook(bench, layout):
    environment = {**os.environ, **Webhook(bench, layout=layout).environment()}
    start = time.perf_counter()
    subprocess.run([os.path.join(PEERS, "webhook.sh"), "correlate", PLAN], env=environment, check=True)
    return time.perf_counter() - start
