# A thin front for Meson. Two commands: `make demo` and `make test`; each installs what it needs (as root, on Debian).
.PHONY: all setup demo test bench fuzz clean dev install
BUILD ?= build
DEV ?= build-dev

all: $(BUILD)/reforge

setup:
	@setup/packages build
	@setup/fetch build

$(BUILD)/build.ninja:
	@meson setup --buildtype=release $(BUILD) >/dev/null

$(BUILD)/reforge: setup $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

dev: setup
	@[ -f $(DEV)/build.ninja ] || meson setup --buildtype=debugoptimized -Dtests=true -Db_sanitize=address,undefined $(DEV) >/dev/null
	@ninja -C $(DEV) --quiet

test: dev all
	@tests/run $(DEV) $(T)

clean:
	rm -rf $(BUILD) $(DEV)
