"""A lonc through many power cuts, on one disk."""

import random
import time

from machine import Archive
from machine.qemu import PATIENCE

from .book import Book
from .lond import HOST, Lond
from .rig import Rig
from .workers import Workers

# The host, as the machine sees it.
GATEWAY = "10.0.2.2"
NETWORK = ["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="]
WORKERS = 8
PIPELINE = 16
# After so many cuts all is let come to rest.
REST = 10
# Nothing was carried out for so many seconds: nothing will be, even on a machine that has much else to do.
STANDS_STILL = 60

CONFIG = """\
host_id = "msul2"
socket_dir = "/run/lonc"
control_dir = "/run/lonc-control"
spool_dir = "/srv/delayed"
permanent_log = "/srv/perm.log"

[link]
connect_wait = "300ms"
request_timeout = "1s"
backoff_min = "20ms"
backoff_max = "300ms"
pipeline = PIPELINE
# Of two links it would not be known outside which came first, and lond ends the older one.
max_connections = 1

# lond dies of no message here, but it does die.
[spool]
max_attempts = 1000

[peer.HOST]
address = "GATEWAY"
port = PORT
"""
PASS_ON = """\
#!/bin/sh
# Connections of lonc's clients that are outside, one after the other.
while sleep 0.1; do
    socat "TCP:GATEWAY:$1,nodelay" UNIX-CONNECT:/run/lonc/HOST
done
"""


class Run:
    """One disk, its lonc, and who is outside."""

    def __init__(self, kernel, work, kind, seed, lonc):
        self.rng = random.Random(seed)
        self.book = Book(PIPELINE)
        self.lond = Lond(self.book, self.rng.random())
        self.workers = Workers(self.book, self.rng.random())
        self.rig = Rig(kernel, work, kind, self.rng.random(), _archive(lonc, self.lond.port), NETWORK)

    def go(self, cuts, tell):
        """Through so many cuts; `tell` is called at each rest with how many there were. Raises what is wrong."""
        try:
            for cut in range(1, cuts + 1):
                self._start(is_first=cut == 1)
                self._wait_for_the_moment()
                self._cut()
                if cut % REST == 0 or cut == cuts:
                    self._start()
                    self._rest()
                    tell(cut)
                    self._cut()
        finally:
            self.rig.end()

    def figures(self):
        """What there was, by what it is called."""
        book, cache = self.book, self.rig.disk.cache
        return {
            "cuts": book.boot, "promises": book.promises, "replies": book.replies, "told con_failed": book.num_failed, "carried out for good": book.num_gone, "carried out again after a cut": book.again_after_cut,
            "after a lost link": book.again_after_link, "flushes": cache.flushes, "blocks forgotten": cache.forgotten,
        }

    def _start(self, is_first=False):
        machine = self.rig.start()
        if is_first:
            machine.run("mkdir /srv/delayed && sync")
        machine.run("ip addr add 10.0.2.15/24 dev eth0 && ip link set eth0 up")
        machine.run(f"lonc --config /etc/lonc.toml {HOST} 2>/dev/console &")
        self.lond.begin()
        self.workers.begin()
        machine.run(f"for n in $(seq {self.rng.randint(1, WORKERS)}); do /pass-on {self.workers.port} 2>/dev/console & done")

    def _wait_for_the_moment(self):
        """When a promise has just been heard, or between any two things that the disk does, or at any time."""
        kind = self.rng.choices(("promise", "disk", "time", "start"), (4, 4, 1, 1))[0]
        book, disk = self.book, self.rig.disk
        with book.lock:
            if kind != "start":
                heard = book.num_told
                self._wait(lambda: book.num_told > heard, PATIENCE)
            promises = book.promises + 1 + int(self.rng.expovariate(1 / 20))
            if kind == "disk":
                disk.fail_after(int(self.rng.expovariate(1 / 40)), self.rig.machine.kill)
            seconds = self.rng.uniform(0, 3) + (0 if kind in ("time", "start") else 7)
            self._wait(lambda: disk.failed.is_set() or (kind == "promise" and book.promises >= promises), seconds)

    def _wait(self, condition, seconds):
        end = time.monotonic() + seconds
        while not condition() and not self.book.fault and (left := end - time.monotonic()) > 0:
            # The disk tells nobody.
            self.book.news.wait(min(left, 0.01))

    def _cut(self):
        self.rig.cut()
        self.workers.wait_for_ends()
        self.lond.wait_for_links()
        self.book.cut()
        self.book.check()
        self.rig.check()

    def _rest(self):
        """Nobody asks, lond is well: so all that was promised is carried out."""
        self.workers.stop()
        self.lond.calm()
        carried, end = None, 0
        # A name that stays while nothing is carried out any more is of no message.
        while self._has_messages() and (carried != self.book.num_carried or time.monotonic() < end):
            if carried != self.book.num_carried:
                carried, end = self.book.num_carried, time.monotonic() + STANDS_STILL
            time.sleep(0.2)
        self.book.check_rest()

    def _has_messages(self):
        return self.rig.machine.run("echo /srv/delayed/*") != "/srv/delayed/*"


def _archive(lonc, port):
    def named(text):
        return text.replace("HOST", HOST).replace("GATEWAY", GATEWAY).replace("PORT", str(port)).replace("PIPELINE", str(PIPELINE))

    return (Archive().program("/bin/lonc", lonc).program("/bin/socat").modules("virtio_net")
            .file("/etc/lonc.toml", named(CONFIG)).file("/pass-on", named(PASS_ON), 0o755))
