"""Base images of the Debians, made once by debootstrap from the mirror that apt uses on this machine."""

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess

SUITES = ("bookworm", "trixie")
# python3-minimal runs guest/worker.py.
PACKAGES = ("systemd", "systemd-sysv", "dbus", "python3-minimal")
FINISH = """
systemctl enable systemd-networkd.service
systemctl mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer console-getty.service
mkdir -p /var/log/journal
rm -f /etc/resolv.conf
apt-get clean
"""


def image(suite, cache):
    """The directory of the base image, made if it is not there yet. It is never to be written to."""
    recipe = hashlib.sha256(f"{PACKAGES}{FINISH}".encode()).hexdigest()[:8]
    made = pathlib.Path(cache) / f"{suite}-{recipe}"
    made.parent.mkdir(parents=True, exist_ok=True)
    with (made.parent / f"{suite}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _make(suite, made)
    return made


def _make(suite, made):
    for old in made.parent.glob(f"{suite}-*"):
        shutil.rmtree(old)
    half = made.with_suffix(".unfinished")
    log = made.parent / f"{suite}.log"
    uri = mirror()
    with log.open("w") as out:
        run = {"stdout": out, "stderr": out, "check": True, "env": {**os.environ, **_proxy()}}
        try:
            subprocess.run(
                ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", suite, half, *filter(None, [uri])],
                **run,
            )
            subprocess.run(["chroot", half, "sh", "-ec", FINISH], **run)
        except subprocess.CalledProcessError as fault:
            raise SystemExit(f"no image of {suite}: {fault}; see {log}") from fault
    half.rename(made)


def mirror():
    """Where this machine's apt gets Debian from; nothing if apt does not know, then debootstrap decides."""
    form = "$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)"
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", form], capture_output=True, encoding="utf-8", check=True
    ).stdout
    for line in listed.splitlines():
        origin, label, component, uri = line.split("|")
        if (origin, label, component) == ("Debian", "Debian", "main"):
            return uri.rstrip("/")
    return None


def _proxy():
    """apt's proxy in the words of debootstrap's downloader."""
    words = {}
    for scheme in ("http", "https"):
        option = f"Acquire::{scheme}::Proxy"
        said = subprocess.run(
            ["apt-config", "dump", "--format", "%v", option], capture_output=True, encoding="utf-8", check=True
        ).stdout.strip()
        if said and said != "DIRECT":
            words[f"{scheme}_proxy"] = said
    return words
