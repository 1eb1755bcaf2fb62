"""The run: first what is to be prepared, then the scenarios in namespaces of their own.

The scenarios run in a new mount, network and process namespace. When its first process ends, however it ends, the
kernel ends every process in it and takes down its mounts, bridge and links: nothing can be left behind.
"""

import argparse
import ctypes
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

from . import prepare, registry
from .images import SUITES
from .runner import run_all

PR_SET_PDEATHSIG = 1


def main():
    """Returns the exit status: 0 if all passed."""
    options = _options()
    import scenarios  # noqa: F401, PLC0415 - fills the registry

    chosen = registry.named(options.scenario)
    if options.list:
        for one in chosen:
            print(f"{one.__name__:24} {one.__doc__.splitlines()[0]}")
        return 0
    if options.prepared:
        return _inside(options, chosen)
    return _outside(options)


def _options():
    cargo_target = os.environ.get("CARGO_TARGET_DIR", prepare.ROOT / "target")
    parser = argparse.ArgumentParser(description="System tests of lonc's package on real systemd. Needs root.")
    parser.add_argument("scenario", nargs="*", help="run only these")
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    parser.add_argument("--suite", action="append", choices=SUITES, help="run on this Debian only")
    parser.add_argument("--keep", action="store_true",
                        help="after a failed scenario wait, with its containers alive, until Enter is pressed")
    parser.add_argument("--logs", type=pathlib.Path, default=pathlib.Path(cargo_target) / "system-tests",
                        help="where logs go (default: %(default)s)")
    parser.add_argument("--prepared", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.suites = options.suite or list(SUITES)
    options.logs = options.logs.absolute()
    return options


def _outside(options):
    if os.geteuid() != 0:
        raise SystemExit("system tests need root: they boot containers")
    options.logs.mkdir(parents=True, exist_ok=True)
    cache = os.environ.get("LONC_SYSTEM_TESTS_CACHE", "/var/cache/lonc-system-tests")
    facts = options.logs / "prepared.json"
    facts.write_text(json.dumps(prepare.prepare(options.suites, cache, options.logs)))
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _interrupted)
    with tempfile.TemporaryDirectory(prefix="lonc-system-tests.") as directory:
        inside = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--",
             *_again(), "--prepared", facts],
            env={**os.environ, "TMPDIR": directory}, preexec_fn=_end_with_parent,
        )
        try:
            return inside.wait()
        finally:
            # With it goes all that runs in its namespaces.
            inside.kill()
            inside.wait()


def _again():
    return [sys.executable, *sys.argv]


def _interrupted(number, _frame):
    raise SystemExit(f"system tests: interrupted by {signal.Signals(number).name}")


def _end_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _inside(options, chosen):
    prepared = json.loads(options.prepared.read_text())
    # In memory, in this mount namespace only: quick, and nothing of it outlives the run.
    work = tempfile.gettempdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", work], check=True)
    return run_all(chosen, options, prepared, pathlib.Path(work))
