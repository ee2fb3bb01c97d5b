"""Decision analysis on any sample of costs and effects, ours or a user's own."""

from scssim.economics.acceptability import ceac, ceaf_switches, pairwise
from scssim.economics.benefit import ellipse, nhb, nmb, plane, plane_summary
from scssim.economics.evppi import evppi
from scssim.economics.files import parse_wtp, read_sample
from scssim.economics.frontier import frontier
from scssim.economics.information import Population, evpi
from scssim.economics.noise import corrected, decompose
from scssim.economics.normal import evpi_normal
from scssim.economics.sample import SampleError

__all__ = [
    "Population",
    "SampleError",
    "ceac",
    "ceaf_switches",
    "corrected",
    "decompose",
    "ellipse",
    "evpi",
    "evpi_normal",
    "evppi",
    "frontier",
    "nhb",
    "nmb",
    "pairwise",
    "parse_wtp",
    "plane",
    "plane_summary",
    "read_sample",
]
