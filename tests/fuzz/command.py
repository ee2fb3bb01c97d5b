"""The command line, called without a process of its own."""

from __future__ import annotations

import io
import os
import warnings
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple
from unittest import mock

from fuzz.attempt import limited
from scssim import cli


class Ended(NamedTuple):
    """How a command ended: exit code, and what it wrote."""

    code: int
    out: str
    err: str


def command(*arguments: str) -> Ended:
    """Call ``scssim``; an exit code other than 0 (done) or 2 (told what is wrong) is an error."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        limited(),
        warnings.catch_warnings(),
        mock.patch.dict(os.environ, {"SCSSIM_DEBUG": "1"}),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        warnings.simplefilter("error", RuntimeWarning)
        try:
            cli.main(arguments)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
    found = Ended(code, out.getvalue(), err.getvalue())
    assert code in (0, 2), f"exit code {code} of scssim {' '.join(arguments)}\n{found.err}"
    assert "Traceback" not in found.err, found.err
    assert (code == 0) or found.err.strip(), "no message"
    return found
