"""Run folders: what a search leaves behind, read without torch and without optuna."""

from nas.runs.folder import FORMAT, Run, create_run, open_run, taken

__all__ = ["FORMAT", "Run", "create_run", "open_run", "taken"]
