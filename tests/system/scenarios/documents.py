"""What the documents say."""

import tomllib

from harness.prepare import ROOT
from harness.registry import scenario
from harness.site import HOSTS_TAB, table

COMMANDS = ROOT / "tests/documents/commands.toml"


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
    command = entry["host"] or entry["text"]
    done = host.run("bash", "-c", f"cd /root && {command}", check=False, timeout=120)
    said = done.stdout + done.stderr
    if done.returncode not in entry.get("status", [0]):
        yield f"{command}: ended with {done.returncode}\n{said}"
    elif entry.get("says", "") not in said:
        yield f"{command}: does not say {entry['says']!r}\n{said}"
