"""Programs that tests need: Debian's, and those that cargo builds from this tree."""

import json
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]


def install(tools):
    """Installs the packages of those programs that are missing; `tools` has the package of each."""
    missing = sorted({package for tool, package in tools.items() if shutil.which(tool) is None})
    if missing:
        quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "stdout": subprocess.DEVNULL, "check": True}
        subprocess.run(["apt-get", "-q", "update"], **quiet)
        subprocess.run(["apt-get", "-q", "install", "-y", "--no-install-recommends", *missing], **quiet)


def build(name, package=None, profile="release", tree=ROOT):
    """The path of a program of this package, which is called like it if none is named."""
    package = package or name
    built = subprocess.run(
        ["cargo", "build", "--quiet", "--locked", "--profile", profile, "-p", package, "--bin", name, "--message-format=json"],
        cwd=tree, stdout=subprocess.PIPE, encoding="utf-8", check=True,
    )
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == name:
            return message["executable"]
    raise SystemExit(f"cargo built no {name}")


def patched(patches, place):
    """A copy of this tree, all that git has or would take, in this directory, which is made anew; with these patches."""
    place = pathlib.Path(place)
    shutil.rmtree(place, ignore_errors=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listed, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout.decode().split("\0")
    for file in filter(None, files):
        # One that was deleted is listed until that is committed.
        if (ROOT / file).exists():
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, place / file)
    for patch in patches:
        with open(patch, "rb") as text:
            subprocess.run(["patch", "--quiet", "--forward", "-p1", "-d", place], stdin=text, check=True)
    return place
