"""1. From nothing to the first answer."""

import glob
import os
import signal
import socket
import subprocess
import time

from services import LONG, SERVICES, Floor, Program, free_port, request
from table import FLOOR, PROGRAM, PYTHON, WEBHOOK, interleave, seconds


def measure(bench, table):
    table.section("From an alert to its 2xx")
    runs = bench.runs(60)
    names = (PROGRAM, FLOOR, PYTHON, WEBHOOK)
    table.add("nothing runs: exec to first 2xx", seconds,
              interleave(runs, {name: lambda name=name: cold(bench, name)[0] for name in bench.contenders(names)}))
    table.add("… of it the processor's time", seconds,
              interleave(runs, {name: lambda name=name: cold(bench, name)[1] for name in bench.contenders(names)}))
    table.add("nothing runs: POST to 2xx, socket activation included", seconds,
              interleave(runs, bench.contenders({PROGRAM: lambda: activated(bench, Program),
                                         FLOOR: lambda: activated(bench, Floor)})))
    with bench.services(*names, wait=LONG) as running:
        posts = {name: lambda service=service: service.post("1") for name, service in running.items()}
        interleave(5, posts)
        table.add("it runs: POST to 2xx", seconds, interleave(bench.runs(300), posts))


def cold(bench, name):
    """Seconds from exec to the first 2xx, and the processor's time until then."""
    service = SERVICES[name](bench, wait=LONG)
    # As on every start but the very first one.
    service.has_run()
    try:
        if service.listener:
            client = socket.create_connection(("127.0.0.1", service.port))
            client.sendall(request(service.path, service.body("1")))
            start = time.perf_counter()
            service.start()
            status = client.recv(64)
            elapsed = time.perf_counter() - start
            client.close()
            assert b" 202 " in status, status
        else:
            start = time.perf_counter()
            service.start()
            service.await_answer()
            service.post("1")
            elapsed = time.perf_counter() - start
        return elapsed, processor_time(service.pid)
    finally:
        service.stop()


def processor_time(pid):
    """What all threads of a process have used, in seconds; this file counts nanoseconds."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        try:
            with open(path) as file:
                total += int(file.read().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue  # a thread that has ended meanwhile
    return total / 1e9


def activated(bench, kind):
    """Seconds from connecting to the 2xx, where systemd's own activator holds the socket and starts the program."""
    service = kind(bench, wait=LONG)
    service.has_run()
    service.listener.close()
    service.listener, service.port = None, free_port()
    passed = [word for name in ("PATH", *service.environment()) for word in ("-E", name)]
    activator = subprocess.Popen(
        ["systemd-socket-activate", "-l", f"127.0.0.1:{service.port}", *passed, os.path.abspath(service.command()[0]),
         *service.command()[1:]],
        env={**os.environ, **service.environment()}, stderr=subprocess.PIPE, process_group=0)
    try:
        activator.stderr.readline()
        return service.post("1")
    finally:
        os.killpg(activator.pid, signal.SIGKILL)
        activator.wait()
        activator.stderr.close()
