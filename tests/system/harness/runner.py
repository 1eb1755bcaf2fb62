"""Runs scenarios and tells what became of them."""

import contextlib
import pathlib
import subprocess
import time
import traceback

from . import lanes, network
from .site import Site

JOURNAL_LINES = 60
# Longest line of a fault, in characters.
MAX_LINE = 500


def run_lane(jobs, taking, options, prepared, work):
    """Runs those of the jobs that the queue gives."""
    network.make()
    for number in lanes.taken(taking):
        suite, scenario = jobs[number]
        name = job_name(suite, scenario)
        figures = []
        began = time.monotonic()
        site = Site(suite, prepared, work / name, figures)
        fault, told = _run(scenario, site, options.logs / name, options.keep)
        line = f"{name:42} {'FAILED' if fault else 'ok':6} {time.monotonic() - began:5.1f} s"
        print("\n".join(filter(None, [line, told])), flush=True)
        lanes.write_down(options.logs, name=name, fault=fault, figures=figures)


def tell(jobs, logs):
    """Prints figures and faults of all lanes. The exit status: 0 if every scenario passed on every Debian."""
    outcomes = lanes.outcomes(logs)
    names = [job_name(*job) for job in jobs]
    figures = [figure for name in names if name in outcomes for figure in outcomes[name]["figures"]]
    # One whose lane has died has not passed.
    failed = [name for name in names if name not in outcomes or outcomes[name]["fault"]]
    if figures:
        print("", "figures:", *(f"  {figure}" for figure in figures), "", sep="\n")
    for name in failed:
        # Again, for whoever sees the end only.
        print(f"failed: {name}: {outcomes[name]['fault'] if name in outcomes else 'its lane has ended'}")
    print(f"logs: {logs}")
    print(f"system tests: {len(names) - len(failed)} passed, {len(failed)} failed", flush=True)
    return 1 if failed else 0


def job_name(suite, scenario):
    """The name of a scenario on a Debian."""
    return f"{suite}/{scenario.__name__}"


def _run(scenario, site, logs, keep):
    """What went wrong in a line, and at length with the journals; nothing if all went well."""
    fault, told = None, None
    try:
        scenario(site)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other scenarios are still to be run
        fault, told = _line(error), traceback.format_exc()
        if keep:
            _wait_with(site, told)
    try:
        site.write_logs(logs)
        if told:
            told += "".join(_tail(host) for host in site.hosts)
    finally:
        left = _end(site)
    return fault or left, told


def _end(site):
    """Ends it all; what did not end in time is the scenario's fault, and the lane goes on."""
    try:
        site.end()
    except subprocess.TimeoutExpired as error:
        return _line(error)
    return None


def _line(error):
    """The error and the line of the scenario in which it came up."""
    steps = [step for step in traceback.extract_tb(error.__traceback__) if "scenarios" in step.filename]
    where = f"{pathlib.Path(steps[-1].filename).name}:{steps[-1].lineno}: " if steps else ""
    return where + " ".join("".join(traceback.format_exception_only(error)).split())[:MAX_LINE]


def _tail(host):
    lines = host.written_journal().splitlines()[-JOURNAL_LINES:]
    return "\n".join([f"--- journal of {host.name}", *lines, ""])


def _wait_with(site, fault):
    print(fault)
    for host in site.hosts:
        find = f"pgrep -P $(pgrep -f '^systemd-nspawn .*--machine {host.name} ')"
        print(f"{host.name}: nsenter -t $({find}) -m -u -i -n -p -r -w")
    with contextlib.suppress(EOFError):
        input("The containers are kept until Enter is pressed. ")
