"""11. What others may send: peak memory."""

import json
import os
import socket
import threading
import time

import cost
import journal
import reasons
from redis import Client
from services import listen
from table import PROGRAM, PYTHON, size

HUGE = 300 << 20


def measure(bench, table):
    table.section("Hostile input: peak memory")
    table.add("a module writes 300 MB into each of its values in Redis", size, redis(bench))
    with Endless(b"250-") as relay:
        table.add("a relay answers with a line of 300 MB", size, {PROGRAM: mail(bench, relay.port)})
    with Endless(b"HTTP/1.1 200 OK\r\nContent-Length: 314572800\r\n\r\n") as server:
        command = reasons.ask(bench, "-", f"127.0.0.1:{server.port}", journal.FAILED[:1])
        table.add("a log server answers with 300 MB", size, {PROGRAM: cost.peak(command)})


def redis(bench):
    now = int(time.time())
    client = Client(bench.redis.socket)
    client.send("FLUSHALL")
    client.send("HSET", "cluster/module_node", "mail1", 1, "web2", 1)
    client.send("HSET", "cluster/backup/1", "name", "Nightly", "repository", "uuid", "enabled", "1")
    for module in ("mail1", "web2"):
        client.send("SADD", f"module/{module}/backups", 1)
        client.send("HSET", f"module/{module}/backup_status/1", "start", now - 60, "end", now, "errors", 0)
    client.send("SETRANGE", "module/mail1/ui_name", HUGE, "x")
    for key, field in (("module/mail1/backup_status/1", "total_size"), ("module/mail1/environment", "IMAGE_URL")):
        client.send("HSET", key, field, b"7" * HUGE)
    command = [bench.binary, "--config", config(bench, bench.sink.port), "report", "--json", "--no-probe", "1"]
    script = ("import redis,sys; client = redis.Redis(unix_socket_path=sys.argv[1]); "
              "client.hgetall('module/mail1/backup_status/1'); client.hgetall('module/web2/backup_status/1')")
    commands = bench.contenders({PROGRAM: command, PYTHON: ["/usr/bin/python3", "-c", script, bench.redis.socket]})
    peaks = {name: cost.peak(command, codes=range(1, 128) if name == PROGRAM else (0,))
             for name, command in commands.items()}
    client.send("FLUSHALL")
    client.close()
    return peaks


def mail(bench, port):
    return cost.peak([bench.binary, "--config", config(bench, port), "send-test"], codes=(1,))


def config(bench, port):
    path = os.path.join(bench.subfolder(), "config.yml")
    with open(path, "w") as file:
        json.dump({"notification": {"mail_to": "admin@example.com", "transport": "smtp",
                                    "smtp": {"host": "127.0.0.1", "port": port, "encryption": "none"}},
                   "redis": {"socket": bench.redis.socket}}, file)
    return path


class Endless:
    """A server that says `beginning`, then 300 MB without an end of line."""

    def __init__(self, beginning):
        self.beginning = beginning

    def __enter__(self):
        self.listener = listen()
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            try:
                connection.sendall(self.beginning)
                for _ in range(HUGE >> 20):
                    connection.sendall(b"x" * (1 << 20))
            except OSError:
                pass
            connection.close()

    def __exit__(self, *error):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
