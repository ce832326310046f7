#!/bin/sh
# The environment of the book, in .venv: what `make` runs first. What stands in its way is said before anything long begins.
python=$1

fail() {
  printf '\nError: %s\n' "$1" >&2
  exit 1
}

version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) ||
  fail "There is no working '$python' here. Name a Python of version 3.11 or later: make PYTHON=python3.12 ..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "The book needs Python 3.11 or later, '$python' is $version. Name another: make PYTHON=python3.12 ..."
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  fail "'$python' cannot make environments. On Debian and Ubuntu: apt install python$version-venv"
[ -w . ] ||
  fail "$PWD cannot be written to, and environment, results and pages go there. Copy the repository to a place of your own."

export PIP_USER=0 # a setting of the user's that no environment allows
unset PYTHONPATH PYTHONHOME
rm -rf .venv
if ! {
  "$python" -m venv .venv &&
    .venv/bin/pip install --quiet -r requirements.lock &&
    .venv/bin/pip install --quiet --no-deps -e . &&
    .venv/bin/pip install --quiet --no-deps open_clip_torch==3.3.0 # its losses are an oracle; the rest wants torchvision
}; then
  rm -rf .venv
  fail "The packages were not installed, for the reason above. This needs the network and 3 GB of disk.
Nothing is left half-done: the same command begins anew."
fi
pwd > .venv/ready # where it works: the Makefile looks
