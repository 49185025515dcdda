"""The page of a run and the texts of fronts: one self-contained HTML file, JSON, CSV, plain text.

`write_report` writes the page; `nas.report.text` has tables for the terminal and for files.
"""

from nas.report.page import report_html, write_report
from nas.report.text import comparison_rows, comparison_text, front_text, table_csv, table_rows

__all__ = [
    "comparison_rows",
    "comparison_text",
    "front_text",
    "report_html",
    "table_csv",
    "table_rows",
    "write_report",
]
