"""Delayed messages: who waits for them is started, and the configuration alone says where they are."""

from harness import network
from harness.classic import CONF, DAEMONS, SOCKETS, classic_host, put_drop_ins
from harness.registry import scenario
from harness.site import HOSTS_TAB, ask, await_followed, table
from harness.wait import until

SPOOL = "/var/spool/lonc/delayed"
STOPPED, MASKED, ENDED = "stopped", "masked", "ended"
TARGET = "lonc.target"


@scenario
def messages_start_instances(site):
    """A message to a peer whose instance does not run starts it, also at boot; not where its socket is stopped or masked."""
    site.lond()
    host = site.configured()
    host.write(HOSTS_TAB, table(**dict.fromkeys((STOPPED, MASKED, ENDED), network.NOBODY)))
    until("the peers have sockets", lambda: host.is_active(f"lonc@{ENDED}.socket"), within=90)
    await_followed(host)
    host.systemctl("stop", f"lonc@{STOPPED}.socket")
    host.systemctl("mask", f"lonc@{MASKED}.service")
    _await_nobody_looks(host)
    for peer in (STOPPED, MASKED, "unknown", ENDED, "msul1"):
        _leave(host, peer)
    until("it is sent", lambda: _waiting(host, "msul1") == [], within=90)
    until("who is down runs as well", lambda: host.is_active(f"lonc@{ENDED}.service"), within=90)
    # Once more, when what ran because of the first has ended.
    _await_nobody_looks(host)
    host.systemctl("stop", "lonc@msul1.service")
    _leave(host, "msul1")
    until("it is sent", lambda: _waiting(host, "msul1") == [], within=90)
    assert not host.is_active(f"lonc@{STOPPED}.socket") and not host.is_active(f"lonc@{STOPPED}.service")
    assert host.is_active(f"lonc@{MASKED}.socket"), "the socket of a masked service was taken down"
    listed = host.systemctl("list-units", "--all", "--plain", "--no-legend", "lonc*unknown*")
    assert listed == "", f"one that is no peer was started: {listed}"

    host.systemctl("stop", TARGET)
    _leave(host, "msul1")
    host.shut_down()
    host.boot()
    until("what waited is sent after a boot", lambda: _waiting(host, "msul1") == [], within=90)


@scenario
def loncapa_conf_alone(site):
    """LON-CAPA's own files say it all: messages are stored, held, dropped and sent; with the drop-ins of a classic host, too."""
    host = classic_host(site, {}, down=network.NOBODY)
    site.install(host, site.deb)
    host.set_key("loncapa_conf", f'["{CONF}"]')
    host.systemctl("start", "lonc-hosts.service")
    _keeps_messages(host, "/run/lonc")
    put_drop_ins(host)
    host.systemctl("stop", TARGET)
    host.systemctl("daemon-reload")
    host.systemctl("start", TARGET)
    _keeps_messages(host, SOCKETS)


def _keeps_messages(host, sockets):
    assert ask(host, "critical:put:first", peer="down", sockets=sockets) == ["con_delayed"]
    assert ask(host, "critical:put:second", peer="down", sockets=sockets) == ["con_delayed"]
    first, second = _waiting(host, "down", f"{SOCKETS}/delayed")
    host.run("loncctl", "spool", "hold", "down", first)
    assert _waiting(host, "down", f"{SOCKETS}/held") == [first]
    host.run("loncctl", "spool", "drop", "--yes", "down", second)
    assert _waiting(host, "down", f"{SOCKETS}/failed") == [second]
    host.run("loncctl", "spool", "retry", "down", first)
    assert _waiting(host, "down", f"{SOCKETS}/delayed") == [first]
    assert "put" in host.run("cat", f"{DAEMONS}/logs/lonnet.perm.log").stdout
    host.run("loncctl", "spool", "drop", "--yes", "down", first)
    # One that another's worker left, and that is sent.
    _leave(host, "msul1", f"{SOCKETS}/delayed", "www")
    until("it is sent", lambda: _waiting(host, "msul1", f"{SOCKETS}/delayed") == [], within=90)
    host.run("rm", "-r", f"{SOCKETS}/failed")


def _await_nobody_looks(host):
    """Waits until what looks for messages has ended: nothing is watched meanwhile."""
    until("nobody looks", lambda: host.show("lonc-delayed.service", "ActiveState") == "inactive", within=90)


def _leave(host, peer, spool=SPOOL, user="lonc"):
    """As a worker of the old kind does."""
    name = f"{spool}/1795624205.000001.7948.echo.{peer}"
    host.run("sh", "-c", f"echo echo:late >{name}.new && chown {user} {name}.new && mv {name}.new {name}")


def _waiting(host, peer, shelf=SPOOL):
    found = host.run("find", shelf, "-maxdepth", "1", "-type", "f", "-name", f"*.{peer}", "-not", "-name", ".*", "-printf", "%f\n")
    return sorted(found.stdout.split())
