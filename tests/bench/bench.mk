# What `make bench` needs besides the server: the sandbox's code signs, the server's is timed.
BENCH_SIGN_SRC := tests/bench/sign.c $(filter-out %/main.c,$(wildcard tests/sandbox/*.c))
NEEDS_bench = $(B)/sandbox $(B)/bench-sign $(B)/bench-parts $(B)/bench-images $(B)/draw-portrait

$(B)/bench-sign: $(BENCH_SIGN_SRC:%.c=$(B)/%.o)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(SANDBOX_LIBS)

$(B)/bench-parts: $(B)/tests/bench/parts.o $(PROGRAM_A)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/bench-images: $(B)/tests/bench/images.o $(PROGRAM_A)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
