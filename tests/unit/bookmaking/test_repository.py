"""Files that other services read: they are well-formed, and what they name is there."""

import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml

from bookmaking.presets import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_call_targets_and_watch_files_that_there_are(workflow):
    text = workflow.read_text()
    steps = [step for job in yaml.safe_load(text)["jobs"].values() for step in job["steps"]]
    called = set(re.findall(r"\bmake ([a-z]+)", "\n".join(step.get("run", "") for step in steps)))
    assert called and called <= set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    watched = re.findall("'(.*?)'", "".join(re.findall(r"hashFiles\((.*?)\)", text)))
    assert watched and all(any(ROOT.glob(name)) for name in watched)


@pytest.mark.parametrize(("place", "root"), [(".", "."), (".binder", "..")])
def test_conda_environments_have_the_pins_and_a_python_that_will_do(place, root):
    python, _, packages = yaml.safe_load((ROOT / place / "environment.yml").read_text())["dependencies"]
    files = [one.partition(" ")[2] for one in packages["pip"] if one.startswith("-r ")]
    assert [(ROOT / place / file).resolve() for file in files] == [ROOT / "requirements.lock"]
    assert f"-e {root}" in packages["pip"]
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert python == oldest.replace(">=", "python=")


def test_no_fence_has_a_backtick_in_its_title():
    """Such a line would be shown as text, and the code of the cell after it would not run."""
    for page in [*ROOT.glob("notebooks/*.md"), *ROOT.glob("book/**/*.md")]:
        assert re.findall(r"^```+\{.*`.*", page.read_text(encoding="utf-8"), re.MULTILINE) == [], page.name


def test_the_script_of_binder_can_be_executed():
    script = ROOT / ".binder" / "postBuild"
    assert os.access(script, os.X_OK)
    subprocess.run(["sh", "-n", script], check=True)


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert citation["version"] == project["version"] and citation["license"] == project["license"]["text"]
    readme = (ROOT / "README.md").read_text()
    assert citation["title"] in readme and citation["references"][0]["doi"] in readme


def test_an_installed_package_has_the_files_beside_its_modules():
    packaged = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    there = {ROOT / "src" / name / pattern for name, patterns in packaged.items() for pattern in patterns}
    tracked = subprocess.run(["git", "ls-files", "src"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    beside = [ROOT / name for name in tracked.split() if not name.endswith(".py")]
    assert beside and [path for path in beside if not any(path.match(str(pattern)) for pattern in there)] == []


@pytest.mark.parametrize("variable", [None, "GIT_DIR"])
def test_the_commit_of_an_enclosing_repository_is_not_the_books(variable, tmp_path):
    """The code, unpacked inside somebody else's repository."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "thesis"], check=True)
    source = shutil.copytree(ROOT / "src", tmp_path / "book" / "src", ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(source)}
    environment |= {variable: str(tmp_path / ".git")} if variable else {}
    command = [sys.executable, "-c", "from bookmaking.store.provenance import commit; print(commit())"]
    assert subprocess.check_output(command, env=environment, text=True, cwd=source.parent).strip() == "unknown"
