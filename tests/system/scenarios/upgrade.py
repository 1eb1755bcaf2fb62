"""A new version comes in while workers work."""

import re

from harness.prepare import deb_field
from harness.registry import scenario
from harness.site import assert_served, load, wait_until_up
from harness.wait import until

SERVICE = "lonc@msul1.service"
CLIENTS = 20
NEVER_SENT = "5f43c7aa41384b32ad80fed748c86579"
SENT_NO_REPLY = "3935f00758964e7489d778e02cf68d3b"


@scenario
def upgrade(site):
    """Upgrade under load from 20 clients: every request answered."""
    # So slow that there are always requests in flight.
    counts = _upgrade_under_load(site, "late-reply:2", drain_timeout='"20s"')
    assert counts["con_lost"] == 0, f"there was time enough to finish: {counts}"


@scenario
def upgrade_with_a_slow_peer(site):
    """The peer is slower than the drain waits: still every request answered, each con_lost told in the journal."""
    _upgrade_under_load(site, "late-reply:300", drain_timeout='"1s"')


def _upgrade_under_load(site, behaviour, **keys):
    site.lond(behaviour)
    host = site.configured(**keys)
    host.systemctl("start", SERVICE)
    wait_until_up(host)
    before = host.main_pid(SERVICE)
    with load(host, CLIENTS) as counts:
        said = site.install(host, site.newer_deb)
        until("the new version runs", lambda: host.main_pid(SERVICE) not in (0, before))
        wait_until_up(host)
    explained = _explained(host)
    site.figure(f"upgrade under load, lond {behaviour}: "
                + ", ".join(f"{name} {count}" for name, count in counts.items())
                + "; journal: " + ", ".join(f"{why} {count}" for why, count in explained.items()))
    assert host.run("dpkg-query", "-W", "-f", "${Version}", "lonc").stdout == deb_field(site.newer_deb, "Version")
    assert counts["replied"] >= CLIENTS, f"there was no load: {counts}"
    for fault in ("wrong", "unanswered", "no_socket"):
        assert counts[fault] == 0, f"{fault}: {counts}\n{said}"
    assert counts["con_lost"] == sum(explained.values()), f"con_lost {counts['con_lost']}, the journal has {explained}"
    assert host.is_active("lonc@msul1.socket")
    assert_served(host)
    return counts


def _explained(host):
    """How many con_lost the journal tells of, by reason."""
    def number(message_id):
        # What is told again and again is counted: such a number stands in front as well.
        numbers = [re.match(r"\d+", record["MESSAGE"]) for record in host.journal(f"MESSAGE_ID={message_id}")]
        return sum(int(number.group()) for number in numbers)

    return {"sent, no reply": number(SENT_NO_REPLY), "never sent": number(NEVER_SENT)}


@scenario
def reinstall_keeps_settings(site):
    """An upgrade keeps the edited configuration and starts nothing that did not run."""
    site.lond()
    host = site.configured(log_level='"debug"')
    site.install(host, site.newer_deb)
    assert 'host_id = "msul2"' in host.path("/etc/lonc/lonc.toml").read_text().splitlines()
    assert not host.is_active(SERVICE)
    assert_served_after_start(host)


def assert_served_after_start(host):
    """It can be used as before."""
    host.systemctl("start", SERVICE)
    assert_served(host)
