"""A result as an Excel workbook: every table, and the decision as formulas."""

from scssim.report.workbook.contents import ready, workbook, write_workbook

__all__ = ["ready", "workbook", "write_workbook"]
