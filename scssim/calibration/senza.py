"""Relief under SCS, fitted to SENZA-RCT with the simulator as forward model.

``python -m scssim.calibration.senza --out FILE`` writes the fragment ``library/scs_relief_senza``;
``--check`` holds the shipped fragment against the published results. The documentation
(calibration) explains data, priors and limits.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scssim import library
from scssim.api import load, run
from scssim.calibration.fitting import Estimate, Problem, fit
from scssim.calibration.fragment import Number, Relief, format_fragment, read_fragment
from scssim.errors import ScssimError
from scssim.result import Result
from scssim.scenario.load import LoadedScenario

Array = NDArray[np.float64]

SCENARIO = "senza_rct"
FRAGMENT = "scs_relief_senza"
ARMS = ("hf10", "lf_scs")
SITES = ("back", "leg")
HAZARD = "therapies.lf_scs.loss_of_effect.hazard"
"""Common hazard of loss of effect in the trial; it belongs to the scenario, not to the fragment."""

SEED = 20150901
PATIENTS = 100_000
"""Patients per arm of the forward model: Monte-Carlo errors of a share below 0.002, against 0.05 in the trial."""
TRIALS = 400
"""Simulated trials behind the covariance of the observations."""
RANDOMISED = 99
"""Patients of such a trial, per arm (101 and 97 were)."""


