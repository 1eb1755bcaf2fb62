"""Two hosts with addresses of their own, each with lond and lonc."""

import time

from harness import network
from harness.registry import scenario
from harness.site import HOSTS_TAB, ask, assert_served, table, wait_until_up
from harness.wait import until


@scenario
def two_hosts(site):
    """Links both ways; the peer's machine goes and comes back: con_lost meanwhile, recovery by itself."""
    hosts = {name: site.configured(name, backoff_max='"2s"') for name in ("msul1", "msul2")}
    for host in hosts.values():
        host.write(HOSTS_TAB, table(msul1=network.ADDRESSES["msul1"]))
    here, there = hosts["msul2"], hosts["msul1"]
    site.own_lond(here, caller="msul1")
    site.own_lond(there, caller="msul2")
    here.systemctl("start", "lonc@msul1")
    there.systemctl("start", "lonc@msul2")
    line = wait_until_up(here, "msul1")
    assert f"{network.ADDRESSES['msul1']}:5663" in line
    wait_until_up(there, "msul2")
    assert_served(here, "msul1")
    assert_served(there, "msul2")
    assert ask(here, "encrypt:echo:secret") == ["secret"]
    assert ask(there, "encrypt:echo:secret", peer="msul2") == ["secret"]

    before = here.main_pid("lonc@msul1.service")
    there.shut_down()
    until("con_lost is the answer", lambda: ask(here, "echo:x") == ["con_lost"])
    began = time.monotonic()
    until("the link is given up", lambda: here.show("lonc@msul1.service", "StatusText").startswith("down"))
    assert ask(here, "echo:x", within=8) == ["con_lost"]
    assert here.is_active("lonc@msul1.service")

    there.boot()
    booted = time.monotonic()
    wait_until_up(here, "msul1")
    site.figure(f"peer's machine back: link up {time.monotonic() - booted:.1f} s after it had booted, "
                f"{booted - began:.0f} s after it went")
    assert_served(here, "msul1")
    assert here.main_pid("lonc@msul1.service") == before, "lonc was restarted"
    assert here.show("lonc@msul1.service", "NRestarts") == "0"
    assert_served(there, "msul2")


@scenario
def peer_fails_without_a_word(site):
    """The peer's machine is cut off in the middle of work; found by the probe, con_lost, recovery."""
    lond = site.lond()
    # The answer to a probe is due within handshake_timeout.
    host = site.configured(backoff_max='"2s"', probe_interval='"2s"', request_timeout='"10s"', handshake_timeout='"10s"')
    host.systemctl("start", "lonc@msul1")
    wait_until_up(host)
    before = host.main_pid("lonc@msul1.service")
    lond.pause()
    until("it is found out", lambda: not host.show("lonc@msul1.service", "StatusText").startswith("up"), within=60)
    assert ask(host, "echo:x") == ["con_lost"]
    lond.stop()
    site.lond()
    wait_until_up(host)
    assert_served(host)
    assert host.main_pid("lonc@msul1.service") == before, "lonc was restarted"
