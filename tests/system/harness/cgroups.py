"""Control groups of containers: two in one group would stop each other's services, which are named alike."""

import contextlib
import os
import pathlib
import tempfile


def make(name):
    """A group for one boot of a container, below that of this process."""
    return pathlib.Path(tempfile.mkdtemp(prefix=f"{name}.", dir=_own()))


def enter(group):
    """Moves this process."""
    (group / "cgroup.procs").write_text("0")


def remove(group):
    """With all that a container left in it, once its processes have gone."""
    for directory, _, _ in os.walk(group, topdown=False):
        with contextlib.suppress(OSError):
            pathlib.Path(directory).rmdir()


def _own():
    path = next(line for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    return _mounted() / path.removeprefix("0::").lstrip("/")


def _mounted():
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, kind = line.partition(" - ")
        if kind.split()[0] == "cgroup2":
            return pathlib.Path(mount.split()[4])
    raise SystemExit("no cgroup2 is mounted on this machine")
