# Needs Python 3.11 or newer, Node.js 20 or newer, and make; every command installs what it needs. Start with `make help`.

PYTHON ?= python3
NODE ?= node
SETTINGS ?= settings.toml
BIN := .venv/bin
CDK = $(NODE) node_modules/aws-cdk/bin/cdk

# The function runs on Python 3.13; without one here, the demo and the tests run it on the Python above.
LAMBDA_PYTHON ?= $(shell for p in python3.13 "$(HOME)"/.pyenv/versions/3.13.*/bin/python3.13 $(PYTHON); do \
	"$$p" -c '' 2>/dev/null && { echo "$$p"; break; }; done)

# The library behind the CDK warns at every start that Node.js 20 is past its end of life; it works all the same.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20
export NODE_NO_WARNINGS := 1
export CDK_DISABLE_VERSION_CHECK := 1
export CDK_DISABLE_CLI_TELEMETRY := true

# Other people's modules and warning filters have no place in our Python; nor has pip's habit of installing elsewhere.
unexport PYTHONPATH PYTHONHOME PYTHONOPTIMIZE PYTHONWARNINGS PYTHONSTARTUP PYTHONINSPECT PYTHONUSERBASE
unexport PIP_TARGET PIP_PREFIX PIP_ROOT PIP_NO_DEPS PIP_CONSTRAINT PIP_REQUIREMENT PIP_REQUIRE_HASHES PIP_NO_BINARY
export PIP_USER := 0

.PHONY: help setup demo test lint format synth bootstrap diff deploy destroy release member-role bench score reliability mutation requirements clean
.DEFAULT_GOAL := help

help:            ## This list
	@echo "Try it without an AWS account:    make demo"
	@echo "Install it into your account:     edit settings.toml, then make bootstrap (once), make diff, make deploy"
	@echo "Change it:                        make lint test"
	@echo
	@grep -hE '^[a-z-]+: .*##|^## ' Makefile | sed -E 's/^## (.*)/\n\1/; s/^([a-z-]+):.*## /  \1\t/' | expand -t 16
	@echo
	@echo "Variables: SETTINGS=prod.toml for another settings file, YES=1 to deploy or destroy without a question,"
	@echo "CDK_OPTIONS='--profile NAME' for any options of the cdk command, PYTHON=... and NODE=... for other interpreters."
	@echo "The region and the credentials are those of your AWS configuration (AWS_PROFILE, AWS_REGION)."

## Try it
demo: .venv/.demo .venv-lambda/.ready node_modules/.ready  ## Play 18 days of email through the deployed monitor, on this machine, without AWS
	@$(BIN)/python -m local_aws.demo

## Run it in AWS
bootstrap: .venv/.deploy node_modules/.ready  ## Prepare an account and region for the CDK (once)
	@$(CDK) bootstrap --context settings=$(SETTINGS) $(CDK_OPTIONS)

diff: .venv/.deploy node_modules/.ready  ## Show what a deployment would change
	@$(CDK) diff --context settings=$(SETTINGS) $(CDK_OPTIONS)

deploy: .venv/.deploy node_modules/.ready  ## Deploy; asks before it widens permissions (YES=1: no question, for CI)
	@$(BIN)/ses-reputation settings --deploy $(SETTINGS)
	$(call ask,deploy)
	@$(CDK) deploy --context settings=$(SETTINGS) $(if $(YES),--require-approval never) $(CDK_OPTIONS)
	-@$(BIN)/ses-reputation subscribe --settings $(SETTINGS) $(WHERE)

destroy: .venv/.deploy node_modules/.ready  ## Remove the stack; asks first (YES=1: no question, for CI)
	$(call ask,destroy)
	@$(CDK) destroy --context settings=$(SETTINGS) $(if $(YES),--force) $(CDK_OPTIONS)

synth: .venv/.deploy node_modules/.ready  ## Write the CloudFormation template to cdk.out
	@$(CDK) synth --quiet --context settings=$(SETTINGS) $(CDK_OPTIONS)

member-role: .venv/.deploy  ## Write the template of the role in each other account to dist/member-role.json (docs/organizations.md)
	@$(BIN)/python -c 'from infra.member_role import main; main()' $(SETTINGS)

## Change it
setup: .venv/.dev .venv-lambda/.ready node_modules/.ready  ## Install everything for development

test: setup      ## Run every test, the end-to-end suite included (ten minutes on two cores)
	@$(BIN)/pytest -n 6

lint: setup      ## Check format, lint and types
	@$(BIN)/ruff format --check --quiet . || { echo "run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy

format: setup    ## Format the code
	@$(BIN)/ruff format .

bench: setup     ## Measure what a run costs, next to a typical implementation and to the minimum
	@$(BIN)/python -m bench.speed

score: setup     ## Measure how early and how quiet the alerts are, over simulated senders
	@$(BIN)/python -m bench.score

release: setup   ## Write a CloudFormation template, the functions' zip, an SBOM and checksums to dist (docs/release.md)
	@$(BIN)/python -m infra.release $(SETTINGS)

reliability: setup  ## Plant every fault at every call of a run; list what is lost and what is repeated (an hour)
	@$(BIN)/python -m bench.reliability
	@$(BIN)/python -m bench.scenes
	@$(BIN)/python -m bench.long_life

mutation: setup  ## Plant small faults in the deciding modules; list those no test notices (an hour; SAMPLE=n, MODULE=core/rates.py, ALL=1)
	@$(BIN)/python -m tools.mutation

requirements: .venv/.dev  ## Compile requirements*.txt from pyproject.toml (UPGRADE=1: to the newest versions)
	@$(COMPILE) pyproject.toml --extra dev --constraint lambda/requirements.txt --output-file requirements-dev.txt $(if $(UPGRADE),--upgrade)
	@$(COMPILE) pyproject.toml --extra demo --constraint requirements-dev.txt --output-file requirements-demo.txt
	@$(COMPILE) pyproject.toml --extra deploy --constraint requirements-dev.txt --output-file requirements.txt
	@$(COMPILE) --group runtime --output-file local_aws/requirements-runtime.txt $(if $(UPGRADE),--upgrade)

clean:           ## Remove everything that was made here
	rm -rf .venv .venv-lambda node_modules cdk.out .cache demo-out dist build *.egg-info .hypothesis .*_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# Hashes for all platforms; no address of an index and no path of a machine, which uv leaves out unless it is asked for them.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command "make requirements"

# The profile and region of the deployment, for a command that is not the CDK's.
WHERE = $(shell echo "$(CDK_OPTIONS)" | grep -oE -e '--(profile|region)[= ]+[^ ]+')

# The CDK's question needs somebody to answer it.
ask = @test -n "$(YES)" || test -t 0 || { echo "There is no terminal to confirm on: run make $(1) YES=1 to $(1) without a question."; exit 1; }

.venv/.deploy: requirements.txt
.venv/.demo: requirements-demo.txt
.venv/.dev: requirements-dev.txt
.venv/.deploy .venv/.demo .venv/.dev: tools/venv.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Python 3.11 or newer is needed: install it, or name it with PYTHON=..."; exit 1; }
	@echo "Installing Python packages into .venv (once) ..."
	@$(PYTHON) -I tools/venv.py .venv $(filter requirements%,$^) --editable
	@touch $@

.venv-lambda/.ready: local_aws/requirements-runtime.txt tools/venv.py
	@$(PYTHON) -I tools/venv.py .venv-lambda $< --python "$(LAMBDA_PYTHON)"
	@touch $@

node_modules/.ready: package.json package-lock.json .npmrc
	@$(NODE) -e 'process.exit(+(process.versions.node.split(".")[0] < 20))' 2>/dev/null || \
		{ echo "Node.js 20 or newer is needed (the AWS CDK runs on it): install it, or name it with NODE=..."; exit 1; }
	@command -v npm >/dev/null || { echo "npm is needed: it comes with Node.js, on Debian as a package of its own"; exit 1; }
	@npm ci --loglevel=error >/dev/null
	@touch $@
