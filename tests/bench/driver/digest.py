"""10. The digest."""

import json
import os
import random
import time

import cost
import watch
from redis import PLANS
from table import PROGRAM, interleave, seconds, size

MODULES, RUNS = 2_000, 60


def measure(bench, table):
    table.section(f"The digest: {PLANS} plans, {MODULES:,} modules, {RUNS} runs of history")
    bench.redis.fill_plans(MODULES)
    state = bench.subfolder()
    os.mkdir(os.path.join(state, "history"))
    for plan in range(1, PLANS + 1):
        with open(os.path.join(state, "history", f"{plan}.json"), "w") as file:
            json.dump(history(plan), file)
    # Nobody answers there at once: no Alertmanager, no relay.
    command = [bench.binary, "--config", watch.config(bench, state, bench.redis.socket), "digest", "--alertmanager",
               "http://127.0.0.1:1"]
    environment = {"STATE_DIRECTORY": state}
    table.add("processor's time", seconds,
              interleave(bench.runs(10), {PROGRAM: lambda: cost.processor(command, environment)}))
    table.add("peak memory", size, {PROGRAM: cost.peak(command, environment)})


def history(plan):
    """A plan's last runs, in the format of version 1 (tests/fixtures/history)."""
    chance, now = random.Random(plan), int(time.time())
    modules = [f"module{n}" for n in range(plan, MODULES + 1, PLANS)]
    runs = []
    for days in range(RUNS, 0, -1):
        due = now - days * 86400 - plan * 1200
        parts = [[n, "s" if chance.random() > 0.05 else "e", 600, chance.randrange(60, 900),
                  chance.randrange(1 << 20, 1 << 34), chance.randrange(1, 90_000)] for n in range(len(modules))]
        failed = any(part[1] == "e" for part in parts)
        runs.append({"due": stamp(due), "at": stamp(due + 1200), "outcome": "PARTIAL" if failed else "SUCCESS",
                     "over": True, "parts": parts})
    return {"version": 1, "plan": str(plan), "name": f"Plan {plan}", "trouble": None, "modules": modules, "runs": runs}


def stamp(seconds_since_1970):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds_since_1970))
