# Opens what a backup holds with the keys on disk; the kill test uses it too.
$(B)/try-open: $(B)/tests/secrecy/try_open.o $(B)/libidphotod.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

.PHONY: try-open
try-open: $(B)/try-open
