"""The stand-in lond, on the bridge or in a container."""

import os
import signal
import subprocess

from . import network

UNIT = """\
[Unit]
Description=Stand-in lond
# It listens at the host's address, which must be there.
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/local/bin/stand-in-lond --id {id} --listen {address}:5663 --caller {caller}
# Its host has gone with it, as a machine that fails.
KillSignal=SIGKILL

[Install]
WantedBy=multi-user.target
"""


class Lond:
    """A lond on the bridge, outside any container, started at once."""

    def __init__(self, binary, host_id, caller, behaviour="normal"):
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", binary, "--id", host_id, "--listen", f"{network.LOND_ADDRESS}:5663",
             "--caller", caller, "--behaviour", behaviour],
            stdout=subprocess.PIPE, encoding="utf-8",
        )
        said = self.process.stdout.readline()
        assert said.startswith("listening"), f"the stand-in lond said {said!r}"

    def pause(self):
        """It hangs, with all its links open."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def stop(self):
        """It dies."""
        self.process.kill()
        self.process.wait()


def install(host, binary, caller):
    """Makes it a service of a container, started now and at every boot."""
    host.write("/usr/local/bin/stand-in-lond", binary.read_bytes())
    host.path("/usr/local/bin/stand-in-lond").chmod(0o755)
    host.write("/etc/systemd/system/lond.service", UNIT.format(id=host.name, address=host.address, caller=caller))
    host.systemctl("enable", "--now", "lond.service")
