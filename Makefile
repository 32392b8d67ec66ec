# SPDX-License-Identifier: BSD-2-Clause
# The front door. `make demo` and `make check` need nothing but Debian 12.
#
#   make          build (build/)             make bench   figures (20 minutes)
#   make demo     see a failover             make fuzz    fuzzers, FUZZ_SECONDS each (3600)
#   make check    everything, as CI does     make lint    linters only
#   make setup    packages, headers, guest   make install as root; DESTDIR is honoured

FUZZ_SECONDS ?= 3600

all: build/build.ninja
	ninja -C build

build/build.ninja: tools/build | setup
	tools/build gcc build

setup:
	@tools/setup.sh --quiet

demo: all
	@tools/demo

check: setup
	@tools/check

bench: all
	@bench/run

fuzz: setup
	@tools/check fuzz $(FUZZ_SECONDS)

lint: setup
	@tools/check lint

install: all
	meson install -C build --no-rebuild

clean:
	rm -rf build build-*

.PHONY: all setup demo check bench fuzz lint install clean
