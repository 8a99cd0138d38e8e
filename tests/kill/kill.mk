# kill -9 of server and PostgreSQL at random moments: what was acknowledged is there, once.
CHECK_STEPS += kill
CHECK_kill = tests/kill/run
NEEDS_kill = $(B)/idphotod $(B)/sandbox $(B)/try-open
