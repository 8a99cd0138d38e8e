# SPDX-License-Identifier: MIT
# Print orders, from their payment to the zip that is printed, read by other programs.
CHECK_STEPS += prints
CHECK_prints = tests/api/prints.sh
NEEDS_prints = $(B)/idphotod $(B)/sandbox
