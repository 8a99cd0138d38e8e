# Tests of server/store and server/jobs on a real database.
# The runner of vectors, and the keys that sign them, are tests/unit's.
DATABASE_SRC := $(wildcard tests/database/*.c) tests/unit/vectors.c tests/unit/key_pair.c
DATABASE_OBJ := $(DATABASE_SRC:%.c=$(B)/%.o)

$(B)/database-tests: $(DATABASE_OBJ) $(PROGRAM_A)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcriterion

CHECK_STEPS += database
CHECK_database = $(B)/database-tests --jobs $(UNIT_JOBS)
NEEDS_database = $(B)/database-tests
