"""The daemon is killed or hangs."""

import time

from harness.registry import scenario
from harness.site import assert_served, replies, start_asking, wait_until_up
from harness.wait import until

SERVICE = "lonc@msul1.service"
KILLS = 8


@scenario
def killed(site):
    """kill -9: clients that connect meanwhile wait and are served after the restart."""
    site.lond()
    host = site.configured()
    host.systemctl("start", SERVICE)
    before = _kill(host)
    workers = [start_asking(host, f"echo:{n}") for n in range(10)]
    assert [replies(worker) for worker in workers] == [[str(n)] for n in range(10)]
    assert host.main_pid(SERVICE) not in (0, before)


@scenario
def killed_again_and_again(site):
    """Eight kills in a row, with a client waiting each time, do not bring the socket down."""
    site.lond()
    host = site.configured()
    host.systemctl("start", SERVICE)
    workers = []
    for n in range(KILLS):
        before = _kill(host)
        workers.append(start_asking(host, f"echo:{n}", within=60))
        until("it is started again", lambda before=before: host.main_pid(SERVICE) not in (0, before), every=0.02)
    wait_until_up(host)
    assert host.is_active("lonc@msul1.socket")
    assert_served(host)
    # One that was accepted by a process that was killed later has lost its answer with it.
    served = sum(worker.wait(timeout=90) == 0 for worker in workers)
    site.figure(f"eight kills: {served} of {KILLS} clients that came in between were served")
    assert served >= 1
    assert int(host.show(SERVICE, "NRestarts")) >= KILLS


@scenario
def watchdog(site):
    """SIGSTOP: the watchdog ends it, and it is started again."""
    site.lond()
    host = site.configured()
    host.systemctl("start", SERVICE)
    assert host.show(SERVICE, "WatchdogUSec") == "30s", "the shipped unit has no watchdog of 30 s"
    host.write(f"/etc/systemd/system/{SERVICE}.d/quick.conf", "[Service]\nWatchdogSec=10\n")
    host.systemctl("daemon-reload")
    host.systemctl("restart", SERVICE)
    before = host.main_pid(SERVICE)
    # Healthy and idle for several intervals.
    began = time.monotonic()
    until("two intervals have passed", lambda: time.monotonic() - began > 22)
    assert host.main_pid(SERVICE) == before, "the watchdog ended a healthy one"

    stopped = time.monotonic()
    host.systemctl("kill", "--kill-whom=main", "--signal=STOP", SERVICE)
    # On a busy machine one of its threads may go on for a while, and accept a client that is lost with it.
    until("all of it stands still", lambda: _states(host, before) == {"T"}, every=0.02)
    worker = start_asking(host, "echo:patience", within=60)
    until("it is started again", lambda: host.main_pid(SERVICE) not in (0, before), within=60)
    assert replies(worker) == ["patience"]
    assert any("watchdog" in record["MESSAGE"].lower() for record in host.journal(f"--unit={SERVICE}"))
    site.figure("SIGSTOP with WatchdogSec=10: restarted and a waiting worker served "
                f"after {time.monotonic() - stopped:.1f} s")


def _states(host, pid):
    """What the kernel calls the states of a process's threads."""
    told = host.run("sh", "-c", f"grep -h ^State: /proc/{pid}/task/*/status", check=False).stdout
    return {line.split()[1] for line in told.splitlines()}


def _kill(host):
    """Kills the main process; returns its id."""
    pid = until("there is a main process", lambda: host.main_pid(SERVICE))
    host.systemctl("kill", "--kill-whom=main", "--signal=KILL", SERVICE)
    return pid
