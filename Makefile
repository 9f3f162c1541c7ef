# A thin front for Meson. Two commands do everything: `make demo` and `make test`; on Debian 12 as root each installs
# what it needs first (setup/packages.txt, setup/npm.lock).
BUILD ?= build
DEV ?= build-dev
FUZZ ?= build-fuzz
FUZZ_SECONDS ?= 20

.PHONY: all setup gate test-gate-static packages test-packages demo test test-all test-crash test-witness test-kubernetes bench fuzz dev install docs clean

all: setup
	@[ -f $(BUILD)/build.ninja ] || meson setup --buildtype=release $(BUILD) >/dev/null
	@ninja -C $(BUILD) --quiet

setup:
	@setup/packages build
	@setup/fetch build

# reforge-gate for both architectures, static: build-gate/x86_64/reforge-gate, build-gate/aarch64/reforge-gate.
gate:
	@setup/packages build gate
	@setup/fetch build
	@[ -f build-gate/x86_64/build.ninja ] || meson setup --buildtype=release -Dgate=true build-gate/x86_64 >/dev/null
	@[ -f build-gate/aarch64/build.ninja ] || meson setup --buildtype=release -Dgate=true --cross-file setup/aarch64.ini build-gate/aarch64 >/dev/null
	@ninja -C build-gate/x86_64 --quiet
	@ninja -C build-gate/aarch64 --quiet

# What is in them and what is not; the same questions to both, under QEMU, with the same answers.
test-gate-static: gate dev all
	@setup/packages test demo
	@setup/fetch demo
	@tests/gate/static build-gate

# Debian packages of both programs for amd64 and arm64 in build-packages/, and the container image of reforge-gate, an OCI layout,
# in build-packages/image.
packages: gate all
	@setup/packages debian
	@[ -f build-aarch64/build.ninja ] || meson setup --buildtype=release --cross-file setup/aarch64.ini --cross-file setup/aarch64-full.ini \
	  build-aarch64 >/dev/null
	@ninja -C build-aarch64 --quiet reforge toolchains/onnxruntime/reforge-toolchain-onnxruntime toolchains/tensorrt/reforge-toolchain-tensorrt
	@deploy/debian/build build-packages reforge-gate amd64 build-gate/x86_64 reforge-gate arm64 build-gate/aarch64 \
	  reforge amd64 $(BUILD) reforge arm64 build-aarch64
	@deploy/container/build build-packages/image amd64=build-gate/x86_64/reforge-gate arm64=build-gate/aarch64/reforge-gate

# What is in them, installed and removed, made again with the same bytes, read by others' tools.
test-packages: packages
	@tests/deploy/packages build-packages

# The main job before your eyes: a fleet, a bulletin, the response.
demo:
	@setup/packages build demo
	@setup/fetch build demo
	@[ -f $(BUILD)/build.ninja ] || meson setup --buildtype=release $(BUILD) >/dev/null
	@ninja -C $(BUILD) --quiet
	@REFORGE=$(abspath $(BUILD))/reforge BUILD=$(abspath $(BUILD)) demo/run

# Developers' build: tests, address and undefined-behaviour sanitizers.
dev: setup
	@[ -f $(DEV)/build.ninja ] || meson setup --buildtype=debugoptimized -Dtests=true -Db_sanitize=address,undefined $(DEV) >/dev/null
	@ninja -C $(DEV) --quiet

# Every test; T=advisory/ runs those whose name holds it.
test:
	@setup/packages build demo test
	@setup/fetch build demo
	@$(MAKE) --no-print-directory dev all
	@tests/run $(DEV) $(T)

# The real program killed at KILLS random moments of the demonstration's response.
KILLS ?= 100
test-crash: all
	@setup/packages build demo test
	@setup/fetch build demo
	@tests/crash/run --kills $(KILLS)

# What we write, read back by tools that others made; those that cannot be had are skipped, with the reason.
test-witness:
	@setup/packages build demo
	-@setup/packages witness
	@setup/fetch build demo
	@$(MAKE) --no-print-directory all
	@tests/witness/run

# Against a real Kubernetes control plane, built once into a cache outside the clone (10 minutes the first time).
test-kubernetes: all
	@setup/packages build kubernetes
	@tests/kubernetes/run $(T)

# Speed and memory, side by side with peers or limits; B=room for one.
bench:
	@setup/packages build demo test bench
	@setup/fetch build demo
	@[ -f build-bench/build.ninja ] || meson setup --buildtype=release -Dtests=true build-bench >/dev/null
	@ninja -C build-bench --quiet
	@tests/bench/run build-bench $(B)

# Coverage-guided fuzzing of every parser, FUZZ_SECONDS each; T=name for one.
fuzz:
	@setup/packages build test fuzz
	@setup/fetch build
	@[ -f $(FUZZ)/build.ninja ] || CC=clang CXX=clang++ meson setup --buildtype=debugoptimized -Dtests=true -Dfuzz=true \
	  -Db_sanitize=address,undefined -Db_lundef=false $(FUZZ) >/dev/null
	@ninja -C $(FUZZ) --quiet
	@tests/fuzz/run $(FUZZ) $(FUZZ_SECONDS) $(T)

install: all
	@meson install -C $(BUILD) --quiet

clean:
	rm -rf $(BUILD) $(DEV) $(FUZZ) build-bench build-gate build-aarch64 build-packages
