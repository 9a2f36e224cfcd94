# `make demo` shows the operator at work; `make test` runs everything CI runs. Neither needs anything installed by
# hand beyond Rust, Go and Python: what else they use is built once into a cache.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
CARGO ?= cargo
# Tests mostly wait for servers, so a few more than there are cores run well; many more drown a small machine, where a
# control plane takes most of a core while it starts.
TEST_THREADS ?= 3

.PHONY: help
help: ## This list
	@awk -F ' ## ' '/^[a-z-]+:.* ## /{split($$1, t, ":"); printf "  make %-14s %s\n", t[1], $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: control-plane ## Four simulated vendors and the operator, live; VENDOR=gws picks one, KEEP=1 leaves all running
	$(CARGO) build --locked --bin desktop-operator --bin demo
	$(CARGO) run --locked --quiet --bin demo -- $(if $(KEEP),--keep) $(foreach vendor,$(VENDOR),--vendor $(vendor))

# What fails fast comes first, what is built once on a cold machine next, the tests last. On two cores a cold run takes
# about half an hour, and most of that is the control plane; a warm one takes the last two steps.
.PHONY: test
test: ## Everything CI runs
	$(MAKE) --no-print-directory format
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory control-plane
	$(MAKE) --no-print-directory helm
	$(MAKE) --no-print-directory deny
	$(MAKE) --no-print-directory alerts
	$(CARGO) test --locked --no-fail-fast -- --test-threads=$(TEST_THREADS)

.PHONY: format
format: ## Check the formatting
	$(CARGO) fmt --check

.PHONY: lint
lint: ## Clippy, with every warning an error
	$(CARGO) clippy --locked --all-targets -- -D warnings

# Not part of `test`: what it measures is time, and says as much about the machine.
.PHONY: bench
bench: ## What many desktops cost, and how long an account's calls take while another account is throttled
	$(CARGO) bench --locked --bench throttled
	$(CARGO) bench --locked --bench scale

FUZZ_CASES ?= 10000000
# Optimised, but with every check that a debug build has; in a folder of its own, for nothing else is built so.
.PHONY: fuzz
fuzz: ## FUZZ_CASES random answers, ten million by default, for the decoders of each vendor
	CARGO_TARGET_DIR=target/fuzz CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
	  CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true FUZZ_CASES=$(FUZZ_CASES) \
	  $(CARGO) test --locked --release --lib -- --nocapture very_many_answers

.PHONY: deny
deny: ## Licences, banned crates and sources of the dependencies
	./tests/tools/deny.sh check --hide-inclusion-graph bans licenses sources

.PHONY: alerts
alerts: ## Check the alert rules and run their tests (builds promtool once, about six minutes)
	promtool=$$(./tests/tools/promtool/build.sh) && \
	  $$promtool check rules --lint=all --lint-fatal config/prometheus/rules.yaml && \
	  $$promtool test rules config/prometheus/rules_test.yaml

.PHONY: helm
helm: ## Build helm, which the tests of the chart use (once, about four minutes)
	./tests/tools/helm/build.sh >/dev/null

.PHONY: image
image: ## Build the container image without a container runtime: target/image/desktop-operator.tar
	./config/image/build.sh

# Not part of `test`: it compiles everything once more, for a static binary.
.PHONY: image-test
image-test: ## Build the image, look at it, and run it where there is nothing else
	./config/image/test.sh

.PHONY: generate
generate: ## Write the files that are made from the code: crds/, docs/api.md, the vendors' table, parts of the chart
	$(CARGO) run --locked --quiet --bin crdgen -- crds
	$(CARGO) run --locked --quiet --bin apidoc -- docs/api.md
	$(CARGO) run --locked --quiet --bin capdoc -- docs/vendors/capabilities.md
	./charts/generate.sh

.PHONY: control-plane
control-plane: ## Build etcd, kube-apiserver, kube-controller-manager and kubectl (once, about nine minutes)
	./tests/control-plane/build.sh >/dev/null
