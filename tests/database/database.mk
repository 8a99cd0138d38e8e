# Tests of server/store and server/jobs on a real database.
DATABASE_SRC := $(wildcard tests/database/*.c)
DATABASE_OBJ := $(DATABASE_SRC:%.c=$(B)/%.o)

$(B)/database-tests: $(DATABASE_OBJ) $(B)/libidphotod.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcriterion

CHECK_STEPS += database
CHECK_database = $(B)/database-tests --jobs $(UNIT_JOBS)
NEEDS_database = $(B)/database-tests
