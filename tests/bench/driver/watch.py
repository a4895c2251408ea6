"""7. A tick of the watch that has nothing to say."""

import json
import os
import subprocess

import cost
from redis import PLANS, Recorder, count_requests
from services import MEASURE, PEERS, free_port
from table import FLOOR, PROGRAM, PYTHON, SHELL, interleave, seconds, size


def measure(bench, table):
    table.section(f"A watch tick with nothing to say, {PLANS} plans (floor: the same requests, one bare pipeline)")
    for modules in (10, 100, 1_000, 10_000):
        if bench.quick and modules == 10_000:
            continue
        bench.redis.fill_plans(modules)
        row(bench, table, modules)


def row(bench, table, modules):
    state, requests = bench.subfolder(), os.path.join(bench.folder, "requests")
    tick = [bench.binary, "--config", config(bench, state, bench.redis.socket), "watch"]
    environment = {"STATE_DIRECTORY": state}
    # The first ticks meet the plans and note their runs. News would have nobody to go to, and fail.
    for _ in range(3):
        cost.processor(tick, environment)

    recorder = Recorder(bench.redis, bench.folder)
    cost.processor([*tick[:2], config(bench, state, recorder.socket), "watch"], environment)
    recorder.close()
    with open(requests, "wb") as file:
        file.write(recorder.sent)
    count = count_requests(recorder.sent)

    commands = bench.contenders({
        PROGRAM: tick,
        FLOOR: [MEASURE, "bare", bench.redis.socket, requests, str(count)],
        PYTHON: ["/usr/bin/python3", os.path.join(PEERS, "python-watch"), bench.redis.socket],
        SHELL: [os.path.join(PEERS, "watch.sh"), bench.redis.socket],
    })
    samples = {name: lambda command=command: cost.processor(command, environment) for name, command in commands.items()}
    costs = interleave(bench.runs(20), {name: samples[name] for name in (PROGRAM, FLOOR) if name in samples})
    costs.update(interleave(3, {PYTHON: samples[PYTHON]}) if PYTHON in samples else {})
    # A process for each key takes seconds.
    costs.update({SHELL: samples[SHELL]()} if SHELL in samples else {})
    what = f"{modules:,} modules: {recorder.round_trips} round trips, {count:,} requests"
    table.add(f"{what}: processor's time", seconds, costs)
    table.add("… peak memory of its largest process", size,
              {name: cost.peak(command, environment) for name, command in commands.items() if name != SHELL})


def config(bench, state, redis):
    path = os.path.join(state, f"config-{os.path.basename(redis)}.yml")
    with open(path, "w") as file:
        json.dump({"receiver": {"port": free_port()}, "notification": {"mail_to": "admin@example.com"},
                   "repo_check": {"enabled": False}, "redis": {"socket": redis}}, file)
    return path
