# idphotod: see README.md. `make demo` and `make check` do all their own set-up.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: all unit

VARIANT ?= release
B := build/$(VARIANT)
PKGS := libmicrohttpd libpq jansson libsodium libcurl openssl gnutls inih vips
WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wswitch-enum -Wmissing-prototypes \
        -Wvla -Wformat-security -Werror
OPT := -O2 -g -D_FORTIFY_SOURCE=2
HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection
CPPFLAGS += -D_GNU_SOURCE -Iserver $(patsubst -I%,-isystem %,$(shell pkg-config --cflags-only-I $(PKGS) 2>/dev/null))
CFLAGS += -std=gnu17 $(OPT) $(WARN) $(HARDEN) $(SAN) -MMD -MP
LDFLAGS += -pie -Wl,-z,relro,-z,now $(SAN)
LDLIBS += $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpthread

LIB_SRC := $(filter-out server/main.c,$(wildcard server/*.c server/*/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
UNIT_SRC := $(wildcard tests/unit/*.c)
UNIT_OBJ := $(UNIT_SRC:%.c=$(B)/%.o)

all: $(B)/idphotod

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/libidphotod.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(B)/idphotod: $(B)/server/main.o $(B)/libidphotod.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/unit: $(UNIT_OBJ) $(B)/libidphotod.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcriterion

unit: $(B)/unit
	$(B)/unit --jobs 2

-include $(shell find $(B) -name '*.d' 2>/dev/null)
