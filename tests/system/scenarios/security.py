"""What systemd's and Debian's own checkers say."""

import re
import subprocess

from harness.registry import scenario

MOST_EXPOSURE = 1.2
UNITS = ("lonc@msul1.service", "lonc@msul1.socket", "lonc.target", "lonc-hosts.path", "lonc-hosts.service")


@scenario
def exposure(site):
    """`systemd-analyze security` gives at most 1.2; `verify` has nothing to say."""
    host = site.configured()
    verified = host.run("systemd-analyze", "verify", "--man=no", *UNITS, check=False)
    assert verified.returncode == 0 and verified.stdout + verified.stderr == "", verified.stdout + verified.stderr
    rated = host.run("systemd-analyze", "security", "--no-pager", UNITS[0]).stdout
    level = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", rated).group(1))
    version = host.systemctl("--version").split()[1]
    site.figure(f"systemd {version}: exposure {level}")
    assert level <= MOST_EXPOSURE, rated


@scenario
def lintian(site):
    """lintian has no error and no warning to tell."""
    done = subprocess.run(
        ["lintian", "--allow-root", "--tag-display-limit", "0", "--info", "--fail-on", "error,warning", site.deb],
        capture_output=True, encoding="utf-8", check=False,
    )
    tags = [line for line in done.stdout.splitlines() if re.match("[EWIP]: ", line)]
    version = subprocess.run(["lintian", "--print-version"], capture_output=True, encoding="utf-8", check=True).stdout
    site.figure(f"lintian {version.strip()} of the building machine: {'; '.join(tags) or 'silent'}")
    assert done.returncode == 0, done.stdout + done.stderr
