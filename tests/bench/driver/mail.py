"""5. From an alert to its mail."""

import itertools
import os
import shutil
import socket
import subprocess
import threading
import time

from services import listen
from table import ALERTMANAGER, FLOOR, PROGRAM, PYTHON, WEBHOOK, interleave, seconds

PASSWORD = "bench"
REPOSITORIES = 8
TIMEOUT = 5
numbers = itertools.count(1)


def measure(bench, table):
    table.section("From an alert to its mail, without a wait")
    for modules in (10, 1_000):
        bench.redis.fill("A", modules)
        names = (PROGRAM, PYTHON, WEBHOOK) + ((ALERTMANAGER,) if modules == 10 else ())
        with bench.services(*names) as running:
            samples = {name: lambda name=name: to_mail(bench, running[name], name) for name in running}
            interleave(1, samples)
            table.add(f"no probes, {modules:,} modules (Alertmanager: its own mail, without correlation)"
                      if modules == 10 else f"no probes, {modules:,} modules", seconds,
                      interleave(bench.runs(100) if modules == 10 else 3, samples))

    bench.redis.fill("A", 10)
    with hanging() as address:
        bench.redis.send(repositories(bench, address))
        with bench.services(PROGRAM, PYTHON, WEBHOOK, probe_timeout=TIMEOUT) as running:
            samples = {name: lambda name=name: to_mail(bench, running[name], name) for name in running}
            table.add(f"{REPOSITORIES} repositories, one of them hangs (time-out and floor: {TIMEOUT} s)", seconds,
                      {**interleave(1 if bench.quick else 3, samples), FLOOR: TIMEOUT})


def to_mail(bench, service, name):
    """Seconds from posting an alert to the end of its mail at the relay."""
    number = len(bench.sink.arrivals) + 1
    # Alertmanager mails a group of alerts once: each time a new one.
    plan = str(next(numbers) + 1000) if name == ALERTMANAGER else "1"
    start = time.perf_counter()
    service.post(plan)
    elapsed = bench.sink.wait_for(number) - start
    # The program finishes its job before it takes the next alert as a new one.
    time.sleep(0.05)
    return elapsed


class hanging:
    """A server that accepts and never says a word."""

    def __enter__(self):
        self.listener, self.connections = listen(), []
        threading.Thread(target=self.accept, daemon=True).start()
        return "127.0.0.1:%d" % self.listener.getsockname()[1]

    def accept(self):
        while True:
            try:
                self.connections.append(self.listener.accept())
            except OSError:
                return

    def __exit__(self, *error):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def repositories(bench, address):
    """Commands that describe local restic repositories, and one at a server that hangs."""
    first = os.path.join(bench.subfolder(), "repository")
    environment = {**os.environ, "RESTIC_PASSWORD": PASSWORD}
    subprocess.run(["restic", "init", "-q", "--no-cache", "--repo", first], env=environment, check=True)
    subprocess.run(["restic", "backup", "-q", "--no-cache", "--repo", first, "tests/bench"], env=environment,
                   check=True)
    for number in range(1, REPOSITORIES):
        path = f"{first}{number}"
        shutil.copytree(first, path)
        yield ["HSET", f"cluster/backup_repository/repo{number}/parameters", "backend", "local", "url", "", "path",
               path, "password", PASSWORD]
    yield ["HSET", f"cluster/backup_repository/repo{REPOSITORIES}/parameters", "backend", "s3", "url",
           f"s3:http://{address}/bucket", "password", PASSWORD, "aws_access_key_id", "id", "aws_secret_access_key",
           "key"]
