#!/bin/sh
# Makes the peers' environments in the repository's root: .venv-peers, .venv-openprompt, .venv-adapters; the last two borrow PyTorch from the first.
set -eu
here=internal/reference
python3 -m venv .venv-peers
.venv-peers/bin/pip install -r $here/peers/requirements.txt
site=$(.venv-peers/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
for name in openprompt adapters; do
	python3 -m venv .venv-$name
	echo "$site" > "$(.venv-$name/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/zz-torch.pth"
done
.venv-openprompt/bin/pip install --no-deps -r $here/peers/requirements-openprompt.txt
grep -v '^torch=' $here/requirements-adapters.txt > .venv-adapters/requirements.txt
.venv-adapters/bin/pip install --no-deps -r .venv-adapters/requirements.txt
