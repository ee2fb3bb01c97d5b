"""Write the reference of the Python interface as web pages, from its docstrings.

python docs/api.py [DIRECTORY]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pdoc

import scssim


def main() -> None:
    """Write the pages to the directory given, or to build/api."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "build/api").resolve()
    out.mkdir(parents=True, exist_ok=True)
    os.chdir(out)  # in a checkout, pdoc could not tell the package from the folder of its name
    for name in scssim.__all__:
        setattr(scssim, name, getattr(scssim, name))  # pdoc does not see what comes with its first use
    pdoc.render.configure(docformat="numpy", footer_text=f"scssim {scssim.__version__}", show_source=False)
    pdoc.pdoc("scssim", r"!scssim\.economics\..*", output_directory=out)
    print(f"Open {out / 'index.html'}")


if __name__ == "__main__":
    main()
