"""What systemd's and Debian's own checkers say."""

import re
import shutil
import subprocess

from harness.images import LINTIAN
from harness.registry import scenario

MOST_EXPOSURE = 1.1
UNITS = ("lonc@msul1.service", "lonc@msul1.socket", "lonc-control@msul1.socket", "lonc.target",
         "lonc-sockets.target", "lonc.slice", "lonc-hosts.path", "lonc-hosts.service",
         "lonc-hosts-again.service", "lonc-metrics.socket", "lonc-metrics.service", "lonc-usr1.service",
         "lonc-reconnect.socket", "lonc-reconnect@x.service", "lonc-aliases.service", "lonc-table.service", "lonc-hosts.timer")


@scenario
def exposure(site):
    """`systemd-analyze security` gives at most 1.1; `verify` has nothing to say."""
    host = site.configured()
    files = [host.show(unit, "FragmentPath") for unit in UNITS]
    verified = host.run("systemd-analyze", "verify", "--man=no", *files, check=False)
    assert verified.returncode == 0 and verified.stdout + verified.stderr == "", verified.stdout + verified.stderr
    level = _exposure(host, UNITS[0])
    version = host.systemctl("--version").split()[1]
    others = {unit: _exposure(host, unit) for unit in UNITS[1:] if unit.endswith(".service")}
    told = ", ".join(f"{unit} {rating}" for unit, rating in others.items())
    site.figure(f"systemd {version}: exposure {level}; {told}")
    assert level <= MOST_EXPOSURE, host.run("systemd-analyze", "security", "--no-pager", UNITS[0]).stdout


def _exposure(host, unit):
    rated = host.run("systemd-analyze", "security", "--no-pager", unit).stdout
    return float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", rated).group(1))


@scenario
def confined(site):
    """From inside an instance: nothing but itself can be executed, and who steers instances or the system is not there."""
    host = site.configured()
    host.systemctl("start", "lonc@msul1")
    pid = host.main_pid("lonc@msul1.service")
    host.run("test", "-S", "/run/lonc-control/msul1")
    for place in ("/run/lonc-control", "/run/dbus"):
        inside = f"/proc/{pid}/root{place}"
        seen = host.run("find", inside, "-mindepth", "1").stdout.split()
        assert not seen, seen
    tried = host.run("nsenter", f"--mount=/proc/{pid}/ns/mnt", "/bin/true", check=False)
    assert tried.returncode == 126 and "Permission denied" in tried.stderr, tried.stderr
    limits = host.run("cat", f"/proc/{pid}/limits").stdout
    assert re.search(r"Max core file size +0 +0 ", limits), limits
    assert host.show("lonc@msul1.service", "Slice") == "lonc.slice"
    assert host.show("lonc.slice", "MemoryMax") != "infinity"


@scenario
def lintian(site):
    """lintian has no error and no warning to tell."""
    root = site.chroot(LINTIAN)
    shutil.copy(site.deb, root / "tmp/lonc.deb")
    options = ["--allow-root", "--tag-display-limit=0", "--info", "--fail-on=error,warning"]
    done = subprocess.run(
        ["chroot", root, "lintian", *options, "/tmp/lonc.deb"], capture_output=True, encoding="utf-8", check=False
    )
    tags = [line for line in done.stdout.splitlines() if re.match("[EWIPO]: ", line)]
    version = subprocess.run(["chroot", root, "dpkg-query", "-W", "-f", "${Version}", "lintian"],
                             capture_output=True, encoding="utf-8", check=True).stdout
    site.figure(f"lintian {version}: {'; '.join(tags) or 'silent'}")
    assert done.returncode == 0, done.stdout + done.stderr
