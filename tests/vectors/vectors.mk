# SPDX-License-Identifier: MIT
# Every vector of the folder, of every kind, in one table; the programs are unit's and database's.
CHECK_STEPS += vectors
CHECK_vectors = tests/vectors/table.py "$(B)/unit --filter vectors/*" "$(B)/database-tests --filter vectors/*"
NEEDS_vectors = $(B)/unit $(B)/database-tests
