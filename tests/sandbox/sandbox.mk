# The payment sandbox: a program of its own, without the server's library.
SANDBOX_SRC := $(wildcard tests/sandbox/*.c)
SANDBOX_OBJ := $(SANDBOX_SRC:%.c=$(B)/%.o)
SANDBOX_LIBS := -lmicrohttpd -ljansson -lcurl -lcrypto -lzip -lz -lpthread

.PHONY: sandbox
sandbox: $(B)/sandbox

$(B)/sandbox: $(SANDBOX_OBJ)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(SANDBOX_LIBS)

CHECK_STEPS += sandbox
CHECK_sandbox = python3 tests/sandbox/selftest.py $(B)/sandbox
NEEDS_sandbox = $(B)/sandbox
