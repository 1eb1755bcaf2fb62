"""The run in stages: what is to be prepared, then the scenarios, some at once in lanes and some alone.

Each stage and lane runs in a process and mount namespace of its own, a lane in a network namespace as well. When its
first process ends, however it ends, the kernel ends every process in it and takes down its mounts, bridge and links:
nothing but empty control groups can be left behind.
"""

import argparse
import contextlib
import ctypes
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

from . import lanes, prepare, registry
from .images import SUITES
from .runner import run_lane, tell

PR_SET_PDEATHSIG = 1
# A scenario waits more than it works: four use half of two processors. It looks at how long things take, so not more.
LANES = 4
# Where nspawn keeps what is named like a container: two lanes have containers of the same names.
NSPAWN = "/run/systemd/nspawn"


def main():
    """Returns the exit status: 0 if all passed."""
    options = _options()
    import scenarios  # noqa: F401, PLC0415 - fills the registry

    chosen = registry.named(options.scenario)
    if options.list:
        for one in chosen:
            print(f"{one.__name__:24} {one.__doc__.splitlines()[0]}")
        return 0
    jobs = [(suite, scenario) for suite in options.suites for scenario in chosen]
    if options.stage == "prepare":
        return _prepare(options)
    if options.stage == "lane":
        return _run_lane(options, jobs)
    return _run_stages(options, jobs)


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
    parser.add_argument("--deb", type=pathlib.Path, help="try this package; without it, one is built from this tree")
    parser.add_argument("--lanes", type=int, default=LANES, metavar="N",
                        help="so many scenarios at once, but those alone that measure or need both processors (default: %(default)s; 1 with --keep)")
    parser.add_argument("--stage", choices=("prepare", "lane"), help=argparse.SUPPRESS)
    parser.add_argument("--queue", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.suites = options.suite or list(SUITES)
    options.logs = options.logs.absolute()
    return options


def _run_stages(options, jobs):
    if os.geteuid() != 0:
        raise SystemExit("system tests need root: they boot containers")
    options.logs.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _interrupted)
    with _stage("prepare") as stage:
        if stage.wait() != 0:
            return stage.returncode
    lanes.forget(options.logs)
    alone = [number for number, (_, scenario) in enumerate(jobs) if registry.is_alone(scenario)]
    beside = [number for number in range(len(jobs)) if number not in alone]
    _run_lanes(1 if options.keep else options.lanes, beside)
    _run_lanes(1, alone)
    return tell(jobs, options.logs)


def _run_lanes(count, numbers):
    """Returns when these scenarios have been run, so many at once."""
    taking = lanes.queue(numbers)
    with contextlib.ExitStack() as running:
        for lane in [running.enter_context(_stage("lane", taking)) for _ in range(min(count, len(numbers)))]:
            lane.wait()
    os.close(taking)


@contextlib.contextmanager
def _stage(name, taking=None):
    """A stage that runs; at the end nothing of it does."""
    network, queue, files = ([], [], []) if taking is None else (["--net"], ["--queue", str(taking)], [taking])
    with tempfile.TemporaryDirectory(prefix="lonc-system-tests.") as directory:
        stage = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", *network, "--",
             sys.executable, *sys.argv, "--stage", name, *queue],
            env={**os.environ, "TMPDIR": directory}, preexec_fn=_end_with_parent, pass_fds=files,
        )
        try:
            yield stage
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
    facts = prepare.prepare(options.suites, cache, options.logs, options.deb)
    _facts(options).write_text(json.dumps(facts))
    return 0


def _facts(options):
    return options.logs / "prepared.json"


def _run_lane(options, jobs):
    prepared = json.loads(_facts(options).read_text())
    # In memory, in this mount namespace only: quick, and nothing of it outlives the run.
    work = tempfile.gettempdir()
    pathlib.Path(NSPAWN).mkdir(parents=True, exist_ok=True)
    for place in (work, NSPAWN):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", place], check=True)
    run_lane(jobs, options.queue, options, prepared, pathlib.Path(work))
    return 0
