"""The tutorials are true: their code is run in order, and prints what they show."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "tutorials"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Keys, and numbers with the prefix of their unit: these differ from machine to machine.
VARYING = re.compile(
    r"\b[0-9a-f]{16}\b|\d[\d.,]*(?:e[+-]?\d+)?(?: [µnmkMGp]?(?:s|Wh|W|J|B|gCO2e)?\b)?"
)


def blocks(page):
    """Language and text of every fenced block of a page."""
    return BLOCK.findall((PAGES / page).read_text(encoding="utf-8"))


def commands(text):
    """Each command of a console, and the lines that are shown after it."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [(command, shown) for command, _, shown in (part.partition("\n") for part in parts)]


def file_name(text):
    """The file that a block stands for, named in its first line."""
    found = re.match(r"# (\S+\.(?:py|yaml))$", text.partition("\n")[0])
    return found[1] if found else None


def runs(page):
    """The page's commands in order, ``(words, shown)``; blocks that are files are given as text."""
    steps = []
    for language, text in blocks(page):
        if name := file_name(text):
            steps.append((name, text))
        elif language == "console":
            steps += [(["bash", "-c", command], shown) for command, shown in commands(text)]
        elif language == "python":
            steps.append(([sys.executable, "-c", text], ""))
        else:
            words, _ = steps.pop()
            steps.append((words, text))
    return steps


def lines(text):
    """Lines without what varies, and without the spaces that follow from it."""
    plain = (VARYING.sub("N", line) for line in text.splitlines())
    return [re.sub(r"-+", "-", re.sub(r"\s+", " ", line)).strip() for line in plain]


def see(words, shown, folder):
    """Run one command in the folder and hold what it prints against what is shown."""
    places = [str(Path(sys.executable).parent), os.environ["PATH"]]
    done = subprocess.run(
        words,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:.", "PATH": ":".join(places)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    refused = shown.startswith("carbon-nas: ")
    assert done.returncode == (2 if refused else 0), (words, done.stdout)
    printed = lines(done.stdout)
    if "predict.py" in words[-1]:  # which of them are right is another thing
        assert len(printed) == len(lines(shown))
        return
    # Which steps of a search are told depends on how fast it runs.
    wanted = [line for line in lines(shown) if not line.startswith(("...", "search N/N"))]
    missing = [line for line in wanted if line and line not in printed]
    assert not missing, (words, missing, done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(
    "pages",
    [
        ("search.md", "compare.md", "deploy.md", "estimate.md"),
        ("own_data.md", "own_space.md"),
        ("sampler.md",),
        ("measure.md",),
        ("supernet.md",),
        ("thrift.md",),
    ],
    ids=lambda pages: pages[0],
)
def test_pages_in_their_order(pages, tmp_path):
    for page in pages:
        for words, shown in runs(page):
            if isinstance(words, str):
                (tmp_path / words).write_text(shown, encoding="utf-8")
            else:
                see(words, shown, tmp_path)


def test_every_page_is_listed_and_its_links_lead_somewhere():
    pages = {path.name for path in PAGES.glob("*.md")} - {"README.md"}
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\((\w+\.md)\)", index)) == pages
    for path in PAGES.glob("*.md"):
        for link in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            assert (PAGES / link).exists(), (path.name, link)


def test_files_of_a_newcomer_have_about_thirty_lines():
    files = {file_name(text): text for page in PAGES.glob("*.md") for _, text in blocks(page.name)}
    for name in ("my_task.py", "my_space.py", "my_module.py"):
        assert len([line for line in files[name].splitlines() if line.strip()]) <= 30, name
