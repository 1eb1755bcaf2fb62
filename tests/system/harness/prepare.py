"""What must be there before the first scenario: tools, packages of two versions, the stand-in lond, base images."""

import concurrent.futures
import pathlib
import shutil
import subprocess
import tempfile
import time

from . import images, programs
from .programs import ROOT

TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "unshare": "util-linux",
    "dpkg-deb": "dpkg",
    "haproxy": "haproxy",
    "openssl": "openssl",
}


def prepare(suites, cache, logs, deb=None):
    """Makes all of it, but a package that is given, and returns where it is, in words that fit into a JSON file."""
    programs.install(TOOLS)
    with concurrent.futures.ThreadPoolExecutor() as at_once:
        made = {suite: at_once.submit(_timed, images.images, suite, cache) for suite in suites}
        built, build_time = (deb, 0.0) if deb else _timed(_build_deb, logs)
        # Aside: the next build may write over it.
        deb = str(shutil.copyfile(built, logs / built.name))
        newer, newer_time = _timed(_renew, deb)
        lond = programs.build("stand-in-lond", profile="release")
        ready = {suite: paths.result() for suite, paths in made.items()}
    print(f"prepared: package {build_time:.0f} s, its newer version {newer_time:.0f} s, images "
          + ", ".join(f"{suite} {seconds:.0f} s" for suite, (_, seconds) in ready.items()), flush=True)
    return {
        "deb": deb,
        "newer_deb": newer,
        "lond": lond,
        "images": {suite: paths for suite, (paths, _) in ready.items()},
    }


def _timed(work, *arguments):
    began = time.monotonic()
    return work(*arguments), time.monotonic() - began


def _build_deb(logs):
    """The package's path."""
    log = logs / "build-deb.log"
    with log.open("w") as errors:
        built = subprocess.run(
            [ROOT / "packaging/build-deb.sh"], stdout=subprocess.PIPE, stderr=errors, encoding="utf-8", check=False,
        )
        errors.write(built.stdout)
    if built.returncode != 0:
        raise SystemExit(f"packaging/build-deb.sh failed; see {log}")
    return pathlib.Path(built.stdout.splitlines()[-1])


def _renew(deb):
    """The same package, as it would be built anew: its version sorts directly after, and its files are others to dpkg."""
    version = deb_field(deb, "Version")
    newer = f"{version}+newer1"
    kept = pathlib.Path(deb).with_name(f"lonc_{newer}.deb")
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["dpkg-deb", "--raw-extract", deb, directory], check=True)
        control = pathlib.Path(directory, "DEBIAN/control")
        control.write_text(control.read_text().replace(f"\nVersion: {version}\n", f"\nVersion: {newer}\n"))
        subprocess.run(["dpkg-deb", "-Zgzip", "--build", directory, kept], stdout=subprocess.DEVNULL, check=True)
    assert deb_field(kept, "Version") == newer
    return str(kept)


def deb_field(deb, name):
    """A field of a package's control file."""
    return subprocess.run(["dpkg-deb", "-f", deb, name], capture_output=True, encoding="utf-8", check=True).stdout.strip()
