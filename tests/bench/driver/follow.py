"""9. Following a run that is not over, and its end."""

import itertools
import json
import os
import time

from memory import field, resident
from redis import Client
from services import LONG, Program
from table import PROGRAM, count, interleave, seconds, size

numbers = itertools.count(2000)


def measure(bench, table):
    table.section("Following a run for hours (the final mail: without probes and reasons)")
    for modules in (10, 1_000):
        with following(bench, modules) as (service, _):
            # The first looks and the interim mail are over.
            time.sleep(5)
            if modules == 1_000:
                before, span = switches(service.pid), 30 if bench.quick else 60
                time.sleep(span)
                wakes = (switches(service.pid) - before) * 60 / span
                table.add("wake-ups in a minute, for two looks at Redis", count, {PROGRAM: wakes})
            table.add(f"resident memory, {modules:,} modules", size, {PROGRAM: resident(service.pid)})
            table.add("… of it its own, not pages of its file or of libraries", size,
                      {PROGRAM: field(service.pid, "status", "RssAnon")})
    for modules in (10, 1_000):
        with following(bench, modules, already=False) as (service, client):
            table.add(f"last module's event to the final mail at the relay, {modules:,} modules", seconds, interleave(
                bench.runs(20) if modules == 10 else 5,
                {PROGRAM: lambda: to_final_mail(bench, service, client, modules)}))


class following:
    """A program whose runs, of which the last of `modules` has no result yet, are reported as interim at once; one is
    `already` being followed."""

    def __init__(self, bench, modules, already=True):
        self.bench, self.modules, self.already = bench, modules, already

    def __enter__(self):
        bench = self.bench
        bench.redis.send([["FLUSHALL"]])
        self.client, self.service = Client(bench.redis.socket), Following(bench)
        self.service.start()
        self.service.await_answer()
        if self.already:
            begin(bench, self.service, self.client, self.modules)
        return self.service, self.client

    def __exit__(self, *error):
        self.service.stop()
        self.client.close()


class Following(Program):
    follow = LONG


def begin(bench, service, client, modules):
    """Begins a run of a new plan, and returns it once its interim mail is out."""
    plan, now, mails = str(next(numbers)), int(time.time()), len(bench.sink.arrivals)
    names = [f"module{n}" for n in range(1, modules + 1)]
    client.send("HSET", "cluster/module_node", *(word for name in names for word in (name, 1)))
    client.send("HSET", "cluster/module_uuid", *(word for name in names for word in (name, f"uuid-of-{name}")))
    client.send("HSET", f"cluster/backup/{plan}", "name", "Nightly", "repository", "uuid", "enabled", "1",
                "instances", " ".join(names))
    results = {name: result(now - 60, errors=int(name == names[0])) for name in names}
    results[names[-1]] = result(now - 2 * 86400)
    client.send("HSET", f"node/1/backup_status/{plan}", *(word for entry in results.items() for word in entry))
    service.post(plan)
    bench.sink.wait_for(mails + 1)
    return plan


def result(end, errors=0):
    return json.dumps({"start": end - 60, "end": end, "errors": errors, "total_size": 5 << 30,
                       "total_file_count": 81234, "snapshots_count": 1})


def to_final_mail(bench, service, client, modules):
    """Seconds from the event of the last module until the final mail is at the relay."""
    plan = begin(bench, service, client, modules)
    # The interim report is on its way into the history, and the subscription stands.
    time.sleep(1)
    mails, last = len(bench.sink.arrivals), f"module{modules}"
    client.send("HSET", f"node/1/backup_status/{plan}", last, result(int(time.time())))
    event = json.dumps({"node_id": 1, "backup_id": int(plan), "module_id": last})
    start = time.perf_counter()
    client.send("PUBLISH", "node/1/event/backup-status-changed", event)
    return bench.sink.wait_for(mails + 1) - start


def switches(pid):
    """How often its main thread, on which all but files is done, has gone to sleep."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt_switches:"))
