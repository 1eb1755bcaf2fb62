"""Runs scenarios and tells what became of them."""

import contextlib
import time
import traceback

from . import network
from .site import Site

JOURNAL_LINES = 60


def run_all(scenarios, options, prepared, work):
    """The exit status: 0 if every scenario passed on every Debian."""
    network.make()
    passed, failed, figures = 0, [], []
    for suite in options.suites:
        for scenario in scenarios:
            name = f"{suite}/{scenario.__name__}"
            began = time.monotonic()
            site = Site(suite, prepared, work / name, figures)
            fault = _run(scenario, site, options.logs / name, options.keep)
            outcome = "FAILED" if fault else "ok"
            print(f"{name:42} {outcome:6} {time.monotonic() - began:5.1f} s", flush=True)
            if fault:
                failed.append(name)
                print(fault, flush=True)
            else:
                passed += 1
    if figures:
        print("", "figures:", *(f"  {figure}" for figure in figures), "", sep="\n")
    for name in failed:
        print(f"failed: {name}")
    print(f"logs: {options.logs}")
    print(f"system tests: {passed} passed, {len(failed)} failed", flush=True)
    return 1 if failed else 0


def _run(scenario, site, logs, keep):
    """What went wrong, with the journals; nothing if all went well."""
    fault = None
    try:
        scenario(site)
    except Exception:  # noqa: BLE001 - whatever it is, the other scenarios are still to be run
        fault = traceback.format_exc()
        if keep:
            _wait_with(site, fault)
    try:
        site.write_logs(logs)
        if fault:
            fault += "".join(_tail(host) for host in site.hosts)
    finally:
        site.end()
    return fault


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
