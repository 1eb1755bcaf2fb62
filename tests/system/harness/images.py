"""Base images of the Debians, made once by mmdebstrap from the mirror that apt uses on this machine."""

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess

SUITES = ("bookworm", "trixie")
# The host that the package is installed on; python3-minimal runs guest/worker.py, psmisc has the killall of loncron.
HOST = "host"
# Where that Debian's lintian judges the package; apart, so that a host has nothing its packages did not ask for.
LINTIAN = "lintian"
PACKAGES = {HOST: ("systemd", "systemd-sysv", "dbus", "python3-minimal", "psmisc"), LINTIAN: ("lintian",)}
FINISH = {
    HOST: """
systemd-machine-id-setup
systemctl enable systemd-networkd.service
systemctl mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer console-getty.service
mkdir -p /var/log/journal
rm -f /etc/resolv.conf
""",
    LINTIAN: "",
}


def images(suite, cache):
    """The directories of this Debian's base images, made if they are not there yet. Never to be written to."""
    return {kind: str(_image(suite, kind, pathlib.Path(cache))) for kind in PACKAGES}


def lay_over(image, directory):
    """Mounts a root directory to be written to, over an image; what is written goes to `directory`."""
    for part in ("upper", "work", "root"):
        (directory / part).mkdir(parents=True)
    layers = f"lowerdir={image},upperdir={directory}/upper,workdir={directory}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, directory / "root"], check=True)
    return directory / "root"


def _image(suite, kind, cache):
    recipe = hashlib.sha256(f"{PACKAGES[kind]}{FINISH[kind]}".encode()).hexdigest()[:8]
    made = cache / f"{suite}-{kind}-{recipe}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{suite}-{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _make(suite, kind, made)
    return made


def _make(suite, kind, made):
    for old in made.parent.glob(f"{suite}-{kind}-*"):
        shutil.rmtree(old)
    half = made.with_suffix(".unfinished")
    if half.exists():
        shutil.rmtree(half)
    log = made.parent / f"{suite}-{kind}.log"
    uri = mirror()
    include = f"--include={','.join(PACKAGES[kind])}"
    with log.open("w") as out:
        run = {"stdout": out, "stderr": out, "check": True, "env": {**os.environ, **_proxy()}}
        try:
            subprocess.run(["mmdebstrap", "--variant=minbase", include, suite, half, *filter(None, [uri])], **run)
            subprocess.run(["chroot", half, "sh", "-ec", FINISH[kind]], **run)
        except subprocess.CalledProcessError as fault:
            raise SystemExit(f"no image of {suite}: {fault}; see {log}") from fault
    half.rename(made)


def mirror():
    """Where this machine's apt gets Debian from; nothing if apt does not know, then mmdebstrap decides."""
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
    """apt's proxy in the words of the environment."""
    words = {}
    for scheme in ("http", "https"):
        option = f"Acquire::{scheme}::Proxy"
        said = subprocess.run(
            ["apt-config", "dump", "--format", "%v", option], capture_output=True, encoding="utf-8", check=True
        ).stdout.strip()
        if said and said != "DIRECT":
            words[f"{scheme}_proxy"] = said
    return words
