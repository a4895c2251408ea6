"""4. A storm of alerts."""

import statistics

from memory import storm
from services import LONG, SERVICES, FloorEach
from table import FLOOR, PROGRAM, PYTHON, WEBHOOK, rate, seconds

EACH = "an fsync for each"


def measure(bench, table):
    SERVICES[EACH] = FloorEach
    table.section("A storm of alerts over 64 connections; the peers keep nothing on disk")
    for plans in (1, 100):
        results = {name: [] for name in bench.contenders((PROGRAM, FLOOR, EACH, PYTHON, WEBHOOK))}
        for _ in range(bench.runs(5)):
            for name, done in results.items():
                done.append(run(bench, name, plans))
        of = "of 1 plan" if plans == 1 else f"of {plans} plans"
        floors = {FLOOR: "the floor: group commit", EACH: "the floor: an fsync for each"}
        for floor, called in floors.items():
            columns = {PROGRAM: PROGRAM, floor: FLOOR, PYTHON: PYTHON, WEBHOOK: WEBHOOK}
            values = {column: median(results[name], "rate") for name, column in columns.items() if name in results}
            table.add(f"alerts {of} to 2xx; {called}", rate, values, more_is_better=True)
        for quantile, called in (("p50", "median"), ("p99", "99th percentile")):
            values = {name: median(done, quantile) for name, done in results.items()}
            table.add(f"alerts {of} to 2xx, {called}", seconds, values)


def run(bench, name, plans):
    # At webhook each alert leaves a sleeping process behind.
    alerts = 300 if name == WEBHOOK else bench.runs(2_000 if name == PYTHON else 10_000)
    with bench.service(name, wait=LONG) as service:
        result = storm(bench, service, alerts, plans)
    assert result["refused"] == 0, (name, result)
    return {**result, "rate": alerts / result["seconds"]}


def median(results, key):
    return statistics.median(result[key] for result in results)
