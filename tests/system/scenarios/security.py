"""What systemd's and Debian's own checkers say."""

import re
import shutil
import subprocess

from harness.images import LINTIAN
from harness.registry import scenario

MOST_EXPOSURE = 1.1
KINDS = ("service", "socket", "target", "slice", "path", "timer")


@scenario
def exposure(site):
    """Of each service of the package `systemd-analyze security` gives at most 1.1; of each unit `verify` has nothing to say."""
    host = site.configured()
    shipped = host.run("dpkg", "--listfiles", "lonc").stdout.split()
    files = [path for path in shipped if "/systemd/system/" in path and path.rsplit(".", 1)[-1] in KINDS]
    assert len(files) > 15, files
    verified = host.run("systemd-analyze", "verify", "--man=no", *files, check=False)
    assert verified.returncode == 0 and verified.stdout + verified.stderr == "", verified.stdout + verified.stderr
    version = host.systemctl("--version").split()[1]
    services = [path.rsplit("/", 1)[1].replace("@.", "@msul1.") for path in files if path.endswith(".service")]
    levels = {unit: exposure_of(host, unit) for unit in services}
    told = ", ".join(f"{unit} {level}" for unit, level in levels.items())
    site.figure(f"systemd {version}: exposure {told}")
    worst = max(levels, key=levels.get)
    assert levels[worst] <= MOST_EXPOSURE, host.run("systemd-analyze", "security", "--no-pager", worst).stdout


def exposure_of(host, unit):
    """How exposed systemd finds the service, 0 to 10."""
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
