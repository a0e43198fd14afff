# `make demo` and `make test` set up everything they need. Asked for: Python 3.11 or newer, Node.js 20 or newer, make.

PYTHON ?= python3
NODE ?= node
SETTINGS ?= settings.toml
BIN := .venv/bin

# The function runs on Python 3.13: with one on this machine the demo and the tests do too, else with the Python above.
LAMBDA_PYTHON ?= $(shell for p in python3.13 "$(HOME)"/.pyenv/versions/3.13.*/bin/python3.13 $(PYTHON); do \
	"$$p" -c 'import ensurepip' 2>/dev/null && { echo "$$p"; break; }; done)

# The library that CDK drives says at every start that Node 20 is past its end; it works all the same.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20
export NODE_NO_WARNINGS := 1
export CDK_DISABLE_VERSION_CHECK := 1
export CDK_DISABLE_CLI_TELEMETRY := true

.PHONY: help setup demo test lint synth deploy destroy release bench score reliability clean
help:            ## this list
	@grep -hE '^[a-z]+: .*##' Makefile | sed -E 's/:.*## */\t/' | expand -t 12

setup: .venv/.ready .venv-lambda/.ready node_modules/.ready  ## everything below needs it and runs it by itself

demo: setup      ## a fortnight of email through the deployed monitor, on this machine, without AWS
	@$(BIN)/python -m local_aws.demo

test: setup      ## every test
	@$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

bench: setup     ## what a run costs, beside a typical implementation and the least there can be
	@$(BIN)/python -m bench.speed

score: setup     ## how early and how quiet the policy is, over simulated senders
	@$(BIN)/python -m bench.score

reliability: setup  ## every fault at every call of a run: what is lost and what is repeated (half an hour)
	@$(BIN)/python -m bench.reliability
	@$(BIN)/python -m bench.long_life

lint: setup      ## formatting, lint and types
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy

synth: setup     ## the CloudFormation template, into cdk.out
	@$(NODE) node_modules/aws-cdk/bin/cdk synth --quiet --context settings=$(SETTINGS)

deploy: setup    ## to the account and region of your AWS credentials (SETTINGS=file.toml for another file)
	@$(BIN)/ses-reputation settings --deploy $(SETTINGS)
	@$(NODE) node_modules/aws-cdk/bin/cdk deploy --context settings=$(SETTINGS)

destroy: setup   ## takes the stack away again, after a question (SETTINGS=file.toml as for deploy)
	@$(NODE) node_modules/aws-cdk/bin/cdk destroy --context settings=$(SETTINGS)

release: setup   ## a CloudFormation template, the functions' zip, an SBOM and checksums, into dist (docs/release.md)
	@$(BIN)/python -m infra.release $(SETTINGS)

clean:           ## away with everything that was made here
	rm -rf .venv .venv-lambda node_modules cdk.out .cache dist demo-out

.venv/.ready: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Python 3.11 or newer is needed: install it, or name it with PYTHON=..."; exit 1; }
	@echo "Installing Python packages into .venv (about a minute, once) ..."
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@$(BIN)/pip install -qq --disable-pip-version-check --requirement requirements-dev.txt
	@$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv-lambda/.ready: local_aws/requirements-runtime.txt
	@rm -rf .venv-lambda && $(LAMBDA_PYTHON) -m venv .venv-lambda
	@.venv-lambda/bin/pip install -qq --disable-pip-version-check --requirement $<
	@touch $@

node_modules/.ready: package.json package-lock.json .npmrc
	@$(NODE) -e 'process.exit(+(process.versions.node.split(".")[0] < 20))' 2>/dev/null || \
		{ echo "Node.js 20 or newer is needed (the AWS CDK runs on it): install it, or name it with NODE=..."; exit 1; }
	@command -v npm >/dev/null || { echo "npm is needed: it comes with Node.js, on Debian as a package of its own"; exit 1; }
	@npm ci --loglevel=error >/dev/null
	@touch $@
