# SPDX-License-Identifier: MIT
# The API tests: a program that talks HTTP to a whole installation, and nothing of the server in it.
API_SRC := $(wildcard tests/api/*.c)
API_OBJ := $(API_SRC:%.c=$(B)/%.o) $(B)/tests/unit/render_portrait.o $(B)/tests/unit/render_shapes.o
API_LIBS := -lcurl -ljansson -lpq -ljpeg -lz -lm

.PHONY: api-tests
api-tests: $(B)/api-tests

$(B)/api-tests: $(API_OBJ)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(API_LIBS)

CHECK_STEPS += api
CHECK_api = tests/api/run.sh $(B)/api-tests
NEEDS_api = $(B)/api-tests $(B)/idphotod $(B)/sandbox
