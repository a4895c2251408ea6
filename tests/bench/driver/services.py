"""The contenders: each can be started with the same work to do, and be posted an alert."""

import glob
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

from redis import RESULTS, Redis
from sink import Sink
from table import ALERTMANAGER, FLOOR, PROGRAM, PYTHON, WEBHOOK

# Floors and load, which do not change with the program that is measured.
MEASURE = os.path.abspath("target/release/examples/measure")
PEERS = os.path.abspath("tests/bench/peers")
FROM, TO = "ns8-backup-monitor@example.com", "admin@example.com"
LONG = 86400


class Bench:
    """What all measurements share: a folder, a Redis, a mail sink."""

    def __init__(self, folder, quick, build="target/release", alone=False):
        """`build` is the folder with the program to measure; `alone` leaves its peers and floors out."""
        self.folder, self.quick, self.alone = os.path.abspath(folder), quick, alone
        self.binary = os.path.join(os.path.abspath(build), "ns8-backup-monitor")
        self.measure = os.path.join(os.path.abspath(build), "examples/measure")
        self.numbers = itertools.count()

    def __enter__(self):
        self.redis, self.sink = Redis(self.folder), Sink()
        return self

    def __exit__(self, *error):
        self.redis.close()

    def runs(self, number):
        return max(3, number // 10) if self.quick else number

    def contenders(self, names):
        """Those of `names`, a dictionary or a sequence, that are measured."""
        if not self.alone:
            return names
        return {PROGRAM: names[PROGRAM]} if isinstance(names, dict) else (PROGRAM,)

    def subfolder(self):
        path = os.path.join(self.folder, str(next(self.numbers)))
        os.mkdir(path)
        return path

    @contextmanager
    def service(self, name, **work):
        service = SERVICES[name](self, **work)
        try:
            service.start()
            service.await_answer()
            yield service
        finally:
            service.stop()

    @contextmanager
    def services(self, *names, **work):
        """Several contenders beside each other, by name."""
        names = self.contenders(names)
        started = {name: SERVICES[name](self, **work) for name in names}
        try:
            for service in started.values():
                service.start()
            for service in started.values():
                service.await_answer()
            yield started
        finally:
            for service in started.values():
                service.stop()


def listen():
    """A listening socket with a long queue, as systemd makes it."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(4096)
    return listener


def free_port():
    with listen() as listener:
        return listener.getsockname()[1]


def alert(plan):
    return {"status": "firing", "labels": {"alertname": "backup_failed", "id": plan, "name": "Nightly", "node": "1",
                                           "severity": "critical", "service": "backup"},
            "annotations": {"summary": f"Backup plan {plan} failed", "description": "At least one module failed."},
            "startsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://127.0.0.1:9091/graph", "fingerprint": "e3b0c44298fc1c14"}


def webhook_body(plan):
    one = alert(plan)
    return json.dumps({"version": "4", "groupKey": '{}:{alertname="backup_failed"}', "truncatedAlerts": 0,
                       "status": "firing", "receiver": "ns8-backup-monitor", "groupLabels": {},
                       "commonLabels": one["labels"], "commonAnnotations": one["annotations"],
                       "externalURL": "http://127.0.0.1:9093", "alerts": [one]})


def exchange(port, path, body):
    """Posts, waits for the answer, and returns its status and how long that took, connecting included."""
    start = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request(path, body))
        status = connection.recv(64)
        return int(status.split()[1]) if status else 0, time.perf_counter() - start


def request(path, body):
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


class Service:
    path = "/alert"

    def __init__(self, bench, wait=0, probe_timeout=0, layout="A"):
        self.bench, self.wait, self.probe_timeout, self.layout = bench, wait, probe_timeout, layout
        self.folder, self.pid = bench.subfolder(), None
        self.listener = None
        self.prepare()

    def body(self, plan):
        return webhook_body(plan)

    def post(self, plan):
        status, seconds = exchange(self.port, self.path, self.body(plan))
        if not 200 <= status < 300:
            raise RuntimeError(f"{type(self).__name__} answered {status}")
        return seconds

    def has_run(self):
        """Leaves what an earlier process has left: the folder and the lock of its queue."""
        folder = os.path.join(self.folder, "queue")
        os.mkdir(folder)
        open(os.path.join(folder, ".lock"), "w").close()

    def spawn(self, command, environment):
        log = os.open(os.path.join(self.folder, "log"), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        actions = [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
        if self.listener:
            actions.append((os.POSIX_SPAWN_DUP2, self.listener.fileno(), 3))
        self.pid = os.posix_spawnp(command[0], command, {**os.environ, **environment}, file_actions=actions,
                                   setpgroup=0)
        os.close(log)

    def await_answer(self):
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port)):
                    return
            except ConnectionRefusedError:
                time.sleep(0.0005)

    def stop(self):
        """Kills it, and whatever it has started."""
        if self.pid:
            os.killpg(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = None
        if self.listener:
            self.listener.close()


def unit_environment():
    """What the service's unit sets."""
    with open("systemd/ns8-backup-monitor.service") as unit:
        settings = [line.strip().removeprefix("Environment=") for line in unit if line.startswith("Environment=")]
    return dict(setting.split("=", 1) for setting in settings)


class Program(Service):
    """ns8-backup-monitor on an inherited socket."""

    # Seconds for which a run that is not over is followed.
    follow = 0

    def prepare(self):
        self.config = os.path.join(self.folder, "config.yml")
        with open(self.config, "w") as file:
            json.dump({
                "receiver": {"idle_timeout": LONG},
                "correlator": {"wait_seconds": self.wait, "max_wait_seconds": self.wait,
                               "follow_seconds": self.follow},
                "repo_check": {"enabled": self.probe_timeout > 0, "timeout": self.probe_timeout or 60},
                "notification": {"mail_from": FROM, "mail_to": TO, "transport": "smtp", "repeat_after": 0,
                                 "smtp": {"host": "127.0.0.1", "port": self.bench.sink.port, "encryption": "none"}},
                "redis": {"socket": self.bench.redis.socket},
            }, file)
        self.listen()

    def listen(self):
        self.listener = listen()
        self.port = self.listener.getsockname()[1]

    def command(self):
        return [self.bench.binary, "--config", self.config, "serve"]

    def environment(self):
        return {**unit_environment(), "STATE_DIRECTORY": self.folder}

    def start(self):
        self.spawn(self.command(), {**self.environment(), "LISTEN_FDS": "1"})


class Floor(Program):
    """A server that makes each request durable, by one fsync for all that came meanwhile, and answers."""

    group = "group"

    def prepare(self):
        self.listen()

    def command(self):
        return [MEASURE, "serve", self.folder, self.group]

    def environment(self):
        return {}


class FloorEach(Floor):
    """The same with an fsync for each request."""

    group = "each"


class Python(Service):
    def prepare(self):
        self.port, self.config = free_port(), os.path.join(self.folder, "config.json")
        with open(self.config, "w") as file:
            json.dump({"port": self.port, "redis": self.bench.redis.socket, "results": RESULTS[self.layout],
                       "wait": self.wait, "probe_timeout": self.probe_timeout, "sendmail": sendmail(self.bench),
                       "mail_from": FROM, "mail_to": TO}, file)

    def command(self, *arguments):
        return [sys.executable, os.path.join(PEERS, "python-monitor"), self.config, *arguments]

    def start(self):
        self.spawn(self.command(), {})


class Webhook(Service):
    path = "/hooks/alert"

    def prepare(self):
        self.port, self.hooks = free_port(), os.path.join(self.folder, "hooks.json")
        with open(self.hooks, "w") as file:
            json.dump([{"id": "alert", "execute-command": os.path.join(PEERS, "webhook.sh"),
                        "pass-arguments-to-command": [{"source": "payload", "name": "alerts.0.labels.id"}]}], file)

    def environment(self):
        return {"REDIS": self.bench.redis.socket, "RESULTS": RESULTS[self.layout], "WAIT": str(self.wait),
                "PROBE_TIMEOUT": str(self.probe_timeout), "SENDMAIL": " ".join(sendmail(self.bench)),
                "MAIL_FROM": FROM, "MAIL_TO": TO}

    def start(self):
        self.spawn(["webhook", "-ip", "127.0.0.1", "-port", str(self.port), "-hooks", self.hooks], self.environment())


class Alertmanager(Service):
    path = "/api/v2/alerts"

    def prepare(self):
        self.port, self.config = free_port(), os.path.join(self.folder, "alertmanager.yml")
        with open(self.config, "w") as file:
            json.dump({
                "global": {"smtp_smarthost": f"127.0.0.1:{self.bench.sink.port}", "smtp_from": FROM,
                           "smtp_require_tls": False},
                "route": {"receiver": "mail", "group_by": ["alertname", "id"], "group_wait": "0s"},
                "receivers": [{"name": "mail", "email_configs": [{"to": TO}]}],
            }, file)

    def body(self, plan):
        one = alert(plan)
        return json.dumps([{"labels": one["labels"], "annotations": one["annotations"]}])

    def start(self):
        program = glob.glob("/usr/bin/*alertmanager")[0]
        self.spawn([program, f"--config.file={self.config}", f"--storage.path={self.folder}/data",
                    f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="], {})


def sendmail(bench):
    return ["msmtp", "--host=127.0.0.1", f"--port={bench.sink.port}", f"--from={FROM}"]


SERVICES = {PROGRAM: Program, FLOOR: Floor, PYTHON: Python, WEBHOOK: Webhook, ALERTMANAGER: Alertmanager}
