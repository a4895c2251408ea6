"""What one run of a program costs, with all that it starts and waits for."""

import os
import subprocess
import tempfile

TIME = "/usr/bin/time"


def processor(command, environment=None):
    """Seconds of the processor's time, user and system."""
    quiet = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_WRONLY, 0) for descriptor in (1, 2)]
    pid = os.posix_spawnp(command[0], command, {**os.environ, **(environment or {})}, file_actions=quiet)
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        raise subprocess.CalledProcessError(status, command)
    return usage.ru_utime + usage.ru_stime


def peak(command, environment=None, codes=(0,)):
    """Bytes that the largest of its processes has had in memory. GNU time starts it: of a child of this large process
    the kernel counts this process's own memory as well."""
    with tempfile.NamedTemporaryFile("r") as file:
        done = subprocess.run([TIME, "-q", "-f", "%M", "-o", file.name, *command], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, env={**os.environ, **(environment or {})})
        if done.returncode not in codes:
            raise subprocess.CalledProcessError(done.returncode, command, stderr=done.stderr)
        return int(file.read()) * 1024
