# SPDX-License-Identifier: BSD-2-Clause
# The front door. `make demo` and `make check` need nothing but Debian 12.
#
#   make          build (build/)             make bench   figures (45 minutes)
#   make demo     see a failover             make fuzz    fuzzers, FUZZ_SECONDS each (3600)
#   make check    everything, as CI does     make lint    linters only
#   make setup    packages, headers, guest   make soak    SOAK_RUNS random schedules (10^8), days;
#   make install  as root; DESTDIR honoured               goes on where it was interrupted
#                                            make large   scenarios that check leaves out, and at full size,
#                                                         an hour

FUZZ_SECONDS ?= 3600
SOAK_RUNS ?= 100000000

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

soak: setup
	@tools/check prop $(SOAK_RUNS)

large: all
	@lab/run --group large --patience 2 --out out/large

lint: setup
	@tools/check lint

install: all
	meson install -C build --no-rebuild

clean:
	rm -rf build build-*

.PHONY: all setup demo check bench fuzz soak large lint install clean
