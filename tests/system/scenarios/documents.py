"""What the documents say."""

import contextlib
import tomllib

from harness.prepare import ROOT
from harness.registry import scenario
from harness.site import HOSTS_TAB, table
from harness.wait import until

COMMANDS = ROOT / "tests/documents/commands.toml"
# What only asks waits a second for an answer, and on a busy machine in vain: it is asked again.
QUESTIONS = tuple(f"loncctl {word}" for word in ("status", "why", "clients", "config", "metrics"))


@scenario
def documents(site):
    """Every command of the documents that a host can be given, from the installation on, on one host in one go."""
    site.lond()
    host = site.host()
    # Nothing listens there.
    host.write(HOSTS_TAB, table(msul3="127.0.0.1"))
    host.write(f"/root/{site.deb.name}", site.deb.read_bytes())
    wrong, number = [], 0
    for entry in tomllib.loads(COMMANDS.read_text())["command"]:
        if "host" in entry:
            number += 1
            wrong.extend(_try(host, entry))
    assert not wrong, "\n".join(wrong)
    site.figure(f"{number} commands of the documents")


def _try(host, entry):
    """What is wrong with it."""
    command = entry["host"] or entry["text"]
    wrong = []

    def is_right():
        wrong[:] = _run(host, entry, command)
        return not wrong

    with contextlib.suppress(AssertionError):
        until(command, is_right, within=30 if command.startswith(QUESTIONS) else 0)
    return wrong


def _run(host, entry, command):
    done = host.run("bash", "-c", f"cd /root && {command}", check=False, timeout=120)
    said = done.stdout + done.stderr
    if done.returncode not in entry.get("status", [0]):
        yield f"{command}: ended with {done.returncode}\n{said}"
    elif entry.get("says", "") not in said:
        yield f"{command}: does not say {entry['says']!r}\n{said}"
