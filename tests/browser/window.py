"""Widths of the window that reports are opened in, in pixels."""

PHONE, TABLET, DESK = 360, 768, 1200
