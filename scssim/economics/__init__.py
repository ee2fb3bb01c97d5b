"""Decision analysis on any sample of costs and effects, ours or a user's own."""

from scssim.economics.frontier import frontier

__all__ = ["frontier"]
