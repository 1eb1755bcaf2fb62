"""The machine with the disk, from one cut to the next."""

import random
import subprocess
import time

from machine import Archive, Machine
from machine.archive import FILE_SYSTEMS

from . import disk

# The smallest that mkfs takes with its own choices.
SIZES = {"ext4": 64 << 20, "xfs": 300 << 20, "btrfs": 128 << 20}
MAKE = {
    "ext4": ["mkfs.ext4", "-q", "-F"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
    "btrfs": ["mkfs.btrfs", "-q", "-f"],
}
TOOLS = {"mkfs.ext4": "e2fsprogs", "mkfs.xfs": "xfsprogs", "mkfs.btrfs": "btrfs-progs"}
# What a kernel says of a file system that is not what it has written.
ILL = ("EXT4-fs error", "corrupt", "Corrupt", "BTRFS error", "BTRFS critical", "I/O error")


class Rig:
    """A machine whose disk has a file system of this kind at /srv; frozen before it has seen the disk."""

    def __init__(self, kernel, work, kind, seed, archive=None, devices=()):
        self.work = work
        self.kind = kind
        self.rng = random.Random(seed)
        self.disk = disk.Server(work, SIZES[kind])
        subprocess.run([*MAKE[kind], self.disk.path], check=True, stdout=subprocess.DEVNULL)
        self.machine = Machine(kernel, work, devices=[*self.disk.options(), *devices])
        archive = (archive or Archive()).modules("virtio_pci")
        archive.modules("virtio_blk", *FILE_SYSTEMS[kind], at_once=False).shell()
        self.machine.boot(archive).freeze()

    def start(self):
        """It has power: its disk is mounted, after whatever the file system does about the last cut."""
        self.machine.thaw()
        # Else its clock goes on where it was frozen, as one whose battery is empty: that happens, too.
        if self.rng.random() < 0.8:
            self.machine.run(f"date -s @{time.time():.0f}")
        self.machine.run(f"echo {self.rng.random()} >/dev/urandom")
        self.machine.run("/load-modules later")
        cache = self.machine.run("cat /sys/block/vda/queue/write_cache")
        assert cache == "write back", f"the machine takes its disk for one without a cache to flush: {cache}"
        self.machine.run(f"mkdir -p /srv && mount -t {self.kind} /dev/vda /srv")
        return self.machine

    def cut(self):
        """It has none any more, and the disk forgets."""
        self.machine.cut_power()
        self.disk.cut(self.rng, disk.share(self.rng))

    def check(self):
        """The file systems had nothing to complain of."""
        told = [line for line in self.machine.console.read_text(errors="replace").splitlines() if any(word in line for word in ILL)]
        assert not told, f"the file system is not sound: {told[:5]}"

    def end(self):
        """Leaves the disk as it is."""
        self.machine.destroy()
