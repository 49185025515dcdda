"""The page of a run, its carbon statement, and the texts of fronts.

`write_report` writes one self-contained HTML file, `write_statement` the carbon statement in
Markdown and JSON with the run's emissions in CodeCarbon's columns; `nas.report.text` has tables for
the terminal and for files.
"""

from nas.report.page import report_html, write_report
from nas.report.statement import carbon_statement, write_statement
from nas.report.text import comparison_rows, comparison_text, front_text, table_csv, table_rows
from nas.report.totals import recompute

__all__ = [
    "carbon_statement",
    "comparison_rows",
    "comparison_text",
    "front_text",
    "recompute",
    "report_html",
    "table_csv",
    "table_rows",
    "write_report",
    "write_statement",
]
