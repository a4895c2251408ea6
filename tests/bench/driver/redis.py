"""A private Redis, and clusters to fill it with."""

import json
import os
import socket
import subprocess
import threading
import time

NODES = 20
PLAN = "1"
PLANS = 50
# The keys with results, as a pattern for those who look for them with KEYS.
RESULTS = {
    "A": "module/*/backup/PLAN/status",
    "B": "module/*/backup_status/PLAN",
    "C": "node/*/backup_status/PLAN",
}


class Redis:
    def __init__(self, folder):
        self.socket = os.path.abspath(os.path.join(folder, "redis.sock"))
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL)
        while not os.path.exists(self.socket):
            time.sleep(0.01)

    def send(self, commands):
        """Sends commands, all at once."""
        subprocess.run(["redis-cli", "-s", self.socket, "--pipe"], input=b"".join(map(encode, commands)), check=True,
                       stdout=subprocess.DEVNULL)

    def fill(self, layout, modules):
        """Replaces everything by a cluster whose plan 1 backs up `modules` modules, one in ten of which failed."""
        self.send([["FLUSHALL"], *cluster(layout, modules)])

    def fill_plans(self, modules):
        """Replaces everything by a cluster with `PLANS` plans, all of whose modules succeeded in the last run."""
        self.send([["FLUSHALL"], *plans(modules)])

    def close(self):
        self.process.terminate()
        self.process.wait()


class Client:
    """A connection that sends one command at a time."""

    def __init__(self, path):
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(path)
        self.answers = self.connection.makefile("rb")

    def send(self, *command):
        """Sends a command that is answered by one line."""
        self.connection.sendall(encode(command))
        answer = self.answers.readline()
        if not answer.startswith((b":", b"+")):
            raise RuntimeError(f"{command[:2]}: {answer}")

    def close(self):
        self.answers.close()
        self.connection.close()


def encode(command):
    words = [word if isinstance(word, bytes) else str(word).encode() for word in command]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def cluster(layout, modules):
    now = int(time.time())
    names = [f"module{n}" for n in range(1, modules + 1)]
    node = {name: n % NODES + 1 for n, name in enumerate(names)}
    failed = {name for n, name in enumerate(names) if n % 10 == 0}
    if layout == "A":
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 60))
        yield ["HSET", f"cluster/backup/{PLAN}/status", "result", "error", "timestamp", stamp, "errors", len(failed)]
        for name in names:
            result = ["error", "timestamp", stamp, "error", "disk full"] if name in failed else [
                "success", "timestamp", stamp, "error", ""]
            yield ["HSET", f"module/{name}/backup/{PLAN}/status", "result", *result]
        return
    yield ["SET", "cluster/ui_name", "Benchmark"]
    definition = ["name", "Nightly", "repository", "uuid", "schedule", "daily", "enabled", "1"]
    yield ["HSET", f"cluster/backup/{PLAN}", *definition, *(["instances", " ".join(names)] if layout == "C" else [])]
    yield ["HSET", "cluster/module_node", *(word for name in names for word in (name, node[name]))]
    yield ["HSET", "cluster/module_uuid", *(word for name in names for word in (name, f"uuid-of-{name}"))]
    for n in range(1, NODES + 1):
        yield ["SET", f"node/{n}/ui_name", f"node{n}.example.com"]
    by_node = {}
    for name in names:
        yield ["SET", f"module/{name}/ui_name", f"Application {name}"]
        yield ["HSET", f"module/{name}/environment", "IMAGE_URL", "ghcr.io/nethserver/module:1.0.0"]
        fields = {"start": now - 300, "end": now - 60, "errors": int(name in failed), "total_size": 5 << 30,
                  "total_file_count": 81234, "snapshots_count": 30}
        if layout == "B":
            yield ["SADD", f"module/{name}/backups", PLAN]
            yield ["HSET", f"module/{name}/backup_status/{PLAN}", *(word for field in fields.items() for word in field)]
        else:
            by_node.setdefault(node[name], []).extend([name, json.dumps(fields)])
    for n, entries in by_node.items():
        yield ["HSET", f"node/{n}/backup_status/{PLAN}", *entries]


def plans(modules):
    """Layout C; each module is in one plan, or more than one if there are fewer modules than plans. No plan is due
    within the next hours."""
    now = int(time.time())
    names = [f"module{n}" for n in range(1, modules + 1)]
    node = {name: n % NODES + 1 for n, name in enumerate(names)}
    yield ["SET", "cluster/ui_name", "Benchmark"]
    yield ["SET", "cluster/backup_sequence", PLANS]
    yield ["HSET", "cluster/module_node", *(word for name in names for word in (name, node[name]))]
    yield ["HSET", "cluster/module_uuid", *(word for name in names for word in (name, f"uuid-of-{name}"))]
    for name in names:
        yield ["SET", f"module/{name}/ui_name", f"Application {name}"]
    for plan in range(1, PLANS + 1):
        members = names[plan - 1::PLANS] or [names[plan % modules]]
        due = now - 3600 * 2 - plan * 1200
        schedule = time.strftime("*-*-* %H:%M:00 UTC", time.gmtime(due))
        yield ["HSET", f"cluster/backup/{plan}", "name", f"Plan {plan}", "repository", "uuid", "schedule", schedule,
               "enabled", "1", "instances", " ".join(members)]
        fields = {"start": due + 60, "end": due + 600, "errors": 0, "total_size": 5 << 30, "total_file_count": 81234,
                  "snapshots_count": 1}
        for name in members:
            yield ["HSET", f"node/{node[name]}/backup_status/{plan}", name, json.dumps(fields)]


def count_requests(sent):
    """How many requests these are: arrays of strings in Redis's protocol."""
    lines = iter(sent.split(b"\r\n"))
    count = 0
    for line in lines:
        if line.startswith(b"*"):
            count += 1
            for _ in range(2 * int(line[1:])):
                next(lines)
    return count


class Recorder:
    """A way to Redis that records what a client sends and counts round trips: it holds each side's words back until
    that side has nothing more to say."""

    QUIET = 0.05

    def __init__(self, redis, folder):
        self.redis, self.socket = redis, os.path.abspath(os.path.join(folder, "recorder.sock"))
        self.sent, self.round_trips = b"", 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.socket)
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, socket.socket(socket.AF_UNIX) as server:
                server.connect(self.redis.socket)
                while request := self.listen(client):
                    self.sent += request
                    self.round_trips += 1
                    sender = threading.Thread(target=server.sendall, args=(request,))
                    sender.start()
                    client.sendall(self.listen(server))
                    sender.join()

    def listen(self, side):
        """Waits for the first word, then until there has been silence; empty where the side has gone."""
        heard = b""
        side.settimeout(None)
        while True:
            try:
                data = side.recv(1 << 20)
            except TimeoutError:
                return heard
            if not data:
                return heard
            heard += data
            side.settimeout(self.QUIET)

    def close(self):
        self.listener.close()
        os.unlink(self.socket)
