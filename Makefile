# Everything here works on a fresh Debian 12 with Python 3.11 and make, and again at once.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv/bin

.PHONY: setup demo recording translations test mutation lint bench lock

setup:
	@test -n "$(PYTHON)" || { echo "setup: no Python found; Python 3.11 is needed" >&2; exit 1; }
	@"$(PYTHON)" packaging/setup/prepare.py

demo: setup
	@$(VENV)/python packaging/demo/run.py $(ARGS)

# A real demo, kept for the app's pictures (`keyturn-app --screenshots DIR`) and for the goldens
# of tests/app, which are written anew with it: look at what git says of them.
recording: setup
	@mkdir -p resources/recording
	@$(VENV)/python packaging/demo/run.py --record resources/recording/demo.json.gz
	@$(VENV)/python tests/run_suites.py --update-goldens

# Bring the app's catalogues (resources/translations) up to its source, and compile them.
translations: setup
	@$(VENV)/python packaging/setup/translating.py

# `make test ARGS="unit vectors"` runs some suites only, without the checks.
test: setup
	@$(VENV)/python tests/run_suites.py $(ARGS)

# Each check is taken out of the verifiers of evidence, and a test must fail (docs/mutation.md).
mutation: setup
	@$(VENV)/python tests/mutation.py $(ARGS)

lint: setup
	@$(VENV)/python tests/run_suites.py checks

bench: setup
	@"$(PYTHON)" packaging/setup/prepare.py --bench
	@$(VENV)/keyturn bench seal $(ARGS)
	@$(VENV)/keyturn bench release $(ARGS)
	@$(VENV)/keyturn bench rotation $(ARGS)
	@$(VENV)/keyturn bench unseal $(ARGS)
	@$(VENV)/keyturn bench log $(ARGS)
	@$(VENV)/keyturn bench app $(ARGS)

# Renew requirements/*.txt from pyproject.toml (ARGS=--upgrade: the newest of everything).
lock: setup
	@$(VENV)/python packaging/setup/lock.py $(ARGS)
