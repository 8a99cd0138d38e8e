# SPDX-License-Identifier: MIT
# idphotod: README.md says what it is. `make demo` and `make check` do all their own set-up.
#
#   make            builds build/release/idphotod
#   make demo       the whole story in readable steps
#   make check      every test; the last line counts them
#   make run        server, sandbox and database in the foreground
#   make contact-sheet PORTRAITS=dir   portraits, mattes and photos on one picture
#   make unit asan ubsan tsan fuzz bench overload lint format install clean
#
# V=1 shows the commands. VARIANT names the folder under build/; SAN, OPT and CC go with it.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.DEFAULT_GOAL := all
.PHONY: all check demo run unit asan ubsan tsan fuzz bench overload lint format install clean

# On all cores, unless the caller says otherwise. A make below another one shares its jobs.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

VARIANT ?= release
B := build/$(VARIANT)
comma := ,
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2);)

# Of OpenCV's own (package opencv-data): what server/core looks for faces with.
CASCADE_NAMES := frontalface_alt2 frontalface_default eye_tree_eyeglasses
PKGS := libmicrohttpd libpq jansson libsodium libcurl openssl gnutls inih simdjson vips libjpeg cairo-pdf zlib libzip libarchive libqrencode
WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wswitch-enum -Wmissing-prototypes \
        -Wvla -Wformat-security -Werror
OPT := -O2 -g -D_FORTIFY_SOURCE=2
HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection
CPPFLAGS += -D_GNU_SOURCE -Iserver $(PKG_CPPFLAGS)
CFLAGS += -std=gnu17 $(OPT) $(WARN) $(HARDEN) $(SAN) -MMD -MP
LDFLAGS += -pie -Wl,-z,relro,-z,now $(SAN)
CXXFLAGS += -std=gnu++17 $(OPT) $(filter-out -Wstrict-prototypes -Wmissing-prototypes,$(WARN)) $(HARDEN) \
            $(SAN) $(if $(SAN),-fno-sanitize=vptr) -MMD -MP
# Debian's small packages of OpenCV have no .pc file.
OPENCV_CPPFLAGS := -isystem /usr/include/opencv4
OPENCV_LDLIBS := -lopencv_dnn -lopencv_objdetect -lopencv_imgproc -lopencv_core -lstdc++
LDLIBS += $(PKG_LDLIBS) $(OPENCV_LDLIBS) -lcsv -lm -lpthread

# Including this file installs what is missing and asks pkg-config, before anything is built: make
# first remakes the makefiles that it includes. Only tidying up does without.
ifneq ($(filter-out clean format,$(or $(MAKECMDGOALS),all)),)
include build/packages.mk
endif
build/packages.mk: deploy/install-deps.sh Makefile
	$(Q)deploy/install-deps.sh build
	$(Q)mkdir -p $(@D)
	$(Q){ echo "PKG_CPPFLAGS := $$(pkg-config --cflags-only-I $(PKGS) | sed 's/-I */-isystem /g')"; \
	    echo "PKG_LDLIBS := $$(pkg-config --libs $(PKGS))"; } >$@.new && mv $@.new $@

build/develop.stamp: deploy/install-deps.sh
	$(Q)deploy/install-deps.sh develop
	$(Q)mkdir -p $(@D) && touch $@

# ---------------------------------------------------------------- program

LIB_SRC := $(filter-out server/main.c server/core/%,$(wildcard server/*.c server/*/*.c server/*/*.cpp))
LIB_OBJ := $(patsubst %,$(B)/%.o,$(basename $(LIB_SRC))) $(B)/embedded.o
EMBED := $(sort $(wildcard migrations/*.sql server/*/*.json server/web/*))

all: $(B)/idphotod

$(B)/%.o: %.c | build/packages.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# server/base/embed.h. The folders are prerequisites too, so that a file that goes is noticed.
$(B)/embedded.o: server/embed.sh $(EMBED) migrations server/web
	@mkdir -p $(@D)
	$(call say,EMBED,"$(words $(EMBED)) files")sh server/embed.sh embedded_files $(EMBED) >$(@:.o=.s) && $(CC) -c -o $@ $(@:.o=.s)

# The image core is a library of its own; the detectors that OpenCV trains are part of it.
CORE_SRC := $(wildcard server/core/*.cpp)
CASCADES := $(CASCADE_NAMES:%=/usr/share/opencv4/haarcascades/haarcascade_%.xml)

$(B)/%.o: %.cpp | build/packages.mk
	@mkdir -p $(@D)
	$(call say,CXX,$<)$(CXX) $(CPPFLAGS) $(OPENCV_CPPFLAGS) $(CXXFLAGS) -c -o $@ $<

$(B)/cascades.o: server/embed.sh Makefile
	@mkdir -p $(@D)
	$(call say,EMBED,"$(words $(CASCADES)) cascades")sh server/embed.sh idphoto_cascades $(CASCADES) >$(@:.o=.s) && $(CC) -c -o $@ $(@:.o=.s)

$(B)/libidphoto.a: $(CORE_SRC:%.cpp=$(B)/%.o) $(B)/cascades.o
	@rm -f $@
	$(call say,AR,$@)ar rcs $@ $^

# The commit that GET /metrics names. The stamp changes only when the commit does.
COMMIT := $(or $(shell git rev-parse --short=12 HEAD 2>/dev/null),unknown)
$(B)/commit.stamp: FORCE
	@mkdir -p $(@D) && { echo '$(COMMIT)' | cmp -s - $@ || echo '$(COMMIT)' >$@; }
$(B)/server/base/version.o: CPPFLAGS += -DCOMMIT='"$(COMMIT)"'
$(B)/server/base/version.o: $(B)/commit.stamp
.PHONY: FORCE

# What a program of ours is linked with, in the order of the arrows.
PROGRAM_A := $(B)/libidphotod.a $(B)/libidphoto.a

$(B)/libidphotod.a: $(LIB_OBJ)
	@rm -f $@
	$(call say,AR,$@)ar rcs $@ $^

$(B)/idphotod: $(B)/server/main.o $(PROGRAM_A)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# ---------------------------------------------------------------- tests

UNIT_SRC := $(wildcard tests/unit/*.c)
UNIT_OBJ := $(UNIT_SRC:%.c=$(B)/%.o)
UNIT_JOBS ?= 2

# Tests move the boot clock: tests/unit/boot_clock.h.
$(B)/unit: $(UNIT_OBJ) $(PROGRAM_A)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -Wl,--wrap=clock_boot_us -o $@ $^ $(LDLIBS) -lcriterion

# Folders of real portraits, networks and a known matte, for tests that want more than the tree holds.
PORTRAITS ?= $(wildcard ../shared/portraits)
MODELS ?= $(wildcard ../shared/models)
MATTING ?= $(wildcard ../shared/matting)
UNIT_ENV := IDPHOTOD_REFERENCE_PORTRAITS='$(abspath $(PORTRAITS))' IDPHOTOD_REFERENCE_MODELS='$(abspath $(MODELS))' \
            IDPHOTOD_REFERENCE_MATTING='$(abspath $(MATTING))'

unit: $(B)/unit
	$(Q)$(SAN_ENV) $(UNIT_ENV) $(B)/unit --jobs $(UNIT_JOBS)

# A step of `make check` is a command that ends with "N passed, N failed" (or Criterion's summary)
# and runs beside a PostgreSQL of its own: tests/tool/with-postgres.sh. A part adds its own in
# tests/PART/PART.mk:
#   CHECK_STEPS += api
#   CHECK_api = tests/api/run $(B)/api-tests
#   NEEDS_api = $(B)/api-tests $(B)/idphotod $(B)/sandbox
CHECK_STEPS := unit
CHECK_unit = $(UNIT_ENV) $(B)/unit --jobs $(UNIT_JOBS)
NEEDS_unit = $(B)/unit

-include $(sort $(wildcard tests/*/*.mk))

# STEPS=... picks some of them.
STEPS ?= $(CHECK_STEPS)

check: all $(foreach step,$(STEPS),$(NEEDS_$(step)))
	$(Q)$(SAN_ENV) VARIANT=$(VARIANT) tests/tool/check.sh $(B)/check \
	    $(foreach step,$(STEPS),'$(step)=$(CHECK_$(step))')

GLIB_ENV := G_SLICE=always-malloc
ASAN_ENV := ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 \
            LSAN_OPTIONS=suppressions=$(CURDIR)/tests/tool/lsan.supp:print_suppressions=0 \
            UBSAN_OPTIONS=print_stacktrace=1
TSAN_ENV := TSAN_OPTIONS=suppressions=$(CURDIR)/tests/tool/tsan.supp:halt_on_error=0:exitcode=66
variant = $(MAKE) --no-print-directory VARIANT=$(1) OPT="-O1 -g -fno-omit-frame-pointer" \
          SAN="-fsanitize=$(2) -fno-sanitize-recover=all" SAN_ENV="$(GLIB_ENV) $(3)" check

# The address and thread sanitizers keep freed memory back and map terabytes beside it: what is
# forgotten cannot be told there, and a core file of it fills a disk.
asan:
	+$(Q)$(call variant,asan,address$(comma)undefined,$(ASAN_ENV)) STEPS="$(filter-out forget,$(STEPS))"
ubsan:
	+$(Q)$(call variant,ubsan,undefined,UBSAN_OPTIONS=print_stacktrace=1)
# Criterion cannot start under the thread sanitizer (it maps memory at addresses that this one
# keeps for itself), so threads are watched in the server that the other steps call; and secrecy would
# find the file that it maps.
tsan:
	+$(Q)$(call variant,tsan,thread,$(TSAN_ENV)) STEPS="$(filter-out unit database vectors forget secrecy,$(STEPS))"

# Demo and run play with server, sandbox and database.
DEMO ?= tests/demo/run
demo: all $(B)/sandbox $(B)/try-open
	$(Q)VARIANT=$(VARIANT) tests/tool/with-postgres.sh $(DEMO)

run: all $(B)/sandbox
	$(Q)VARIANT=$(VARIANT) tests/tool/with-postgres.sh tests/tool/run.sh

bench: all $(NEEDS_bench) build/bench.stamp
	$(Q)VARIANT=$(VARIANT) tests/tool/with-postgres.sh tests/bench/run
	$(Q)VARIANT=$(VARIANT) PORTRAITS='$(PORTRAITS)' MODELS='$(MODELS)' tests/bench/images.py
	+$(Q)$(MAKE) --no-print-directory overload

# Ten times more callbacks than can be served, for OVERLOAD_SECONDS (60).
overload: all $(NEEDS_bench) build/bench.stamp
	$(Q)VARIANT=$(VARIANT) tests/tool/with-postgres.sh tests/bench/run overload.py

build/bench.stamp: deploy/install-deps.sh
	$(Q)deploy/install-deps.sh bench
	$(Q)mkdir -p $(@D) && touch $@

# ---------------------------------------------------------------- fuzzing

FUZZ_SECONDS ?= 30
FUZZ_SRC := $(wildcard tests/fuzz/*_fuzz.c)
FUZZ_HELP := $(filter-out %_fuzz.c,$(wildcard tests/fuzz/*.c))
FUZZERS := $(FUZZ_SRC:tests/fuzz/%.c=build/fuzz/%)
# The kind of a function that a pointer names is C++'s to check, with a runtime that C is not linked with.
FUZZ_MAKE = $(MAKE) --no-print-directory VARIANT=fuzz CC=clang CXX=clang++ WARN=-Wall OPT="-O1 -g -fno-omit-frame-pointer" \
            SAN="-fsanitize=fuzzer-no-link$(comma)address$(comma)undefined -fno-sanitize-recover=all -fno-sanitize=function"

fuzz: build/develop.stamp
	+$(Q)$(FUZZ_MAKE) fuzzers
	$(Q)$(ASAN_ENV) tests/tool/fuzz.sh build/fuzz $(FUZZ_SECONDS) $(FUZZERS)

.PHONY: fuzzers
fuzzers: $(FUZZERS)
build/fuzz/%_fuzz: build/fuzz/tests/fuzz/%_fuzz.o $(FUZZ_HELP:%.c=build/fuzz/%.o) $(PROGRAM_A:$(B)/%=build/fuzz/%)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

# ---------------------------------------------------------------- lint and format

SOURCES := $(wildcard server/*.[ch] server/*/*.[ch] server/*/*.[ch]pp tests/*/*.[ch] tests/*/*.[ch]pp)

lint: build/develop.stamp $(EMBED)
	$(Q)tests/tool/lint.sh
	+$(Q)$(MAKE) --no-print-directory -j$(shell nproc) VARIANT=lint tidy

.PHONY: tidy
TIDY_SRC := $(filter server/%.c server/%.cpp,$(SOURCES))
tidy: $(patsubst %,build/lint/%.tidy,$(basename $(TIDY_SRC)))
	@echo "lint: clang-tidy: $(words $^) files, nothing to say"
build/lint/%.tidy: %.c .clang-tidy $(filter server/%.h,$(SOURCES))
	@mkdir -p $(@D)
	$(call say,TIDY,$<)clang-tidy --quiet --warnings-as-errors='*' $< -- -std=gnu17 $(CPPFLAGS) 2>$@.log \
	    || { cat $@.log; exit 1; }
	@touch $@
build/lint/%.tidy: %.cpp .clang-tidy $(filter server/core/% server/base/%.h,$(SOURCES))
	@mkdir -p $(@D)
	$(call say,TIDY,$<)clang-tidy --quiet --warnings-as-errors='*' $< -- -std=gnu++17 $(CPPFLAGS) $(OPENCV_CPPFLAGS) \
	    2>$@.log || { cat $@.log; exit 1; }
	@touch $@

format: build/develop.stamp
	$(Q)clang-format -i $(SOURCES)

# ---------------------------------------------------------------- installation

prefix ?= /usr/local
sysconfdir ?= /etc
systemddir ?= /usr/lib
share := $(prefix)/share/idphotod
etc := $(sysconfdir)/idphotod

# What a host may have changed stays as it is: configuration, prices, policies. As they come, they lie
# in $(share)/config, to be compared.
install: all
	install -D -m 755 $(B)/idphotod $(DESTDIR)$(prefix)/bin/idphotod
	install -d $(DESTDIR)$(etc)/policy $(DESTDIR)$(etc)/specs $(DESTDIR)$(share)/admin $(DESTDIR)$(systemddir)/systemd/system
	install -D -m 644 -t $(DESTDIR)$(share)/config config/*.json config/idphotod.conf
	install -D -m 644 -t $(DESTDIR)$(share)/config/policy config/policy/*
	install -D -m 644 -t $(DESTDIR)$(share)/config/specs config/specs/*
	cd config && for f in *.json policy/* specs/*; do test -e "$(DESTDIR)$(etc)/$$f" || \
	    install -m 644 "$$f" "$(DESTDIR)$(etc)/$$f" || exit 1; done
	test -e $(DESTDIR)$(etc)/idphotod.conf || install -m 640 config/idphotod.conf $(DESTDIR)$(etc)/idphotod.conf
	if getent group idphotod >/dev/null; then chgrp idphotod $(DESTDIR)$(etc)/idphotod.conf; fi
	install -D -m 644 -t $(DESTDIR)$(share)/migrations migrations/*.sql
	install -m 644 -t $(DESTDIR)$(share) $(wildcard README.md) CHANGELOG.md LICENSE
	install -D -m 644 -t $(DESTDIR)$(share)/prometheus deploy/prometheus/*
	install -D -m 644 -t $(DESTDIR)$(share)/grafana deploy/grafana/*
	find deploy/admin -type f -exec install -m 755 -t $(DESTDIR)$(share)/admin {} +
	sed 's,@prefix@,$(prefix),; s,@sysconfdir@,$(sysconfdir),' deploy/idphotod.service \
	    >$(DESTDIR)$(systemddir)/systemd/system/idphotod.service
	install -D -m 644 deploy/idphotod.sysusers $(DESTDIR)$(systemddir)/sysusers.d/idphotod.conf

clean:
	$(Q)for cluster in build/pg/*/; do test ! -d $$cluster || tests/tool/postgres.sh stop $$cluster; done
	rm -rf build

-include $(shell find $(B) -name '*.d' 2>/dev/null)
