"""The run in two stages: what is to be prepared, then the scenarios.

Each stage runs in a process and mount namespace of its own, the scenarios in a network namespace as well. When the
first process of a stage ends, however it ends, the kernel ends every process in it and takes down its mounts, bridge
and links: nothing can be left behind.
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
    if options.stage == "prepare":
        return _prepare(options)
    if options.stage == "scenarios":
        return _run_scenarios(options, chosen)
    return _run_stages(options)


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
    parser.add_argument("--stage", choices=("prepare", "scenarios"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.suites = options.suite or list(SUITES)
    options.logs = options.logs.absolute()
    return options


def _run_stages(options):
    if os.geteuid() != 0:
        raise SystemExit("system tests need root: they boot containers")
    options.logs.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _interrupted)
    return _run_stage("prepare") or _run_stage("scenarios", "--net")


def _run_stage(name, *more_namespaces):
    with tempfile.TemporaryDirectory(prefix="lonc-system-tests.") as directory:
        stage = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", *more_namespaces, "--",
             sys.executable, *sys.argv, "--stage", name],
            env={**os.environ, "TMPDIR": directory}, preexec_fn=_end_with_parent,
        )
        try:
            return stage.wait()
        finally:
            # With it goes all that runs in its namespaces.
            stage.kill()
            stage.wait()


def _interrupted(number, _frame):
    raise SystemExit(f"system tests: interrupted by {signal.Signals(number).name}")


def _end_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _prepare(options):
    cache = os.environ.get("LONC_SYSTEM_TESTS_CACHE", "/var/cache/lonc-system-tests")
    facts = prepare.prepare(options.suites, cache, options.logs)
    _facts(options).write_text(json.dumps(facts))
    return 0


def _facts(options):
    return options.logs / "prepared.json"


def _run_scenarios(options, chosen):
    prepared = json.loads(_facts(options).read_text())
    # In memory, in this mount namespace only: quick, and nothing of it outlives the run.
    work = tempfile.gettempdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", work], check=True)
    return run_all(chosen, options, prepared, pathlib.Path(work))
