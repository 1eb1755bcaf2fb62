"""One container: a Debian with systemd as its first process, on the test's bridge."""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import uuid

from . import cgroups, images, network
from .wait import until

BASE_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "SYSTEMD_PAGER": "",
    "SYSTEMD_COLORS": "0",
}


class Host:
    """A container named `name` with the address `address`; its files lie over a base image and vanish with it."""

    def __init__(self, name, address, image, directory):
        self.name = name
        self.address = address
        self.directory = pathlib.Path(directory)
        self.console = self.directory / "console.log"
        self.nspawn = None
        self.init = None
        self.cgroup = None
        self.root = images.lay_over(image, self.directory)
        self.write("/etc/hostname", f"{name}\n")
        # Fixed, so that the journal of an earlier boot is found again.
        self.write("/etc/machine-id", f"{uuid.uuid4().hex}\n")
        self.write("/etc/systemd/network/10-host0.network", network.networkd_file(address))

    # Its life

    def boot(self):
        """Boots it and returns when systemd has started all it wanted to start."""
        self.cgroup = cgroups.make(self.name)
        with self.console.open("ab") as console:
            self.nspawn = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "systemd-nspawn", "--register=no", "--keep-unit", "--quiet",
                 "--boot", "--directory", self.root, "--machine", self.name,
                 f"--network-bridge={network.BRIDGE}", "systemd.show_status=0"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}, preexec_fn=self._enter_cgroup,
            )
        self.init = until(f"{self.name} has a first process", self._find_init)
        until(f"{self.name} has booted", lambda: self._state() in ("running", "degraded"), within=90)
        return self

    def _enter_cgroup(self):
        cgroups.enter(self.cgroup)

    def _find_init(self):
        assert self.nspawn.poll() is None, f"{self.name}: nspawn ended: {self.console.read_text(errors='replace')}"
        children = pathlib.Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read_text().split()
        for child in children:
            # It may have ended since.
            with contextlib.suppress(OSError):
                if pathlib.Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return int(child)
        return None

    def _state(self):
        return self.run("systemctl", "is-system-running", check=False).stdout.strip()

    def shut_down(self):
        """As an administrator would: all services are stopped first."""
        self.run("systemctl", "poweroff", "--no-block")
        self.nspawn.wait(timeout=60)
        self.init = None
        cgroups.remove(self.cgroup)

    def cut_power(self):
        """It ends at once; its files are as they are."""
        if self.init is not None:
            os.kill(self.init, 9)
        else:
            self.nspawn.kill()
        self.nspawn.wait(timeout=30)
        self.init = None
        cgroups.remove(self.cgroup)

    def destroy(self):
        """At once, and its files with it."""
        if self.nspawn is not None and self.nspawn.poll() is None:
            self.cut_power()
        subprocess.run(["umount", "--lazy", self.root], check=False)

    # Commands and files in it

    def _entered(self, argv):
        namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd=/"]
        return ["nsenter", "--target", str(self.init), *namespaces, "--", *map(str, argv)]

    def run(self, *argv, check=True, timeout=60, stdin=None):
        """Runs a command in it, as root; both outputs are kept."""
        done = subprocess.run(
            self._entered(argv), input=stdin, capture_output=True, timeout=timeout,
            env=BASE_ENVIRONMENT, encoding="utf-8", errors="replace", check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"{self.name}: {' '.join(map(str, argv))} ended with {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def start(self, *argv):
        """Starts a command in it and leaves it running; its standard input and output are pipes."""
        return subprocess.Popen(
            self._entered(argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=BASE_ENVIRONMENT, encoding="utf-8", errors="replace",
        )

    def path(self, path):
        """Where this file of the container is for the test; not below /run or /tmp, which are its own mounts."""
        return self.root / str(path).lstrip("/")

    def write(self, path, content):
        """Writes a file in place, text or bytes."""
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())

    def set_key(self, key, value):
        """Gives a key of the shipped lonc.toml another value: the first line that has it, commented out or not."""
        path = "/etc/lonc/lonc.toml"
        text = self.path(path).read_text()
        edited, count = re.subn(rf"^#?{key} = .*$", f"{key} = {value}", text, count=1, flags=re.MULTILINE)
        assert count == 1, f"the shipped lonc.toml has no key {key}"
        self.write(path, edited)

    # What systemd says

    def systemctl(self, *argv, check=True, timeout=60):
        """Its output."""
        return self.run("systemctl", *argv, check=check, timeout=timeout).stdout.strip()

    def show(self, unit, name):
        """One property of a unit."""
        return self.systemctl("show", "--value", f"--property={name}", unit)

    def main_pid(self, unit):
        """The main process of a service; 0 if there is none."""
        return int(self.show(unit, "MainPID"))

    def is_active(self, unit):
        """As `systemctl is-active`."""
        return self.run("systemctl", "is-active", "--quiet", unit, check=False).returncode == 0

    def journal(self, *argv):
        """Its records as dictionaries, oldest first: all that were logged until now."""
        self.run("journalctl", "--sync")
        lines = self.run("journalctl", "--output=json", "--no-pager", *argv).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def written_journal(self):
        """What it logged of lonc, as text, even if it is down."""
        directory = self.path("/var/log/journal")
        argv = ["journalctl", f"--directory={directory}", "--no-pager", "--output=short-precise"]
        show = {"capture_output": True, "encoding": "utf-8", "errors": "replace", "check": False}
        return subprocess.run([*argv, "--unit=lonc*", "--unit=lond*"], **show).stdout
