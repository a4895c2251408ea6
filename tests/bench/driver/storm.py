"""4. A storm of alerts."""

from memory import storm
from services import LONG, SERVICES, FloorEach
from table import FLOOR, PROGRAM, PYTHON, WEBHOOK, interleave, rate, seconds

EACH = "an fsync each"


def measure(bench, table):
    SERVICES[EACH] = FloorEach
    table.section("A storm of alerts over 64 connections (the peers keep nothing on disk)")
    contenders = (PROGRAM, FLOOR, EACH, PYTHON)
    for plans in (1, 100):
        results = {name: [] for name in (*contenders, WEBHOOK)}
        for _ in range(bench.runs(30) // 6 + 1):
            for name in results:
                with bench.service(name, wait=LONG) as service:
                    # Each alert leaves a sleeping process behind at webhook.
                    result = storm(bench, service, 300 if name == WEBHOOK else bench.runs(10_000), plans)
                    result["rate"] = (300 if name == WEBHOOK else bench.runs(10_000)) / result["seconds"]
                    assert result["refused"] == 0, (name, result)
                    results[name].append(result)
        title = "1 plan" if plans == 1 else f"{plans} plans"
        add(table, f"{title}: requests to 2xx", rate, results, "rate", FLOOR, more_is_better=True)
        add(table, f"{title}: the same, beside an fsync for each", rate, results, "rate", EACH, more_is_better=True)
        add(table, f"{title}: median", seconds, results, "p50", FLOOR)
        add(table, f"{title}: 99th percentile", seconds, results, "p99", FLOOR)
