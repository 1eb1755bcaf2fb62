"""What an administrator has started, stopped, enabled, disabled or masked is so after an upgrade, a removal and a boot."""

from harness import network
from harness.classic import own_by_www
from harness.registry import scenario
from harness.site import HOSTS_TAB, assert_served, await_followed, table
from harness.wait import until

TARGET, METRICS, USR1 = "lonc.target", "lonc-metrics.socket", "lonc-usr1.service"
PATH, TIMER, SPOOL = "lonc-hosts.path", "lonc-hosts.timer", "lonc-delayed.path"
# A peer for each state that the units of one can be in.
RUNS, STOPPED, MASKED, ENABLED, ENDED = "msul1", "stopped", "masked", "enabled", "ended"
PEERS = {peer: network.NOBODY for peer in (STOPPED, MASKED, ENABLED, ENDED)}
UNITS = (TARGET, METRICS, USR1, PATH, TIMER, SPOOL,
         *(f"lonc@{peer}.{kind}" for peer in (RUNS, *PEERS) for kind in ("socket", "service")))
ALL_OF_LONC = ("lonc.target", "lonc-*", "lonc@*")


@scenario
def states_over_package(site):
    """A table of unit and state over upgrade, removal, installation, a boot and purge: all as it was."""
    host = _host(site)
    for number, begin in enumerate((_all_runs, _mixed, _by_hand, _masked)):
        begin(host)
        _keeps(site, host, number)
    _over_boot(host)
    _all_runs(host)
    host.run("dpkg", "--remove", "lonc", timeout=120)
    _over_boot(host, lambda: site.install(host, site.deb))
    # What a takeover added goes; a drop-in of an administrator's own stays.
    host.write("/etc/systemd/system/lonc@.service.d/classic.conf", "[Service]\n")
    host.write("/etc/systemd/system/lonc@.socket.d/own.conf", "[Socket]\n")
    host.run("dpkg", "--purge", "lonc", timeout=120)
    _assert_nothing_runs(host)
    assert host.path("/etc/systemd/system/lonc@.socket.d/own.conf").exists()
    host.run("rm", "-r", "/etc/systemd/system/lonc@.socket.d")
    left = host.run("find", "/etc", "/run", "/var/lib", "-name", "*lonc*", "-not", "-path", "/var/lib/dpkg/*").stdout
    left = [path for path in left.split() if not path.startswith("/run/systemd/")]
    assert left == [], f"purge left {left}"


@scenario
def edits_start_nothing_stopped(site):
    """An edit of hosts.tab starts new peers alone: none that was stopped, and nothing at all without lonc.target."""
    host = _host(site)
    _all_runs(host)
    _edit(host, new=network.NOBODY)
    until("the new peer has a socket", lambda: host.is_active("lonc@new.socket"), within=90)
    for peer in (STOPPED, MASKED):
        assert not host.is_active(f"lonc@{peer}.socket"), f"{peer} was started"
    assert not host.is_active(f"lonc@{ENDED}.service")
    # It comes back, though its units have not gone.
    await_followed(host)
    _edit(host)
    until("its socket is gone", lambda: not host.is_active("lonc@new.socket"), within=90)
    await_followed(host)
    _edit(host, new=network.NOBODY)
    until("it has a socket again", lambda: host.is_active("lonc@new.socket"), within=90)
    await_followed(host)
    host.systemctl("stop", TARGET)
    host.systemctl("start", PATH)
    _edit(host, new=network.NOBODY, newer=network.NOBODY)
    until("the table is followed", lambda: "newer" in host.run("loncctl", "peers").stdout, within=90)
    await_followed(host)
    # Of one that was masked while it listened the file stays: systemd has forgotten what to run when it stops.
    there = [name for name in host.run("ls", "/run/lonc").stdout.split() if not name.startswith(MASKED)]
    assert there == [], f"there are sockets without lonc.target: {there}"
    host.systemctl("start", TARGET)
    assert host.is_active("lonc@newer.socket")
    until("what is enabled came back with lonc.target", lambda: host.is_active(USR1))


def _host(site):
    site.lond()
    host = site.host()
    own_by_www(host)
    host.write(HOSTS_TAB, table(**PEERS))
    site.install(host, site.deb)
    host.set_key("host_id", '"msul2"')
    host.systemctl("start", "lonc-hosts.service")
    await_followed(host)
    return host


def _edit(host, **more):
    host.write(HOSTS_TAB, table(**PEERS, **more))


# The rows of the table


def _all_runs(host):
    host.systemctl("unmask", METRICS, USR1)
    host.systemctl("enable", "--now", TARGET, PATH, METRICS, USR1)
    _peers(host)


def _mixed(host):
    host.systemctl("disable", "--now", TARGET, USR1)
    host.systemctl("stop", METRICS)
    _await_stopped(host)


def _by_hand(host):
    host.systemctl("start", TARGET)
    host.systemctl("disable", METRICS)
    host.systemctl("start", METRICS, USR1)
    host.systemctl("disable", PATH)
    host.systemctl("stop", TIMER, PATH)
    _peers(host)


def _masked(host):
    host.systemctl("enable", TARGET)
    host.systemctl("stop", TARGET)
    host.systemctl("mask", "--now", METRICS, USR1)
    _await_stopped(host)


def _await_stopped(host):
    """Waits for what stops because of lonc.target, which does not wait for it."""
    listing = ("list-units", "--plain", "--no-legend", "--state=active,deactivating", "lonc@*")
    until("the peers' units have stopped", lambda: host.systemctl(*listing) == "")


def _peers(host):
    """One in each state; `RUNS` was started by its first client."""
    host.systemctl("unmask", f"lonc@{MASKED}.socket", f"lonc@{MASKED}.service")
    host.systemctl("start", f"lonc@{STOPPED}.socket", f"lonc@{ENDED}.service")
    host.systemctl("enable", "--now", f"lonc@{ENABLED}.service")
    host.systemctl("stop", f"lonc@{ENDED}.service", f"lonc@{STOPPED}.socket", f"lonc@{STOPPED}.service")
    host.systemctl("mask", "--now", f"lonc@{MASKED}.socket", f"lonc@{MASKED}.service")
    assert_served(host)


# And its columns


def _keeps(site, host, number):
    before, running = _states(host), _main_pids(host)
    site.install(host, site.newer_deb if number % 2 == 0 else site.deb)
    _assert_same(f"round {number}: an upgrade", before, host)
    assert not running & _main_pids(host), "what ran was not restarted"
    deleted = host.run("sh", "-c", "ls -l /proc/[0-9]*/exe 2>/dev/null | grep 'lonc.*(deleted)' || true").stdout
    assert deleted == "", f"a deleted program runs: {deleted}"
    host.run("dpkg", "--remove", "lonc", timeout=120)
    _assert_nothing_runs(host)
    site.install(host, site.deb if number % 2 == 0 else site.newer_deb)
    _assert_same(f"round {number}: removal and installation", before, host)


def _over_boot(host, afterwards=lambda: None):
    """What is enabled runs, and nothing else; so it does when the package was away over a boot."""
    host.shut_down()
    host.boot()
    afterwards()
    until("it is followed", lambda: not host.systemctl("list-jobs").startswith("JOB"), within=90)
    for unit in (TARGET, METRICS, f"lonc@{ENABLED}.service"):
        is_enabled = host.run("systemctl", "is-enabled", unit, check=False).stdout.strip() == "enabled"
        assert host.is_active(unit) == is_enabled, f"{unit} after a boot"
    assert not host.is_active(f"lonc@{MASKED}.socket")
    assert host.is_active(f"lonc@{STOPPED}.socket") == host.is_active(TARGET)


def _states(host):
    enabled = host.systemctl("is-enabled", *UNITS, check=False).splitlines()
    active = host.systemctl("is-active", *UNITS, check=False).splitlines()
    return dict(zip(UNITS, zip(enabled, active, strict=True), strict=True))


def _assert_same(what, before, host):
    after = _states(host)
    changed = {unit: (before[unit], after[unit]) for unit in UNITS if before[unit] != after[unit]}
    assert changed == {}, f"{what} changed {changed}"


def _main_pids(host):
    services = [unit for unit in UNITS if unit.endswith(".service")]
    return {host.main_pid(unit) for unit in services} - {0}


def _listening(host):
    sockets = host.run("cat", "/proc/net/unix", "/proc/net/tcp").stdout.splitlines()
    # 127.0.0.1:15663, in the kernel's words.
    return [line for line in sockets if "/lonc" in line or "0100007F:3D2F 00000000:0000 0A" in line]


def _units(host):
    listed = host.systemctl("list-units", "--all", "--plain", "--no-legend", "--", *ALL_OF_LONC).splitlines()
    return [line for line in listed if " inactive " not in line and "lonc.slice" not in line]


def _assert_nothing_runs(host):
    until("no unit is left", lambda: _units(host) == [])
    assert _listening(host) == [], f"sockets are left: {_listening(host)}"
    running = host.run("sh", "-c", "ls -l /proc/[0-9]*/exe 2>/dev/null | grep -E '/lonc[^/]*( |$)' || true").stdout
    assert running == "", f"processes are left: {running}"
