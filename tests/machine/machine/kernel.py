"""Debian's kernel for virtual machines, out of its package, which is not installed."""

import fcntl
import os
import pathlib
import shutil
import subprocess
import tempfile

from harness import programs

CACHE = "/var/cache/lonc-system-tests"
# Whose newest version it depends on.
METAPACKAGE = "linux-image-cloud-amd64"
# What a machine needs as well, so that all is there before several are made at once.
TOOLS = {"dpkg-deb": "dpkg", "depmod": "kmod", "busybox": "busybox-static", "qemu-system-x86_64": "qemu-system-x86"}


class Kernel:
    """One that is unpacked."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.image = next(self.root.glob("boot/vmlinuz-*"))
        self.version = self.image.name.removeprefix("vmlinuz-")

    def modules(self, names):
        """The files of these modules and of all that they need, in the order in which they are to be loaded."""
        shown = subprocess.run(
            ["modprobe", "--dirname", self.root, "--set-version", self.version, "--show-depends", "--all", *names],
            stdout=subprocess.PIPE, encoding="utf-8", check=True, env=_with_sbin(),
        ).stdout
        files = [line.split()[1] for line in shown.splitlines() if line.startswith("insmod ")]
        return [pathlib.Path(file) for file in dict.fromkeys(files)]


def fetch(cache=None):
    """The kernel in the cache, which is $LONC_SYSTEM_TESTS_CACHE if that is set; got from apt if it is not there yet."""
    cache = pathlib.Path(cache or os.environ.get("LONC_SYSTEM_TESTS_CACHE", CACHE))
    cache.mkdir(parents=True, exist_ok=True)
    unpacked = cache / "cloud-kernel"
    with (cache / "cloud-kernel.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        programs.install(TOOLS)
        if not unpacked.exists():
            _unpack(unpacked)
    return Kernel(unpacked)


def _unpack(place):
    half = place.with_suffix(".unfinished")
    shutil.rmtree(half, ignore_errors=True)
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["apt-get", "-q", "update"], stdout=subprocess.DEVNULL, check=True)
        # As root's own: the user that apt downloads as has no access to a directory like this.
        subprocess.run(
            ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", _package()],
            cwd=directory, stdout=subprocess.DEVNULL, check=True,
        )
        package, = pathlib.Path(directory).glob("*.deb")
        subprocess.run(["dpkg-deb", "--extract", package, half], check=True)
    subprocess.run(["depmod", "--basedir", half, Kernel(half).version], check=True, env=_with_sbin())
    half.rename(place)


def _package():
    told = subprocess.run(["apt-cache", "depends", METAPACKAGE], stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
    return next(line.split()[1] for line in told.splitlines() if line.strip().startswith("Depends: linux-image-"))


def _with_sbin():
    return {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
