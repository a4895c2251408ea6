"""What the figures were measured on."""

import datetime
import os
import platform
import subprocess


def output(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def processor():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()


def describe():
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) / 2**20
    with open("/etc/os-release") as file:
        system = dict(line.strip().split("=", 1) for line in file if "=" in line)["PRETTY_NAME"].strip('"')
    versions = output("dpkg-query", "-W", "-f", "${Package} ${Version}, ", "webhook", "redis-server", "restic",
                      "prometheus-alertmanager", "msmtp", "python3-redis", "systemd").rstrip(", ")
    return "\n".join([
        f"{datetime.date.today()}, {output('target/release/ns8-backup-monitor', '--version')}",
        f"{os.cpu_count()} × {processor()}, {memory:.0f} GiB, Linux {platform.release()}, {system}",
        f"Python {platform.python_version()}, {versions}",
        f"load average over the last 1, 5 and 15 minutes: {' '.join(f'{load:.1f}' for load in os.getloadavg())}",
    ])


def publish(path, head, table):
    """Prints the result, and leaves it at `path` as it goes into the documentation."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write("\n".join(f"    {line}" for line in head.splitlines()) + f"\n\n{table}\n")
    print(f"\n{head}\n\n{table}\n\nalso in {path}")
