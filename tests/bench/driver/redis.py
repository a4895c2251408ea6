"""A private Redis, and clusters to fill it with."""

import json
import os
import socket
import subprocess
import threading
import time

NODES = 20
PLAN = "1"
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

    def close(self):
        self.process.terminate()
        self.process.wait()


def encode(command):
    words = [str(word).encode() for word in command]
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
