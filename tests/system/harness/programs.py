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
