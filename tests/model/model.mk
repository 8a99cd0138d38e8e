# Thousands of random interleavings of orders, money and crashes: money in = ledger = states.
CHECK_STEPS += model
CHECK_model = tests/model/run
NEEDS_model = $(B)/idphotod $(B)/sandbox
