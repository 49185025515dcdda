"""Fail if pytest skipped a test for a reason that is not allowed.

python .ci/check_skips.py ALLOWED LOG...

ALLOWED holds one regular expression a line; LOG is what `pytest -ra` printed.
"""

import re
import sys
from pathlib import Path

SKIPPED = re.compile(r"SKIPPED \[\d+\] (?P<place>[^ ]+?): (?P<reason>.*)")


def main(allowed_path: str, *logs: str) -> int:
    """Print every skip; the exit code is 1 if one is not allowed."""
    lines = Path(allowed_path).read_text(encoding="utf-8").splitlines()
    allowed = [re.compile(line) for line in lines if line and not line.startswith("#")]
    skips = [
        match.group("place", "reason")
        for log in logs
        for line in Path(log).read_text(encoding="utf-8").splitlines()
        if (match := SKIPPED.fullmatch(line.strip()))
    ]
    wrong = 0
    for place, reason in skips:
        fine = any(pattern.fullmatch(reason) for pattern in allowed)
        wrong += not fine
        print(f"{'allowed' if fine else 'NOT ALLOWED'}: {place}: {reason}")
    print(f"{len(skips)} kinds of skips, {wrong} not in {allowed_path}")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
