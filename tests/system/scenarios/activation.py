"""The socket starts the service; a peer that is away lets nobody hang."""

import time

from harness import network
from harness.registry import scenario
from harness.site import HOSTS_TAB, ask, assert_served, table
from harness.wait import until

# connect_wait is 10 s; the rest is this machine's slowness.
START_WITHIN = 45


@scenario
def socket_activation(site):
    """Service stopped: a client connects and is served."""
    site.lond()
    host = site.configured()
    host.systemctl("start", "lonc@msul1")
    host.systemctl("stop", "lonc@msul1.service")
    assert not host.is_active("lonc@msul1.service")
    assert host.is_active("lonc@msul1.socket")
    assert_served(host)
    # It may answer before systemd has its word that it is ready.
    until("the service is started", lambda: host.is_active("lonc@msul1.service"))


@scenario
def first_client_without_start(site):
    """Nothing but the generator's socket: the first client starts the service."""
    site.lond()
    host = site.configured()
    host.systemctl("daemon-reload")
    host.systemctl("start", "lonc.target")
    assert not host.is_active("lonc@msul1.service")
    assert_served(host)
    host.shut_down()
    host.boot()
    assert_served(host)


@scenario
def peer_refuses(site):
    """No lond on the peer's port: start returns, a worker gets con_lost at once."""
    _assert_no_hang(site, site.configured())


@scenario
def peer_unreachable(site):
    """Nobody has the peer's address: start returns, a worker gets con_lost."""
    host = site.configured()
    host.write(HOSTS_TAB, table(msul1=network.NOBODY))
    _assert_no_hang(site, host)


@scenario
def peer_says_nothing(site):
    """The peer's lond accepts and is silent: start returns, a worker gets con_lost."""
    site.lond(behaviour="stall-at:accept")
    _assert_no_hang(site, site.configured())


@scenario
def idle_exit(site):
    """daemon.idle_exit: the service ends by itself and well; each next client starts it again and is answered."""
    site.lond()
    host = site.configured(idle_exit='"1s"')
    host.systemctl("daemon-reload")
    host.systemctl("start", "lonc.target")
    for _ in range(3):
        assert_served(host)
        until("the service has ended", lambda: not host.is_active("lonc@msul1.service"), within=START_WITHIN)
        assert host.show("lonc@msul1.service", "Result") == "success"
        assert host.is_active("lonc@msul1.socket")
        until("its control socket has ended", lambda: not host.is_active("lonc-control@msul1.socket"))


def _assert_no_hang(site, host):
    began = time.monotonic()
    host.systemctl("start", "lonc@msul1", timeout=START_WITHIN)
    started = time.monotonic() - began
    assert host.is_active("lonc@msul1.service")
    began = time.monotonic()
    assert ask(host, "echo:hello", within=START_WITHIN) == ["con_lost"]
    site.figure(f"peer away: start returned after {started:.1f} s, con_lost after {time.monotonic() - began:.1f} s")

    host.systemctl("stop", "lonc@msul1.service")
    began = time.monotonic()
    assert ask(host, "echo:hello", within=START_WITHIN) == ["con_lost"]
    site.figure(f"peer away, service stopped: con_lost after {time.monotonic() - began:.1f} s")
