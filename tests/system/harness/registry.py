"""The list of scenarios, in the order in which they are read."""

SCENARIOS = []
MEASUREMENTS = []


def scenario(function):
    """A function of a site that fails by an exception. Its name is the scenario's, its docstring what it shows."""
    SCENARIOS.append(function)
    return function


def alone(function):
    """A scenario that measures, or that loads all processors: no other runs beside it."""
    function.is_alone = True
    return function


def is_alone(function):
    """Whether it is one of those; what only measures always is."""
    return getattr(function, "is_alone", False) or function in MEASUREMENTS


def measurement(function):
    """The same for one that tells figures and takes minutes: it runs only where it is named."""
    MEASUREMENTS.append(function)
    return function


def named(names):
    """These scenarios and measurements, or all scenarios."""
    known = {function.__name__: function for function in SCENARIOS + MEASUREMENTS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"no scenario {', '.join(unknown)}; there are: {', '.join(known)}")
    return [known[name] for name in names] or SCENARIOS
