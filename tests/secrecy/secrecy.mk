# Planted values are searched for wherever they must not be; a backup of day 1 must not open later.
CHECK_STEPS += secrecy
CHECK_secrecy = tests/secrecy/run
NEEDS_secrecy = $(B)/idphotod $(B)/sandbox $(B)/try-open

# Opens what a backup holds with the keys on disk; the kill test uses it too.
$(B)/try-open: $(B)/tests/secrecy/try_open.o $(PROGRAM_A)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

.PHONY: try-open
try-open: $(B)/try-open
