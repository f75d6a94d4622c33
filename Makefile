# make run      opens the app on the sample portfolio (FRESH=1 starts anew); without a display it takes a picture
# make test     every check, as CI runs it
# make bench    the benchmarks, each beside its floor
# make package  an installable .deb
# make fmt · make bindings   what the checks of `make test` compare with
#
# Missing packages are installed first. CARGO_TARGET_DIR is respected.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := test
.PHONY: run test bench package fmt bindings

# One feature set for everything: another one would build Tauri a second time.
FEATURES := --features omni-control-center/custom-protocol

run:
	scripts/install --build
	npm run --silent build
	cargo build --locked --bins -p omni-control-center -p omni-central -p omnictl $(FEATURES)
	FRESH=$(FRESH) scripts/run

test:
	scripts/test

bench:
	scripts/install --build --no-npm
	scripts/bench

package:
	scripts/install --build
	scripts/package

fmt:
	cargo fmt --all

bindings:
	cargo xtask bindings
