"""Changes while it runs."""

from harness import network
from harness.registry import scenario
from harness.site import HOSTS_TAB, assert_served, await_followed, held_after_its_look, table, wait_until_up
from harness.wait import until

SERVICE = "lonc@msul1.service"
CONFIG = "/etc/lonc/lonc.toml"


@scenario
def reload(site):
    """`systemctl reload`: a good file is taken, a bad one refused and the old one goes on."""
    site.lond()
    host = site.configured()
    host.systemctl("start", SERVICE)
    wait_until_up(host)
    before = host.main_pid(SERVICE)

    host.set_key("log_level", '"debug"')
    host.systemctl("reload", SERVICE)
    messages = [record["MESSAGE"] for record in host.journal(f"--unit={SERVICE}")]
    assert any("configuration read anew" in message for message in messages), "reload returned before it was done"

    good = host.path(CONFIG).read_text()
    host.write(CONFIG, good + "\n[nonsense]\nkey = 1\n")
    bad = host.run("systemctl", "reload", SERVICE, check=False)
    assert bad.returncode != 0, "systemctl reload of a bad file reports success"
    assert host.is_active(SERVICE)
    assert host.main_pid(SERVICE) == before
    assert_served(host)
    messages = [record["MESSAGE"] for record in host.journal(f"--unit={SERVICE}")]
    assert any("nonsense" in message for message in messages), "nothing in the journal names the fault"

    host.write(CONFIG, good)
    host.systemctl("reload", SERVICE)
    assert host.main_pid(SERVICE) == before
    assert_served(host)


@scenario
def restart_target(site):
    """`systemctl restart lonc.target` restarts every instance; the sockets, and who waits at them, stay. Reload reloads."""
    site.lond()
    host = site.configured()
    # Nobody to tell is no fault.
    host.systemctl("reload", "lonc.target")
    # A second peer behind the same lond; it warns of the other name and goes on.
    host.write(HOSTS_TAB, table(msul3=network.LOND_ADDRESS))
    units = ["lonc@msul1.service", "lonc@msul3.service"]
    host.systemctl("start", "lonc.target", *units)
    before = [host.main_pid(unit) for unit in units]
    host.systemctl("reload", "lonc.target")
    for unit in units:
        until(f"{unit} is reloaded", lambda unit=unit: _reloads(host, unit))
    await_followed(host)
    # No command is needed where a peer is elsewhere; that of the other is where it was.
    host.write(HOSTS_TAB, table(msul3=network.NOBODY))
    until("the new address is used", lambda: network.NOBODY in host.show(units[1], "StatusText"))
    assert _reloads(host, units[0]) == 1, "who stays where it is was told"
    host.write(HOSTS_TAB, table(msul3=network.LOND_ADDRESS))
    assert [host.main_pid(unit) for unit in units] == before, "an instance was restarted"
    socket = host.run("stat", "-c", "%i", "/run/lonc/msul1").stdout
    host.systemctl("restart", "lonc.target")
    after = [until(f"{unit} runs", lambda unit=unit: host.main_pid(unit)) for unit in units]
    assert not set(before) & set(after), "an instance was not restarted"
    assert host.run("stat", "-c", "%i", "/run/lonc/msul1").stdout == socket, "the socket was restarted"

    host.systemctl("stop", "lonc.target")
    until("all have stopped", lambda: not any(host.is_active(unit) for unit in [*units, "lonc@msul1.socket"]))
    host.systemctl("start", "lonc.target")
    assert_served(host)


def _reloads(host, unit):
    messages = [record["MESSAGE"] for record in host.journal(f"--unit={unit}")]
    return sum("configuration read anew" in message for message in messages)


@scenario
def hosts_tab_changes(site):
    """A line added to hosts.tab gives a socket, a removed one takes socket and service away; others go on."""
    site.lond()
    host = site.configured()
    host.systemctl("daemon-reload")
    host.systemctl("start", "lonc.target", SERVICE)
    wait_until_up(host)
    before = host.main_pid(SERVICE)

    host.write(HOSTS_TAB, table(msul3=network.LOND_ADDRESS))
    until("the new peer has a socket", lambda: host.is_active("lonc@msul3.socket"), within=90)
    assert_replies_through(host, "msul3")
    # It may answer before systemd, which is reading units just now, has taken its word that it is ready.
    until("the new peer's service is started", lambda: host.is_active("lonc@msul3.service"))

    await_followed(host)
    host.write(HOSTS_TAB, table())
    until("the removed peer's socket is gone", lambda: host.show("lonc@msul3.socket", "ActiveState") == "inactive", within=90)
    until("the removed peer's service has stopped", lambda: not host.is_active("lonc@msul3.service"))
    assert host.run("test", "-e", "/run/lonc/msul3", check=False).returncode != 0, "its socket file is left"
    assert host.main_pid(SERVICE) == before, "the other instance was restarted"
    assert_served(host)


@scenario
def change_in_the_last_moment(site):
    """hosts.tab changes when the last change is being followed and the table was read: systemd tells of nothing then."""
    host = site.configured()
    host.systemctl("start", "lonc.target")
    await_followed(host)
    with held_after_its_look(host) as has_looked:
        host.write(HOSTS_TAB, table(msul3=network.NOBODY))
        until("the table was read", has_looked)
        assert host.is_active("lonc@msul3.socket")
        host.write(HOSTS_TAB, table(msul3=network.NOBODY, msul4=network.NOBODY))
    until("that is followed as well", lambda: host.is_active("lonc@msul4.socket"))
    warnings = host.journal("--unit=lonc-hosts*", "--priority=warning")
    assert not warnings, warnings


def assert_replies_through(host, peer):
    """The lond on the bridge calls itself msul1, whoever is asked for."""
    from harness.site import ask  # noqa: PLC0415

    assert ask(host, "echo:new", peer=peer) == ["new"]
