# The payment sandbox: a program of its own, without the server's library.
# Wants B, CC, CPPFLAGS, CFLAGS, LDFLAGS of the top Makefile and its rule for $(B)/%.o.
SANDBOX_SRC := $(wildcard tests/sandbox/*.c)
SANDBOX_OBJ := $(SANDBOX_SRC:%.c=$(B)/%.o)
SANDBOX_LIBS := $(shell pkg-config --libs libmicrohttpd jansson libcurl libcrypto) -lpthread

.PHONY: sandbox sandbox-selftest
sandbox: $(B)/sandbox

$(B)/sandbox: $(SANDBOX_OBJ)
	$(CC) $(LDFLAGS) -o $@ $^ $(SANDBOX_LIBS)

sandbox-selftest: $(B)/sandbox
	tests/sandbox/selftest.py $(B)/sandbox
