"""The package goes."""

from harness.registry import scenario
from harness.site import assert_served
from harness.wait import until

# What policy or the system keeps: dpkg's and systemd's own records, and the user, whose number must not be reused.
KEPT = (
    "/root/",
    "/var/lib/dpkg",
    "/var/cache/",
    "/var/log/",
    "/var/lib/systemd",
    "/var/lib/lastlog",
    "/var/tmp",
    "/etc/passwd",
    "/etc/group",
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/.pwd.lock",
    "/etc/subuid",
    "/etc/subgid",
)
RUN_KEPT = ("/run/systemd", "/run/udev", "/run/lock", "/run/log")


@scenario
def purge(site):
    """Remove stops everything and keeps settings; purge leaves nothing but what policy keeps."""
    site.lond()
    host = site.host()
    before = _files(host)
    site.install(host, site.deb)
    host.set_key("host_id", '"msul2"')
    host.systemctl("daemon-reload")
    host.systemctl("start", "lonc.target", "lonc@msul1")
    assert_served(host)
    user = host.run("id", "-u", "lonc").stdout.strip()
    assert _processes(host, user) != ""

    host.run("dpkg", "--remove", "lonc", timeout=120)
    assert _processes(host, user) == "", "a process of user lonc is left"
    until("no unit is left after remove", lambda: _units(host) == [])
    assert host.path("/etc/lonc/lonc.toml").exists(), "remove took the settings away"

    host.run("dpkg", "--purge", "lonc", timeout=120)
    left = sorted(path for path in _files(host) - before if not path.startswith(KEPT + RUN_KEPT))
    assert left == [], f"purge left {left}"
    logs = [path for path in _files(host) - before if path.startswith(("/var/log/lonc", "/var/spool/lonc"))]
    assert logs == [], f"purge left {logs}"
    until("no unit is left after purge", lambda: _units(host) == [])
    sockets = [line for line in host.run("cat", "/proc/net/unix").stdout.splitlines() if "/lonc" in line]
    assert sockets == [], f"sockets are left: {sockets}"
    assert "lonc" not in host.systemctl("--failed")


@scenario
def remove_and_install_again(site):
    """After remove and install the old settings are in force."""
    site.lond()
    host = site.configured()
    host.systemctl("start", "lonc@msul1")
    host.run("dpkg", "--remove", "lonc", timeout=120)
    site.install(host, site.deb)
    host.systemctl("start", "lonc@msul1")
    assert_served(host)


def _files(host):
    # Some may go while it looks.
    found = host.run("find", "/", "/run", "-xdev", "-not", "-path", "/proc/*", check=False).stdout
    return set(found.splitlines())


def _processes(host, user):
    return host.run("find", "/proc", "-maxdepth", "1", "-uid", user, "-name", "[0-9]*").stdout


def _units(host):
    """Units of lonc that systemd still knows as loaded and alive."""
    listed = host.systemctl("list-units", "--all", "--plain", "--no-legend", "lonc*").splitlines()
    return [line for line in listed if " inactive " not in line]
