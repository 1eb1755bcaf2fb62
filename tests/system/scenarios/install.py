"""From the package to the first answer."""

from harness import network
from harness.registry import scenario
from harness.site import ask, assert_served
from harness.wait import until

MODE_OF_GROUP = "660"


@scenario
def install(site):
    """Install, edit host_id, start: active, a telling Status line, not root, requests answered."""
    site.lond()
    host = site.host()
    site.install(host, site.deb)
    assert "/etc/lonc/lonc.toml" in host.run("dpkg-query", "-W", "-f", "${Conffiles}", "lonc").stdout
    host.set_key("host_id", '"msul2"')

    host.systemctl("start", "lonc@msul1", timeout=30)

    for unit in ("lonc@msul1.service", "lonc@msul1.socket"):
        assert host.is_active(unit), f"{unit} is not active"
    line = host.show("lonc@msul1.service", "StatusText")
    for part in ("up", "msul1", f"{network.LOND_ADDRESS}:5663"):
        assert part in line, f"{part} is not in the Status line: {line}"
    until("systemctl shows it", lambda: host.show("lonc@msul1.service", "StatusText") in host.systemctl("status", "lonc@msul1"))
    _assert_unprivileged(host, host.main_pid("lonc@msul1.service"))
    assert host.run("stat", "-c", "%a", "/run/lonc/msul1").stdout.strip() == MODE_OF_GROUP
    assert_served(host)
    assert ask(host, "encrypt:echo:secret") == ["secret"]


def _assert_unprivileged(host, pid):
    status = host.run("cat", f"/proc/{pid}/status").stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    lonc = host.run("id", "-u", "lonc").stdout.strip()
    assert lonc != "0"
    assert set(fields["Uid"].split()) == {lonc}, f"the main process has the uids {fields['Uid']}"
    assert int(fields["CapEff"], 16) == 0 and int(fields["CapBnd"], 16) == 0, "the main process has capabilities"


@scenario
def start_with_a_fault(site):
    """A start with a faulty configuration fails with one clear line; mended, it works by itself."""
    site.lond()
    host = site.host()
    site.install(host, site.deb)
    # Nobody has said host_id.
    assert host.run("systemctl", "start", "lonc@msul1", check=False).returncode != 0
    messages = [record["MESSAGE"] for record in host.journal("LONC_PEER=msul1")]
    assert any("host_id" in message and "/etc/lonc/lonc.toml" in message for message in messages), messages
    worker_asked = host.run("systemctl", "is-active", "lonc@msul1.socket", check=False).stdout.strip()
    assert worker_asked == "active", f"the socket is {worker_asked}"
    host.set_key("host_id", '"msul2"')
    until("it is served", lambda: ask(host, "echo:hello", "ping") == ["hello", "msul1"])
