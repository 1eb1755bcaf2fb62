"""The operator's tool on an installed host."""

from harness.registry import scenario
from harness.site import PATIENT, assert_served, wait_until_up

SERVICE = "lonc@msul1.service"


def loncctl(host, *words, user="root"):
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
    return host.run(*become, "loncctl", *words, check=False)


@scenario
def operators_tool(site):
    """status, why, ping and check, before and after the start; for root, for a member of adm, and for others."""
    site.lond()
    host = site.configured()
    host.systemctl("daemon-reload")
    host.systemctl("start", "lonc.target")
    status = loncctl(host, "status")
    assert status.returncode == 0 and "not-started" in status.stdout, status
    assert not host.is_active(SERVICE), "a question started the daemon"
    assert_served(host)
    wait_until_up(host)
    status = loncctl(host, "status", "msul1", *PATIENT)
    assert status.returncode == 0 and " up " in status.stdout, status
    why = loncctl(host, "why", "msul1", *PATIENT)
    assert why.returncode == 0 and "answered by msul1" in why.stdout, why
    check = loncctl(host, "check", "msul1")
    assert "ok     lonc.target: active, enabled" in check.stdout, check
    assert "WRONG" not in check.stdout, check.stdout
    site.figure(f"loncctl check: {check.returncode}, {len(check.stdout.splitlines())} findings")

    host.run("useradd", "--groups=adm", "operator1")
    host.run("useradd", "outsider1")
    assert " up " in loncctl(host, "status", "msul1", *PATIENT, user="operator1").stdout
    assert loncctl(host, "reload", "msul1", user="operator1").returncode != 0
    assert loncctl(host, "reload", "msul1").returncode == 0
    outsider = loncctl(host, "status", "msul1", user="outsider1")
    assert outsider.returncode == 2, outsider
    assert host.run("bash", "-c", "source /usr/share/bash-completion/completions/loncctl && complete -p loncctl")
