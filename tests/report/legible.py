"""Whether the words of a figure can be read."""

from __future__ import annotations

import itertools

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from scssim.report import style


def assert_legible(figure: Figure, name: str) -> None:
    """No text is cut off by the page, and none is over another."""
    with style.context():
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        legends = [*figure.legends, *(legend for axes in figure.axes if (legend := axes.get_legend()) is not None)]
        texts = [*figure.texts, *(t for legend in legends for t in legend.get_texts())]
        for axes in figure.axes:
            texts += [*axes.texts, axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
            for axis in (axes.xaxis, axes.yaxis):
                low, high = sorted(axis.get_view_interval())
                texts += [t.label1 for t in axis.get_major_ticks() if low - 1e-9 <= t.get_loc() <= high + 1e-9]
        boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in texts if t.get_text() and t.get_visible()]
    width, height = figure.get_size_inches() * figure.dpi
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, f"{name}: {text!r} is cut"
    for (a, one), (b, two) in itertools.combinations(boxes, 2):
        wide = min(one.x1, two.x1) - max(one.x0, two.x0)
        high = min(one.y1, two.y1) - max(one.y0, two.y0)
        assert min(wide, high) <= 1, f"{name}: {a!r} is over {b!r}"
