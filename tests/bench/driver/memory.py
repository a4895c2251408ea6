"""2. Resident memory."""

import json
import os
import subprocess
import time

from services import LONG, MEASURE, webhook_body
from table import ALERTMANAGER, PROGRAM, PYTHON, WEBHOOK, count, size

SETTLE = 1.0


def measure(bench, table):
    table.section("Resident memory, children included")
    bench.redis.fill("A", 20)
    idle, waiting = {PROGRAM: 0}, {}
    if not bench.alone:
        with bench.services(PYTHON, WEBHOOK, ALERTMANAGER) as running:
            time.sleep(SETTLE)
            idle.update({name: resident(service.pid) for name, service in running.items()})
    table.add("nothing to do", size, idle)
    with bench.services(PROGRAM, PYTHON, WEBHOOK, wait=LONG) as running:
        for name, service in running.items():
            service.post("1")
        time.sleep(SETTLE)
        waiting = {name: resident(service.pid) for name, service in running.items()}
    table.add("waiting with one job", size, waiting)

    peaks, after = {}, {}
    for name, alerts in bench.contenders({PROGRAM: 10_000, PYTHON: 10_000, WEBHOOK: 1_000}).items():
        with bench.service(name, wait=LONG) as service:
            storm(bench, service, alerts)
            time.sleep(SETTLE)
            after[name] = resident(service.pid)
            peaks[name] = max(after[name], peak(service.pid))
    table.add("peak in a storm of 10,000 alerts (webhook: 1,000) of 100 plans", size, peaks)
    table.add("after that storm", size, after)

    alerts = bench.runs(1000)
    table.add(f"mails for {alerts:,} alerts of one plan", count,
              {name: mails(bench, name, alerts) for name in bench.contenders((PROGRAM, PYTHON))})


def storm(bench, service, alerts, plans=100):
    body = os.path.join(service.folder, "body.json")
    with open(body, "w") as file:
        file.write(webhook_body("@PLAN@"))
    done = subprocess.run([MEASURE, "storm", f"127.0.0.1:{service.port}", service.path, "64", str(alerts), str(plans),
                           body], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def mails(bench, name, alerts):
    """How many mails come for many alerts of one plan, that come while its job waits."""
    before = len(bench.sink.arrivals)
    bench.redis.fill("A", 1)
    with bench.service(name, wait=2) as service:
        result = storm(bench, service, alerts, plans=1)
        assert result["refused"] == 0, result
        bench.sink.wait_for(before + 1)
        came = 0
        while came != len(bench.sink.arrivals):
            came = len(bench.sink.arrivals)
            time.sleep(2)
    return came - before


def resident(pid):
    """Bytes: the process's own, and of each descendant its share (what they have in common is counted once)."""
    return field(pid, "status", "VmRSS") + sum(field(child, "smaps_rollup", "Pss") for child in descendants(pid))


def peak(pid):
    return field(pid, "status", "VmHWM")


def field(pid, file, name):
    try:
        with open(f"/proc/{pid}/{file}") as lines:
            return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), 0)
    except (FileNotFoundError, ProcessLookupError):
        return 0


def descendants(pid):
    """All of them, from one look at every process."""
    children = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(parent, []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found
