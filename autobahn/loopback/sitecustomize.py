"""Keeps the listeners of a Python 2.7 process on the loopback address.

wstest's fuzzingserver takes only the port from its "url" and listens on all addresses. Python imports this module by its
name at the start of a process whose PYTHONPATH has this folder; wstest itself stays as it was published.
"""
from twisted.internet import tcp

_init = tcp.Port.__init__


def _loopback(self, port, factory, backlog=50, interface='', reactor=None):
    _init(self, port, factory, backlog, interface or '127.0.0.1', reactor)


tcp.Port.__init__ = _loopback
