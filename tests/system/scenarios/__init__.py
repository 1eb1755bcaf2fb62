"""The scenarios, in the order in which they run."""

from . import install, activation, failures, journal, reload, control, loncctl, old_world, loncron, takeover, two_hosts, tls, upgrade, purge, security, generator, tables, many, sockets, states, delayed, documents  # noqa: F401, I001
