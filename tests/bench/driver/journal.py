"""A journal of 1 GB, and the log of one run in it."""

import os
import shutil
import subprocess
import sys

PLAN, NODE = "2", "1"
MODULES = [f"module{n}" for n in range(1, 201)]
# Every second one of those has failed.
FAILED = MODULES[::2]
BEGIN, DURATION = 1_795_500_000, 7200
BEFORE, AFTER = 8 * 3600, 14 * 3600
OTHERS = 2_800_000
VERSION = 2
BOOT = "1" * 32
UUID = "0d2a1f00-0000-4000-8000-000000000005"


def folder():
    """The folder with the journal's files. Made once, and kept beside the build."""
    made = os.path.abspath(f"target/bench/journal-{VERSION}")
    if not os.path.isdir(made):
        print("… writing a journal of 1 GB, once", file=sys.stderr, flush=True)
        half = f"{made}.half"
        shutil.rmtree(half, ignore_errors=True)
        os.makedirs(half)
        places = ("/lib/systemd/systemd-journal-remote", "/usr/lib/systemd/systemd-journal-remote")
        program = next(path for path in places if os.path.exists(path))
        writer = subprocess.Popen([program, "--output", f"{half}/bench.journal", "-"], stdin=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL)
        for part in exported():
            writer.stdin.write(part.encode())
        writer.stdin.close()
        if writer.wait() != 0:
            raise RuntimeError("systemd-journal-remote failed")
        os.rename(half, made)
    return made


def size():
    return sum(os.stat(entry).st_blocks * 512 for entry in os.scandir(folder()))


def run():
    """The run's records: microseconds since 1970, user id, message."""
    each = DURATION / len(MODULES)
    for n, module in enumerate(MODULES):
        start = BEGIN + n * each + 5
        path = f"48ce000e-79b7-5fe6-8558-177fd70c27b4/module/{UUID}"
        said = [f"Repository is present at path {path}", "using parent snapshot 372b3500",
                *(f"[{n % 10}:{m:02}] {m * 8}.00%  {m} files {m * 31} MiB, total 12 files 372 MiB, 0 errors"
                  for m in range(12))]
        failed = ["mysqldump: Got error: 2002: \"Can't connect to local server through socket "
                  "'/run/mysqld/mysqld.sock' (2)\" when trying to connect",
                  "[ERROR] module-dump-state failed. Command '['module-dump-state', '2']' returned non-zero exit "
                  "status 2.", "[ERROR] module-backup aborted."]
        good = ["Files:           0 new,     0 changed,     1 unmodified", "processed 1 files, 124 B in 0:00",
                "snapshot 3f8ba312 saved", "Applying Policy: keep 3 latest snapshots", "2 snapshots"]
        lines = [(0, f"{module}: starting backup {PLAN} at Tue Nov 24 18:46:39 2026")]
        lines += [(1000 + n, line) for line in said + (failed if module in FAILED else good)]
        end = f"backup {PLAN} failed (exit code 1)" if module in FAILED else f"backup {PLAN} completed"
        lines.append((0, f"{module}: {end}"))
        for m, (user, line) in enumerate(lines):
            yield int((start + m * each / len(lines)) * 1e6), user, line
    yield int((BEGIN + DURATION) * 1e6), 0, f"Backup {PLAN} finished with failures: {', '.join(FAILED)}"


def fields(time, user, message):
    """A record of the run as the journal has it."""
    return {"__REALTIME_TIMESTAMP": time, "__MONOTONIC_TIMESTAMP": time - 1_795_000_000_000_000, "_BOOT_ID": BOOT,
            "_UID": user, "_TRANSPORT": "stdout", "_STREAM_ID": "5" * 32, "SYSLOG_IDENTIFIER": "runagent",
            "_SYSTEMD_UNIT": f"backup{PLAN}.service", "PRIORITY": 6, "MESSAGE": message}


def exported():
    """The run amid all that a node says in a day, in the journal's export format, a part at a time."""
    mine = run()
    next_of_run = next(mine, None)
    step = (BEFORE + DURATION + AFTER) * 1_000_000 // OTHERS
    time, part = (BEGIN - BEFORE) * 1_000_000, []
    for n in range(OTHERS):
        while next_of_run and next_of_run[0] <= time:
            part.append("".join(f"{name}={value}\n" for name, value in fields(*next_of_run).items()) + "\n")
            next_of_run = next(mine, None)
        user, service = n % 40, ("traefik", "postfix", "dovecot", "php-fpm", "sshd", "node_exporter", "redis")[n % 7]
        part.append(
            f"__REALTIME_TIMESTAMP={time}\n__MONOTONIC_TIMESTAMP={time - 1_795_000_000_000_000}\n_BOOT_ID={BOOT}\n"
            f"_UID={1000 + user}\n_TRANSPORT=stdout\n_STREAM_ID={user:032}\nSYSLOG_IDENTIFIER={service}\n"
            f"_SYSTEMD_UNIT={service}{user}.service\n_PID={2000 + n % 900}\nPRIORITY=6\n"
            f"MESSAGE={service}[{n}]: 10.0.{n % 256}.{n % 251} GET /api/v{n % 3}/resource/"
            f"{n * 2654435761 % 4294967296:x} HTTP/2.0 200 {n % 9973} module{n % 200 + 1}\n\n")
        if len(part) >= 5000:
            yield "".join(part)
            part.clear()
        time += step
    yield "".join(part)
