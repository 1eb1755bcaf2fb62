"""HAProxy in front of the lond on the bridge, set up as docs/tls.md says: its blocks are taken as they stand."""

import os
import re
import signal
import socket
import subprocess

from . import network
from .prepare import ROOT
from .wait import until

PORT = 5664


def block(name):
    """A block of the document."""
    text = (ROOT / "docs/tls.md").read_text()
    return re.search(rf"<!-- run: {name} -->\n```\w*\n(.*?)\n```", text, re.DOTALL).group(1) + "\n"


class Terminator:
    """It, and the authority that signs both sides' certificates; their files are in `directory`."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir(parents=True)
        self._run(block("authority"))
        both = (directory / "msul1.pem").read_text() + (directory / "msul1.key").read_text()
        (directory / "msul1-both.pem").write_text(both)
        lond = block("haproxy").replace("127.0.0.1:5663", f"{network.LOND_ADDRESS}:5663")
        (directory / "haproxy.cfg").write_text(lond.replace("/etc/haproxy", str(directory)))
        self.process = None
        self.start()

    def start(self):
        """It serves when this returns."""
        argv = ["setpriv", "--pdeathsig", "KILL", "haproxy", "-db", "-f", self.directory / "haproxy.cfg"]
        with (self.directory / "haproxy.log").open("a") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
        until("HAProxy listens", self._listens)

    def _listens(self):
        assert self.process.poll() is None, (self.directory / "haproxy.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex((network.LOND_ADDRESS, PORT)) == 0

    def stop(self):
        """It dies, with all that it passes on."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def sign(self, *, new_key):
        """A new certificate for msul2: by its old request, or with another key. The texts of both files."""
        if new_key:
            self._run(
                "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=msul2.example.edu"
                " -addext subjectAltName=DNS:msul2.example.edu -keyout msul2.key -out msul2.csr"
            )
        self._run(
            "openssl x509 -req -in msul2.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 397"
            " -copy_extensions copy -out msul2.pem"
        )
        return {name: (self.directory / name).read_text() for name in ("msul2.pem", "msul2.key")}

    def _run(self, script):
        subprocess.run(["sh", "-euc", script], cwd=self.directory, check=True, capture_output=True)
